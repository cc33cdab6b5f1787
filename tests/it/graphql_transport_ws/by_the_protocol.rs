//! The protocol's own document, section by section
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>). What the files beside this one show at
//! length is not shown again: `refusals` has 4400, 4401, 4403, 4406, 4409 and 4429, `lifetime` has 4408.

use serde_json::{Value, json};

use super::{EVENTS, event, follow};
use crate::{helpers::TestApp, raw_socket::RawSocket};

const REPLAY: &str = "subscription ($session: ID!, $after: String) {
    sessionEvents(sessionId: $session, after: $after) {
        __typename
        ... on MessageAdded { cursor message { content } }
        ... on CaughtUp { cursor }
    }
}";

#[tokio::test]
async fn connection_init_may_have_no_payload_or_null_or_anything_in_it() {
    let app = TestApp::start().await;
    for init in [
        json!({"type": "connection_init"}),
        json!({"type": "connection_init", "payload": null}),
        json!({"type": "connection_init", "payload": {"theme": "dark"}}),
    ] {
        let mut socket = RawSocket::open(app.url()).await;
        socket.say(init).await;
        socket.expect(json!({"type": "connection_ack"})).await;
    }
}

#[tokio::test]
async fn error_ends_an_operation_without_complete_and_frees_its_id() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    for _ in 0..2 {
        socket.subscribe("1", "{ nothing }", Value::Null).await;
        let told = socket.hear().await;
        assert_eq!((&told["id"], &told["type"]), (&json!("1"), &json!("error")));
        assert!(told["payload"].is_array());
    }
    socket.say(json!({"type": "ping"})).await;
    socket.expect(json!({"type": "pong"})).await;
}

#[tokio::test]
async fn complete_from_the_server_frees_the_id() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    for _ in 0..2 {
        let query = "{ __typename }";
        socket.subscribe("1", query, Value::Null).await;
        let next = json!({"id": "1", "type": "next", "payload": {"data": {"__typename": "Query"}}});
        socket.expect(next).await;
        socket.expect(json!({"id": "1", "type": "complete"})).await;
    }
}

#[tokio::test]
async fn complete_from_the_client_for_what_is_not_under_way_is_passed_over() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    socket.say(json!({"type": "complete", "id": "never"})).await;
    socket.say(json!({"type": "ping"})).await;
    socket.expect(json!({"type": "pong"})).await;
}

#[tokio::test]
async fn ids_are_the_clients_own_on_each_socket() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut one = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let mut other = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let session = ada.quiet_session().await;
    follow(&mut one, "same", &session).await;
    follow(&mut other, "same", &session).await;
    ada.say(Some(&session), "hello").await;
    for socket in [&mut one, &mut other] {
        let told = socket.hear().await;
        assert_eq!(event(&told)["message"]["content"], "hello");
    }
}

#[tokio::test]
async fn a_subscription_has_one_root_field() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let session = ada.quiet_session().await;
    let two = "subscription ($session: ID!) {
        a: sessionEvents(sessionId: $session) { __typename }
        b: sessionEvents(sessionId: $session) { __typename }
    }";
    let variables = json!({"session": session});
    socket.subscribe("1", two, variables.clone()).await;
    let told = socket.hear().await;
    assert_eq!(told["type"], "error", "{told}");
    let fragment = "subscription ($session: ID!) { ...Two }
        fragment Two on Subscription {
            a: sessionEvents(sessionId: $session) { __typename }
            b: sessionEvents(sessionId: $session) { __typename }
        }";
    socket.subscribe("2", fragment, variables.clone()).await;
    let told = socket.hear().await;
    assert_eq!(told["type"], "error", "{told}");
    socket.subscribe("3", EVENTS, variables).await;
    assert_eq!(socket.hear().await["type"], "next");
}

#[tokio::test]
async fn a_new_connection_continues_after_the_last_cursor_and_nothing_is_lost() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut after = Value::Null;
    let mut heard = Vec::new();
    for round in 0..3 {
        let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
        let variables = json!({"session": session, "after": after});
        socket.subscribe("1", REPLAY, variables).await;
        let mut has_caught_up = false;
        while !has_caught_up {
            let told = socket.hear().await;
            let event = event(&told);
            after = event["cursor"].clone();
            has_caught_up = event["__typename"] == "CaughtUp";
            heard.extend(event["message"]["content"].as_str().map(str::to_owned));
        }
        // One while it is there, heard or not, and one while it is away.
        ada.say(Some(&session), &format!("{round} there")).await;
        drop(socket);
        ada.say(Some(&session), &format!("{round} away")).await;
    }
    assert_eq!(heard, ["0 there", "0 away", "1 there", "1 away"]);
}
