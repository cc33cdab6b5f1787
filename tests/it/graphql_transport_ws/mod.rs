//! graphql-transport-ws, message by message and code by code.

mod by_the_protocol;
mod lifetime;
mod operations;
mod refusals;

use serde_json::{Value, json};

use crate::raw_socket::RawSocket;

const SEND: &str = "mutation ($to: ID, $text: String!) {
    sendMessage(input: {sessionId: $to, content: $text}) { session { id } }
}";

const EVENTS: &str = "subscription ($session: ID!) {
    sessionEvents(sessionId: $session) {
        __typename
        ... on MessageAdded { message { content } }
        ... on FeedEnded { reason }
    }
}";

/// Starts a session by sending into it; its id.
async fn session(socket: &mut RawSocket) -> String {
    let variables = json!({"to": null, "text": "first"});
    socket.subscribe("session", SEND, variables).await;
    let mut answer = socket.hear().await;
    assert_eq!(answer["type"], "next", "{answer}");
    socket
        .expect(json!({"type": "complete", "id": "session"}))
        .await;
    match answer["payload"]["data"]["sendMessage"]["session"]["id"].take() {
        Value::String(id) => id,
        other => panic!("no id but {other}"),
    }
}

/// Follows a session from now on.
async fn follow(socket: &mut RawSocket, id: &str, session: &str) {
    socket
        .subscribe(id, EVENTS, json!({"session": session}))
        .await;
    while event(&socket.hear().await)["__typename"] != "CaughtUp" {}
}

fn event(message: &Value) -> &Value {
    assert_eq!(message["type"], "next", "{message}");
    &message["payload"]["data"]["sessionEvents"]
}
