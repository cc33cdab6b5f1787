//! What runs on a socket.

use serde_json::{Value, json};

use super::{SEND, event, follow, session};
use crate::{helpers::TestApp, raw_socket::RawSocket};

#[tokio::test]
async fn queries_and_mutations_answer_once_and_complete() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    socket
        .subscribe("1", "{ me { username } }", Value::Null)
        .await;
    let payload = json!({"data": {"me": {"username": "ada"}}});
    socket
        .expect(json!({"type": "next", "id": "1", "payload": payload}))
        .await;
    socket.expect(json!({"type": "complete", "id": "1"})).await;
    session(&mut socket).await;
}

#[tokio::test]
async fn a_subscription_goes_on_until_the_client_completes_it() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let session = session(&mut socket).await;
    follow(&mut socket, "live", &session).await;

    let variables = json!({"to": session, "text": "hello"});
    socket.subscribe("send", SEND, variables.clone()).await;
    let mut waiting_for = vec!["the event", "the answer", "its end"];
    while !waiting_for.is_empty() {
        let message = socket.hear().await;
        let what = match (message["id"].as_str(), message["type"].as_str()) {
            (Some("live"), Some("next")) => {
                let content = &event(&message)["message"]["content"];
                (content == "hello").then_some("the event")
            }
            (Some("send"), Some("next")) => Some("the answer"),
            (Some("send"), Some("complete")) => Some("its end"),
            _ => panic!("{message}"),
        };
        waiting_for.retain(|wanted| Some(*wanted) != what);
    }

    // Nothing comes back for the client's own `complete`, and nothing of the operation after it.
    // What was on its way comes before the pong.
    socket.say(json!({"type": "complete", "id": "live"})).await;
    socket.say(json!({"type": "ping"})).await;
    while socket.hear().await["type"] != "pong" {}
    socket.subscribe("send", SEND, variables).await;
    assert_eq!(socket.hear().await["id"], "send");
    socket
        .expect(json!({"type": "complete", "id": "send"}))
        .await;
    // Its id is free again.
    follow(&mut socket, "live", &session).await;
    socket.close().await;
}

#[tokio::test]
async fn request_errors_come_as_error_and_field_errors_as_next() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    for query in [
        "{",
        "{ nothingOfThatName }",
        "query ($id: ID!) { __typename }",
        "subscription { nothingOfThatName }",
    ] {
        socket.subscribe("1", query, Value::Null).await;
        let message = socket.hear().await;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["id"], "1");
        assert_eq!(
            message["payload"][0]["extensions"]["code"],
            "BAD_USER_INPUT"
        );
    }
    socket
        .subscribe("1", "{ me { username } }", Value::Null)
        .await;
    let message = socket.hear().await;
    assert_eq!(message["type"], "next");
    let error = &message["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED");
    socket.expect(json!({"type": "complete", "id": "1"})).await;
}

#[tokio::test]
async fn pings_are_answered_with_their_payload_at_any_time() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::open(app.url()).await;
    let payload = json!({"n": 1});
    for acknowledged in [false, true] {
        if acknowledged {
            socket.init(None).await;
            socket.expect(json!({"type": "connection_ack"})).await;
        }
        socket
            .say(json!({"type": "ping", "payload": payload}))
            .await;
        socket
            .expect(json!({"type": "pong", "payload": payload}))
            .await;
        socket.say(json!({"type": "ping"})).await;
        socket.expect(json!({"type": "pong"})).await;
        socket.say(json!({"type": "pong"})).await;
    }
}

#[tokio::test]
async fn the_token_may_come_in_the_payload_under_either_name_or_in_the_upgrade() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let adas = format!("Bearer {}", ada.token());
    let bobs = format!("Bearer {}", bob.token());
    let protocol = ("Sec-WebSocket-Protocol", "graphql-transport-ws");
    for (header, payload, expected) in [
        (None, json!({"authorization": adas}), "ada"),
        (None, json!({"Authorization": adas}), "ada"),
        (Some(&bobs), json!({}), "bob"),
        (Some(&bobs), json!({"authorization": adas}), "ada"),
    ] {
        let mut headers = vec![protocol];
        headers.extend(header.map(|header| ("Authorization", header.as_str())));
        let mut socket = RawSocket::open_with(app.url(), &headers).await.unwrap();
        socket
            .say(json!({"type": "connection_init", "payload": payload}))
            .await;
        socket.expect(json!({"type": "connection_ack"})).await;
        socket
            .subscribe("1", "{ me { username } }", Value::Null)
            .await;
        let message = socket.hear().await;
        assert_eq!(message["payload"]["data"]["me"]["username"], expected);
    }
}

#[tokio::test]
async fn a_socket_runs_so_many_operations_and_no_more() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let session = session(&mut socket).await;
    for id in 0..20 {
        follow(&mut socket, &id.to_string(), &session).await;
    }
    socket
        .subscribe("one more", "{ __typename }", Value::Null)
        .await;
    // The chatbot of the house may be replying all the while.
    let mut message = socket.hear().await;
    while message["id"] != "one more" {
        message = socket.hear().await;
    }
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "RATE_LIMITED");

    socket.say(json!({"type": "complete", "id": "7"})).await;
    socket
        .subscribe("one more", "{ __typename }", Value::Null)
        .await;
    let mut message = socket.hear().await;
    while message["id"] != "one more" {
        message = socket.hear().await;
    }
    assert_eq!(message["type"], "next", "{message}");
}
