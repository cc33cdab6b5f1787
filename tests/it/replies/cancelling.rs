//! Cancelling a reply: it ends at once, with the text that was shown, whoever writes it.

use std::time::Duration;

use parlor::bus::{Heard, Notice, Subject};
use parlor::domain::{NodeId, RunnerId};
use parlor::services::replies::{self, Lost};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::support::{LONG, Shown, cancel, chat, claim, newest};
use crate::helpers::{TestApp, TestDatabase};

#[tokio::test]
async fn a_cancelled_reply_keeps_what_was_shown_and_grows_no_more() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let reply = ada.say(Some(&session), LONG).await["reply"]["id"].take();
    feed.expect("MessageAdded").await;
    feed.expect("MessageAdded").await;
    let mut shown = Shown::default();
    for _ in 0..8 {
        shown.add(&feed.expect("ReplyDelta").await);
    }
    let cancelled = cancel(&ada, &reply).await.data()["cancelReply"].take();
    assert_eq!(cancelled["status"], "CANCELLED");
    let ended = super::support::ends(&mut feed, &mut shown).await;
    assert_eq!(ended["message"]["status"], "CANCELLED");
    // The row holds every character that was shown, not only those of its last checkpoint.
    assert_eq!(cancelled["content"], shown.0);
    assert_eq!(ended["message"]["content"], shown.0);
    assert_eq!(ended["cursor"], cancelled["cursor"]);

    // Again, or too late, does no harm, and the chatbot is free for the next.
    assert_eq!(cancel(&ada, &reply).await.data()["cancelReply"], cancelled);
    let input = json!({"sessionId": session, "content": "thanks", "waitMs": 20_000});
    let next = ada.send(input).await.data();
    assert_eq!(next["sendMessage"]["reply"]["status"], "COMPLETE");
    assert_eq!(
        cancel(&ada, &next["sendMessage"]["reply"]["id"])
            .await
            .data()["cancelReply"]["status"],
        "COMPLETE"
    );
}

#[tokio::test]
async fn a_reply_that_nobody_has_begun_is_cancelled_empty() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = ada.say(Some(&session), "hello").await["reply"]["id"].take();
    let cancelled = cancel(&ada, &reply).await.data()["cancelReply"].take();
    assert_eq!(
        (&cancelled["status"], &cancelled["content"]),
        (&json!("CANCELLED"), &json!(""))
    );
    let claims = replies::claim(app.app(), RunnerId::new(), 10)
        .await
        .unwrap();
    assert!(claims.is_empty());
}

#[tokio::test]
async fn a_writer_that_hears_nothing_is_not_waited_for_and_writes_nothing_more() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = ada.say(Some(&session), "hello").await["reply"]["id"].take();
    let deaf = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &deaf, "So far")
        .await
        .unwrap();
    assert_eq!(kept, Ok(()));

    let cancelled = cancel(&ada, &reply).await.data()["cancelReply"].take();
    assert_eq!(cancelled["status"], "CANCELLED");
    assert_eq!(cancelled["content"], "So far");
    let more = "So far and no further".to_owned();
    assert_eq!(
        replies::checkpoint(app.app(), &deaf, &more).await.unwrap(),
        Err(Lost)
    );
    assert_eq!(
        replies::complete(app.app(), &deaf, more).await.unwrap(),
        Err(Lost)
    );
    assert_eq!(newest(&ada, &session).await["content"], "So far");
}

#[tokio::test]
async fn who_writes_is_asked_and_their_last_words_count() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = ada.say(Some(&session), "hello").await["reply"]["id"].take();
    let claim = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &claim, "So").await.unwrap();
    assert_eq!(kept, Ok(()));
    let Some(NodeId::Session(id)) = NodeId::decode(&session) else {
        panic!("no session's id")
    };
    let mut heard = app.app().bus().listen(Subject::Session(id)).await;
    let write = async {
        loop {
            match heard.next().await {
                Heard::Notice(notice) if matches!(*notice, Notice::StopReplies { .. }) => break,
                _ => {}
            }
        }
        let shown = "So much was shown".to_owned();
        replies::stop(app.app(), &claim, shown).await.unwrap()
    };
    let (cancelled, stopped) = tokio::join!(cancel(&ada, &reply), write);
    assert_eq!(stopped, Ok(()));
    assert_eq!(
        cancelled.data()["cancelReply"]["content"],
        "So much was shown"
    );
}

#[tokio::test]
async fn only_ones_own_replies_can_be_cancelled() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let sent = ada.say(None, "hello").await;
    let before = app.database().contents().await;
    let theirs = cancel(&bob, &sent["reply"]["id"]).await;
    let Some(NodeId::Message(session, _)) = NodeId::decode(sent["reply"]["id"].as_str().unwrap())
    else {
        panic!("no message's id")
    };
    let none = NodeId::Message(session, parlor::domain::Seq(9)).encode();
    assert_eq!(theirs.0, cancel(&ada, &Value::from(none)).await.0);
    theirs.expect_error("NOT_FOUND", None);
    cancel(&ada, &sent["message"]["id"])
        .await
        .expect_error("BAD_USER_INPUT", Some("id"));
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_runner_elsewhere_hears_of_the_cancellation() {
    // Two servers on one database and no common bus: the one that writes is not heard and hears nothing.
    let app = TestApp::start().await;
    let elsewhere = TestApp::without_chatbots(app.database().clone()).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let reply = ada.say(Some(&session), LONG).await["reply"]["id"].take();
    feed.until("ReplyDelta").await;
    let cancelled = cancel(&ada.at(&elsewhere), &reply).await.data()["cancelReply"].take();
    assert_eq!(cancelled["status"], "CANCELLED");
    // Its lease is lost: whatever it says, the row stays.
    let closing = timeout(Duration::from_secs(60), feed.until("MessageChanged")).await;
    assert_eq!(closing.unwrap()["message"]["content"], cancelled["content"]);
    assert_eq!(
        newest(&ada, &session).await["content"],
        cancelled["content"]
    );
}
