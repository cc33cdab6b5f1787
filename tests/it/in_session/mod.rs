//! What people do in a session beside sending: read, type, edit, take back, search.

mod deleting;
mod editing;
mod races;
mod reading;
mod searching;
mod typing;

use serde_json::{Value, json};

use crate::helpers::{Answer, Person, TestApp, TestDatabase, session_id};

/// Ada, whose session it is, and Bob, who is in it. Nobody answers there.
struct Pair {
    app: TestApp,
    ada: Person,
    bob: Person,
    session: String,
}

impl Pair {
    async fn start() -> Self {
        Self::on(TestApp::without_chatbots(TestDatabase::migrated().await).await).await
    }

    async fn on(app: TestApp) -> Self {
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        let session = ada.quiet_session().await;
        app.db_seat(&session, "bob").await;
        Self {
            app,
            ada,
            bob,
            session,
        }
    }

    /// Says something here; the message's id.
    async fn say(&self, who: &Person, content: &str) -> Value {
        who.say(Some(&self.session), content).await["message"]["id"].take()
    }
}

impl TestApp {
    /// Behind the API: somebody is in a session.
    async fn db_seat(&self, session: &str, username: &str) {
        let session = session_id(session);
        let sql = format!(
            "insert into members (session_id, user_id) select '{session}', id from users where username = '{username}'"
        );
        self.database().execute(&sql).await;
    }
}

async fn edit(person: &Person, id: &Value, content: &str) -> Answer {
    let query = "mutation ($id: ID!, $content: String!) {
        editMessage(id: $id, content: $content) { id seq cursor content status createdAt editedAt }
    }";
    person
        .ask(query, json!({"id": id, "content": content}))
        .await
}

async fn delete(person: &Person, id: &Value) -> Answer {
    let query = "mutation ($id: ID!) {
        deleteMessage(id: $id) { id seq cursor content status failure }
    }";
    person.ask(query, json!({ "id": id })).await
}

async fn type_in(person: &Person, session: &str, typing: bool) -> Answer {
    let query =
        "mutation ($id: ID!, $typing: Boolean!) { setTyping(sessionId: $id, typing: $typing) }";
    person
        .ask(query, json!({"id": session, "typing": typing}))
        .await
}

/// The session's last change.
async fn cursor(person: &Person, session: &str) -> Value {
    let query = "query ($id: ID!) { session(id: $id) { cursor } }";
    let answer = person.ask(query, json!({ "id": session })).await;
    answer.data()["session"]["cursor"].take()
}
