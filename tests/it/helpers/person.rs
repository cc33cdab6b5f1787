//! People who use a server as clients do: over HTTP, with a token.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use parlor::app::App;
use serde_json::{Value, json};

use super::{TestApp, Watch};

/// The password of everyone.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody with a client.
#[derive(Clone)]
pub struct Person {
    /// Where they are, if that is a server in this process.
    app: Option<App>,
    url: String,
    client: reqwest::Client,
    token: Option<String>,
    refresh_token: String,
}

/// What the server said.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Person {
    pub(super) async fn register(app: &TestApp, username: &str) -> Self {
        Self::nobody(app).register_as(username).await
    }

    /// Somebody who has just registered at a server of another process.
    pub async fn register_at(url: &str, username: &str) -> Self {
        Self::nobody_at(url).register_as(username).await
    }

    async fn register_as(&self, username: &str) -> Self {
        let input = json!({
            "username": username,
            "email": format!("{username}@example.org"),
            "password": PASSWORD,
        });
        let answer = self
            .ask(
                "mutation ($input: RegisterInput!) {
                    register(input: $input) { accessToken refreshToken }
                }",
                json!({ "input": input }),
            )
            .await;
        self.signed_in(&answer.data()["register"])
    }

    pub(super) fn nobody(app: &TestApp) -> Self {
        Self {
            app: Some(app.app().clone()),
            ..Self::nobody_at(app.url())
        }
    }

    /// Somebody who is not signed in, at a server of another process.
    pub fn nobody_at(url: &str) -> Self {
        Self {
            app: None,
            url: url.to_owned(),
            client: reqwest::Client::new(),
            token: None,
            refresh_token: String::new(),
        }
    }

    /// The same client with the tokens of an `AuthPayload`.
    pub fn signed_in(&self, payload: &Value) -> Self {
        Self {
            token: payload["accessToken"].as_str().map(str::to_owned),
            refresh_token: payload["refreshToken"].as_str().unwrap().to_owned(),
            ..self.clone()
        }
    }

    /// The same person at another server.
    pub fn at(&self, app: &TestApp) -> Self {
        Self {
            app: Some(app.app().clone()),
            url: app.url().to_owned(),
            ..self.clone()
        }
    }

    /// The same person at a server of another process.
    pub fn at_url(&self, url: &str) -> Self {
        Self {
            app: None,
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// The access token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// An access token of the same login that ended a minute ago.
    pub fn expired_token(&self) -> String {
        self.token_for(TimeDelta::minutes(-1))
    }

    /// An access token of the same login that ends earlier than usual.
    pub fn token_valid_for(&self, life: Duration) -> String {
        self.token_for(TimeDelta::from_std(life).unwrap())
    }

    fn token_for(&self, life: TimeDelta) -> String {
        let app = self.app.as_ref().expect("a server in this process");
        let tokens = app.access_tokens();
        let claims = tokens.check(self.token()).unwrap();
        let usual = claims.expires_at - claims.issued_at;
        let issued_at = Utc::now() - usual + life;
        tokens
            .issue(claims.user, claims.login, issued_at)
            .unwrap()
            .token
    }

    /// The same client with another access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Runs an operation.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        let text = self.ask_for_text(query, variables).await;
        Answer(serde_json::from_str(&text).unwrap())
    }

    /// Runs an operation and gives the answer as it came.
    pub async fn ask_for_text(&self, query: &str, variables: Value) -> String {
        let mut request = self
            .client
            .post(format!("{}/graphql", self.url))
            .json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Sends a message into a session, or a new one, and gives `sendMessage`'s payload.
    pub async fn say(&self, session: Option<&str>, content: &str) -> Value {
        let input = json!({"sessionId": session, "content": content});
        self.send(input).await.data()["sendMessage"].take()
    }

    /// Sends with this whole input.
    pub async fn send(&self, input: Value) -> Answer {
        self.ask(
            "mutation ($input: SendMessageInput!) {
                sendMessage(input: $input) {
                    session { id cursor }
                    message { id seq cursor content status clientKey }
                    reply { id seq cursor content status failure }
                }
            }",
            json!({ "input": input }),
        )
        .await
    }

    /// Starts a session without chatbots; its id.
    pub async fn quiet_session(&self) -> String {
        let answer = self
            .ask(
                "mutation { startSession(input: {chatbots: []}) { id } }",
                json!({}),
            )
            .await;
        answer.data()["startSession"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The newest messages of a session, in order.
    pub async fn history(&self, session: &str) -> Vec<Value> {
        let answer = self
            .ask(
                "query ($id: ID!) {
                    history(sessionId: $id, last: 200) {
                        nodes { id seq content status failure cursor }
                    }
                }",
                json!({ "id": session }),
            )
            .await;
        answer.data()["history"]["nodes"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Watches a session from a cursor on, or from now on.
    pub async fn watch(&self, session: &str, after: Option<&str>) -> Watch {
        Watch::events(&self.url, self.token(), session, after).await
    }

    /// Watches all of their sessions from a cursor on, or from now on.
    pub async fn watch_inbox(&self, after: Option<&str>) -> Watch {
        Watch::inbox(&self.url, self.token(), after).await
    }

    /// Watches the finished messages of a session from a cursor on, or from now on.
    pub async fn watch_finished(&self, session: &str, after: Option<&str>) -> Watch {
        Watch::messages(&self.url, self.token(), session, after).await
    }
}

impl Answer {
    /// The data of an answer without errors.
    pub fn data(mut self) -> Value {
        assert!(self.0.get("errors").is_none(), "{}", self.0);
        self.0["data"].take()
    }

    /// The only error's extensions.
    pub fn error(self) -> Value {
        let errors = self.0["errors"].as_array();
        match errors.map(Vec::as_slice) {
            Some([error]) => error["extensions"].clone(),
            _ => panic!("expected one error: {}", self.0),
        }
    }

    /// Expects one error with this code and, where it matters, this field.
    pub fn expect_error(self, code: &str, field: Option<&str>) {
        let told = self.0.to_string();
        let error = self.error();
        assert_eq!(error["code"], code, "{told}");
        assert_eq!(error["field"].as_str(), field, "{told}");
    }
}
