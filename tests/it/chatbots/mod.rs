//! Chatbots of one's own: who makes, sees and changes them, and which of them answers.

mod answering;
mod own;
mod seen;

use serde_json::{Value, json};

use crate::helpers::{Answer, Person};

const FIELDS: &str =
    "id handle name greeting engine model temperature persona whileReplying owner { username }";

/// Makes a chatbot with this input.
pub async fn make(person: &Person, input: Value) -> Answer {
    let query = format!(
        "mutation ($input: ChatbotInput!) {{ createChatbot(input: $input) {{ {FIELDS} }} }}"
    );
    person.ask(&query, json!({ "input": input })).await
}

/// Changes a chatbot.
async fn change(person: &Person, handle: &str, input: Value) -> Answer {
    let query = format!(
        "mutation ($handle: String!, $input: ChatbotInput!) {{
            updateChatbot(handle: $handle, input: $input) {{ {FIELDS} }}
        }}"
    );
    person
        .ask(&query, json!({"handle": handle, "input": input}))
        .await
}

/// Deletes a chatbot.
async fn delete(person: &Person, handle: &str) -> Answer {
    let query = "mutation ($handle: String!) { deleteChatbot(handle: $handle) }";
    person.ask(query, json!({ "handle": handle })).await
}

/// Starts a session with these chatbots; its id.
pub async fn session_with(person: &Person, handles: &[&str]) -> String {
    let query =
        "mutation ($handles: [String!]) { startSession(input: {chatbots: $handles}) { id } }";
    let started = person.ask(query, json!({ "handles": handles })).await;
    started.data()["startSession"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}
