//! A person with a token that is always good, and the few things a client asks over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;

const PASSWORD: &str = "correct horse battery staple";

/// Tokens are good for 15 minutes; a run may take longer.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How long may take what comes before any fault: the machine may be busy with other rows.
const SETUP: Duration = Duration::from_secs(60);

/// Somebody who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    username: String,
    http: reqwest::Client,
    /// For what comes before any fault.
    patient: reqwest::Client,
    token: Arc<Mutex<(String, Instant)>>,
}

impl Account {
    /// Registers somebody at this server, who waits so long for an answer: a server under a fault may never give one.
    pub async fn register(url: &str, username: &str, patience: Duration) -> Self {
        let client = |patience| {
            let builder = reqwest::Client::builder().no_proxy();
            builder.timeout(patience).build().expect("a plain client")
        };
        let account = Self {
            username: username.to_owned(),
            http: client(patience),
            patient: client(SETUP),
            token: Arc::new(Mutex::new((String::new(), Instant::now()))),
        };
        let query =
            "mutation ($input: RegisterInput!) { auth: register(input: $input) { accessToken } }";
        let input = json!({
            "username": username,
            "email": format!("{username}@example.org"),
            "password": PASSWORD,
        });
        account
            .sign_in(&account.patient, url, query, input)
            .await
            .expect("a server that works");
        account
    }

    async fn sign_in(
        &self,
        http: &reqwest::Client,
        url: &str,
        query: &str,
        input: Value,
    ) -> Option<()> {
        let body = json!({"query": query, "variables": {"input": input}});
        let answer = post(http, url, None, &body).await.ok()?;
        let token = answer["data"]["auth"]["accessToken"].as_str()?;
        *self.token.lock().await = (token.to_owned(), Instant::now());
        Some(())
    }

    /// An access token that is good for minutes.
    pub async fn token(&self, url: &str) -> String {
        let (token, since) = self.token.lock().await.clone();
        if since.elapsed() > FRESH {
            let query =
                "mutation ($input: LoginInput!) { auth: login(input: $input) { accessToken } }";
            let input = json!({"username": self.username, "password": PASSWORD});
            // If that fails, the old one may still do.
            let signed_in = self.sign_in(&self.http, url, query, input).await;
            if signed_in.is_some() {
                return self.token.lock().await.0.clone();
            }
        }
        token
    }

    /// Runs an operation; an error is a connection that broke or a wait that was too long.
    pub async fn ask(&self, url: &str, query: &str, variables: Value) -> reqwest::Result<Value> {
        let token = self.token(url).await;
        let body = json!({"query": query, "variables": variables});
        post(&self.http, url, Some(&token), &body).await
    }

    /// Starts a session, with the chatbot of the house or none; its id and its first cursor.
    pub async fn start_session(&self, url: &str, is_answered: bool) -> (String, String) {
        let query =
            "mutation ($input: StartSessionInput!) { startSession(input: $input) { id cursor } }";
        let input = if is_answered {
            json!({})
        } else {
            json!({"chatbots": []})
        };
        let token = self.token(url).await;
        let body = json!({"query": query, "variables": {"input": input}});
        let answer = post(&self.patient, url, Some(&token), &body).await;
        let answer = answer.expect("a server that works");
        let session = &answer["data"]["startSession"];
        let text = |name: &str| {
            let text = session[name].as_str();
            text.unwrap_or_else(|| panic!("no session: {answer}"))
                .to_owned()
        };
        (text("id"), text("cursor"))
    }
}

async fn post(
    http: &reqwest::Client,
    url: &str,
    token: Option<&str>,
    body: &Value,
) -> reqwest::Result<Value> {
    let mut request = http.post(format!("{url}/graphql")).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await?.json().await
}
