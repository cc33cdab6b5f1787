//! The same key gives the same reply, and never another command's or message's.

use serde_json::{Value, json};

use super::quotes_api::{QuotesApi, quote};
use super::support::{WAIT, send, start};
use crate::helpers::Person;
use crate::model_server::upstream::{Step, head};
use crate::replies::support::chat;

async fn with_key(person: &Person, session: &str, content: &str, key: &str) -> Value {
    let input = json!({"sessionId": session, "content": content, "clientKey": key, "waitMs": WAIT});
    send(person, input).await.data()["sendMessage"]["commandReply"].take()
}

#[tokio::test]
async fn a_command_sent_again_is_answered_once() {
    // The first time there is a fault, which is not kept for the next who asks.
    let fault = vec![Step::Send(head("500 Oh", ""))];
    let script = vec![fault, vec![quote("FLAKY.US", "1.5")]];
    let api = QuotesApi::start([("FLAKY.US".to_owned(), script)]).await;
    let app = start(&api).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = chat(&ada).await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;

    let first = with_key(&ada, &session, "/stock=FLAKY.US", "key").await;
    assert_eq!(first["status"], "FAILED");
    assert_eq!(watch.expect("CommandReplied").await["reply"], first);
    let tries = (0..8).map(|_| with_key(&ada, &session, "/stock=FLAKY.US", "key"));
    for again in futures_util::future::join_all(tries).await {
        assert_eq!(again, first);
    }
    assert_eq!(api.times("FLAKY.US"), 1);

    // Another key, another place, another person, and no key at all: another command.
    let elsewhere = chat(&ada).await;
    let his = chat(&bob).await;
    let others = [
        with_key(&ada, &session, "/stock=FLAKY.US", "other").await,
        with_key(&ada, &elsewhere, "/stock=FLAKY.US", "key").await,
        with_key(&bob, &his, "/stock=FLAKY.US", "key").await,
    ];
    for other in &others {
        assert_ne!(other["id"], first["id"]);
        assert_eq!(
            other["content"], "FLAKY.US quote is $1.5 per share.",
            "{other}"
        );
    }
    // It was told once: what comes next is the next command's.
    let next = watch.expect("CommandReplied").await;
    assert_eq!(next["reply"], others[0]);
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_a_conflict() {
    let api = QuotesApi::start([]).await;
    let app = start(&api).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    with_key(&ada, &session, "/stock=AAPL.US", "command").await;
    let message = json!({"sessionId": session, "content": "hello", "clientKey": "message"});
    send(&ada, message).await.data();
    let stored = app.database().contents().await;
    for (content, key) in [
        ("/stock=MSFT.US", "command"),
        ("/help", "command"),
        ("hello", "command"),
        ("/help", "message"),
    ] {
        let input = json!({"sessionId": session, "content": content, "clientKey": key});
        send(&ada, input)
            .await
            .expect_error("CONFLICT", Some("clientKey"));
    }
    assert_eq!(app.database().contents().await, stored);
    assert_eq!(api.asked(), ["AAPL.US"]);
}
