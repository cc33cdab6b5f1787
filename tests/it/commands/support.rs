//! Servers that ask a fake API for quotes, and people who give commands.

use serde_json::{Value, json};

use super::quotes_api::QuotesApi;
use crate::helpers::{Answer, Person, TestApp, TestDatabase};

/// Longer than a command takes, and as long as a client may wait.
pub const WAIT: u32 = 60_000;

/// A server that answers commands, with quotes of this API.
pub async fn start(api: &QuotesApi) -> TestApp {
    start_with(&[("PARLOR_QUOTES_URL", &api.url())]).await
}

/// A server that answers commands, with these variables set.
pub async fn start_with(variables: &[(&str, &str)]) -> TestApp {
    let app = TestApp::configured(TestDatabase::migrated().await, variables).await;
    parlor::bots::start(app.app());
    app
}

/// Sends with this whole input, and asks for all that may come of a command.
pub async fn send(person: &Person, input: Value) -> Answer {
    let query = "mutation ($input: SendMessageInput!) {
        sendMessage(input: $input) {
            session { id cursor }
            message { id content }
            reply { id }
            commandReply {
                id command argument chatbot { handle } status content failure
            }
        }
    }";
    person.ask(query, json!({ "input": input })).await
}

/// What is told if more quotes are asked for than 20 a second.
const CROWDED: &str = "Too many quotes are asked for at once. Try again in a moment.";

/// Gives a command and waits for its answer; again, as it is told, if there are too many at once.
pub async fn give(person: &Person, session: &str, command: &str) -> Value {
    loop {
        let reply = give_once(person, session, command).await;
        if reply["failure"] != CROWDED {
            return reply;
        }
    }
}

async fn give_once(person: &Person, session: &str, command: &str) -> Value {
    let input = json!({"sessionId": session, "content": command, "waitMs": WAIT});
    let mut sent = send(person, input).await.data()["sendMessage"].take();
    assert_eq!(sent["session"]["id"], session);
    assert_eq!(sent["message"], Value::Null, "{sent}");
    assert_eq!(sent["reply"], Value::Null, "{sent}");
    let reply = sent["commandReply"].take();
    assert_ne!(reply["status"], "PENDING", "not answered in time: {reply}");
    reply
}

/// Gives a command that fails, and tells why.
pub async fn failure(person: &Person, session: &str, command: &str) -> String {
    let reply = give(person, session, command).await;
    assert_eq!(reply["status"], "FAILED", "{reply}");
    assert_eq!(reply["content"], "", "{reply}");
    reply["failure"].as_str().unwrap().to_owned()
}

/// Gives a command that is answered, and the answer.
pub async fn content(person: &Person, session: &str, command: &str) -> String {
    let reply = give(person, session, command).await;
    assert_eq!(reply["status"], "COMPLETE", "{reply}");
    assert_eq!(reply["failure"], Value::Null, "{reply}");
    reply["content"].as_str().unwrap().to_owned()
}
