//! What can't be done is answered with a code, and the name of what to mend, and nothing is written.

mod arguments;
mod content;
mod cursors;
mod every_field;
mod ids;

use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, TestDatabase};
use crate::raw_socket::RawSocket;

/// Ada and Bob, who each have a session with a message and its owed reply, and can't see the other's.
struct Scene {
    app: TestApp,
    ada: Person,
    session: String,
    other_session: String,
    message: String,
    reply: String,
    bob: Person,
    bobs_session: String,
    bobs_message: String,
}

impl Scene {
    /// Nobody writes replies here, so that whatever is written was written by the request.
    async fn start() -> Self {
        let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        let text = |id: &Value| id.as_str().unwrap().to_owned();
        let sent = ada.say(None, "hello").await;
        let bobs = bob.say(None, "hello").await;
        let other_session = ada.quiet_session().await;
        Self {
            other_session,
            session: text(&sent["session"]["id"]),
            message: text(&sent["message"]["id"]),
            reply: text(&sent["reply"]["id"]),
            bobs_session: text(&bobs["session"]["id"]),
            bobs_message: text(&bobs["message"]["id"]),
            app,
            ada,
            bob,
        }
    }

    /// Expects Ada's request to be refused like this, and to leave everything as it was.
    async fn refuses(&self, query: &str, variables: Value, code: &str, field: Option<&str>) {
        let before = self.app.database().contents().await;
        let answer = self.ada.ask(query, variables).await;
        answer.expect_error(code, field);
        assert_eq!(self.app.database().contents().await, before, "{query}");
    }

    /// Expects Ada's send to be refused like this, and to leave everything as it was.
    async fn refuses_send(&self, input: Value, code: &str, field: &str) {
        self.refuses(SEND, json!({ "input": input }), code, Some(field))
            .await;
    }

    /// The first answer to a subscription of this person's, as it came.
    async fn subscribe(&self, who: Option<&Person>, query: &str, variables: Value) -> Value {
        let token = who.map(Person::token);
        let mut socket = RawSocket::acknowledged(self.app.url(), token).await;
        socket.subscribe("bad", query, variables).await;
        socket.hear().await
    }
}

const SEND: &str = "mutation ($input: SendMessageInput!) {
    sendMessage(input: $input) { session { id } message { id } }
}";

const START: &str = "mutation ($input: StartSessionInput!) { startSession(input: $input) { id } }";

const EVENTS: &str = "subscription ($id: ID!, $after: String) {
    sessionEvents(sessionId: $id, after: $after) { __typename ... on FeedEnded { reason } }
}";

const ADDED: &str = "subscription ($id: ID!, $after: String) {
    messageAdded(sessionId: $id, after: $after) { id }
}";

const INBOX: &str = "subscription ($after: String) {
    inbox(after: $after) { __typename ... on FeedEnded { reason } }
}";
