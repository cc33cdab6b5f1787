//! A Rust program as a client: its types are generated from `schema.graphql` and `operations.graphql`, so that a
//! change of the schema that would break it does not compile.

use chrono::Utc;
use graphql_client::{GraphQLQuery, Response};

use crate::helpers::{PASSWORD, TestApp};

/// What the schema's scalar is in Rust.
type DateTime = chrono::DateTime<Utc>;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/it/typed_client/operations.graphql",
    response_derives = "Debug, PartialEq"
)]
struct Register;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/it/typed_client/operations.graphql",
    response_derives = "Debug, PartialEq",
    // A union may grow, and an old client must live with it.
    fragments_other_variant
)]
struct Say;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/it/typed_client/operations.graphql",
    response_derives = "Debug, PartialEq",
    fragments_other_variant
)]
struct PageBack;

/// A program that talks to Parlor.
struct Client {
    http: reqwest::Client,
    endpoint: String,
    token: Option<String>,
}

impl Client {
    fn new(app: &TestApp) -> Self {
        Self {
            http: reqwest::Client::new(),
            endpoint: format!("{}/graphql", app.url()),
            token: None,
        }
    }

    /// Runs one operation.
    async fn run<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Response<Q::ResponseData> {
        let mut request = self
            .http
            .post(&self.endpoint)
            .json(&Q::build_query(variables));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Runs one operation that must succeed.
    async fn data<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Q::ResponseData {
        let answer = self.run::<Q>(variables).await;
        assert_eq!(answer.errors, None);
        answer.data.unwrap()
    }

    /// Opens an account and goes on in its name.
    async fn register(&mut self, username: &str) -> register::RegisterRegister {
        let answer = self.data::<Register>(registration(username)).await.register;
        self.token = Some(answer.access_token.clone());
        answer
    }

    /// Sends a message and waits for the reply.
    async fn say(&self, session_id: Option<String>, content: &str) -> say::SaySendMessage {
        let input = say::SendMessageInput {
            session_id,
            content: content.to_owned(),
            client_key: Some(format!("said {content}")),
            wait_ms: Some(60_000),
        };
        self.data::<Say>(say::Variables { input })
            .await
            .send_message
    }

    /// The messages of a session, from the newest page back to the first.
    async fn pages(&self, session: &str, last: i64) -> Vec<Vec<page_back::Said>> {
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let variables = page_back::Variables {
                session: session.to_owned(),
                last,
                before,
            };
            let page = self.data::<PageBack>(variables).await.history;
            pages.push(page.nodes);
            if !page.page_info.has_previous_page {
                return pages;
            }
            before = page.page_info.start_cursor;
        }
    }
}

fn registration(username: &str) -> register::Variables {
    let input = register::RegisterInput {
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        password: PASSWORD.to_owned(),
        display_name: None,
    };
    register::Variables { input }
}

#[tokio::test]
async fn a_generated_client_registers_speaks_and_pages_through_the_history() {
    let app = TestApp::start().await;
    let mut client = Client::new(&app);
    let ada = client.register("ada").await;
    assert_eq!(ada.user.username, "ada");
    assert_eq!(ada.user.role, register::Role::MEMBER);
    assert!(ada.expires_at > Utc::now());

    // No session is named, so the first message starts one.
    let first = client.say(None, "hello").await;
    assert_eq!(first.session.kind, say::SessionKind::PRIVATE);
    let session = first.session.id;
    let mut said = vec![first.message.unwrap(), first.reply.unwrap()];
    for content in ["how are you?", "goodbye"] {
        let sent = client.say(Some(session.clone()), content).await;
        assert_eq!(sent.session.id, session);
        said.extend([sent.message.unwrap(), sent.reply.unwrap()]);
    }
    for turn in said.chunks(2) {
        let [message, reply] = turn else {
            panic!("a message without its reply")
        };
        assert!(
            matches!(&message.author, say::SaidAuthor::User(user) if user.username == "ada"),
            "{message:?}"
        );
        assert!(
            matches!(&reply.author, say::SaidAuthor::Chatbot(bot) if bot.handle == "parlor"),
            "{reply:?}"
        );
        assert_eq!(reply.status, say::MessageStatus::COMPLETE);
        assert_eq!(reply.seq, message.seq + 1);
    }

    let pages = client.pages(&session, 4).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    let read = pages.iter().rev().flatten();
    assert!(
        read.map(|message| (
            &message.id,
            message.seq,
            &message.content,
            message.created_at
        ))
        .eq(said.iter().map(|message| (
            &message.id,
            message.seq,
            &message.content,
            message.created_at
        )))
    );
}

#[tokio::test]
async fn a_generated_client_switches_on_the_code_of_an_error() {
    let app = TestApp::start().await;
    let mut client = Client::new(&app);
    client.register("ada").await;

    let answer = client.run::<Register>(registration("ada")).await;
    assert_eq!(answer.data, None);
    let [error] = &answer.errors.unwrap()[..] else {
        panic!("one error")
    };
    let extensions = error.extensions.as_ref().unwrap();
    assert_eq!(extensions["code"], "CONFLICT");
    assert_eq!(extensions["field"], "username");
}
