//! graphql-transport-ws, message by message and code by code.

mod lifetime;
mod operations;
mod refusals;

use parlor::http::{Timings, serve_with};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{helpers::TestApp, raw_socket::RawSocket};

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

/// Serves the same app once more, with other deadlines: the address, and the server's run.
pub async fn serve_hurriedly(
    app: &TestApp,
    timings: Timings,
) -> (String, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_with(listener, app.app().clone(), timings));
    (url, server)
}

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
