//! Visits: somebody without an account comes to see somebody with one.

mod coming;
mod ending;
mod expiry;
mod limits;
mod outside;
mod together;

use serde_json::{Value, json};

use crate::helpers::{Answer, Person, TestApp};

const START: &str = "mutation ($input: StartVisitInput!) { startVisit(input: $input) {
    accessToken visitorToken expiresAt isNew
    session {
        id kind title cursor unreadCount chatbotsPaused
        owner { username } members { isOwner user { username displayName role email } }
        chatbots { handle }
        lastMessage { content clientKey session { unreadCount } }
        messages { nodes { content clientKey } }
    }
} }";

/// A guest with what they were given.
struct Guest {
    person: Person,
    token: String,
    session: String,
    payload: Value,
}

/// Asks for a visit with this whole input.
async fn start(person: &Person, input: Value) -> Answer {
    person.ask(START, json!({ "input": input })).await
}

impl Guest {
    /// Comes to see somebody, with this whole input.
    async fn comes(app: &TestApp, input: Value) -> Self {
        let nobody = app.nobody();
        let payload = start(&nobody, input).await.data()["startVisit"].take();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            person: nobody.with_token(&text(&payload["accessToken"])),
            token: text(&payload["visitorToken"]),
            session: text(&payload["session"]["id"]),
            payload,
        }
    }

    /// A new guest of this person's.
    async fn of(app: &TestApp, owner: &str) -> Self {
        Self::comes(app, json!({ "owner": owner })).await
    }

    /// The same, back with their token.
    async fn back(&self, app: &TestApp, owner: &str) -> Self {
        let input = json!({"owner": owner, "visitorToken": self.token});
        Self::comes(app, input).await
    }

    fn is_new(&self) -> bool {
        self.payload["isNew"].as_bool().unwrap()
    }

    /// The name by which an owner can remove them.
    fn username(&self) -> String {
        let members = self.payload["session"]["members"].as_array().unwrap();
        let guest = members
            .iter()
            .find(|member| member["user"]["role"] == "GUEST");
        guest.unwrap()["user"]["username"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Runs a mutation on a session, which has to work.
async fn on(person: &Person, session: &str, mutation: &str) -> Value {
    let query = format!("mutation ($id: ID!) {{ {mutation} }}");
    person.ask(&query, json!({ "id": session })).await.data()
}
