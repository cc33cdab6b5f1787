//! Editing: a change like any other, and no second arrival.

use parlor::domain::{NodeId, RunnerId, Seq, SessionId};
use parlor::services::replies;
use serde_json::json;

use super::{Pair, cursor, delete, edit};
use crate::helpers::{TestApp, TestDatabase};
use crate::replies::support::claim;

#[tokio::test]
async fn an_edit_is_told_once_and_again_it_changes_nothing() {
    let pair = Pair::start().await;
    let id = pair.say(&pair.ada, "helo").await;
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    let mut finished = pair.bob.watch_finished(&pair.session, None).await;
    bobs.caught_up().await;
    pair.app.followed_by(&pair.session, Some(2)).await;

    let edited = edit(&pair.ada, &id, "hello").await.data()["editMessage"].take();
    assert_eq!((&edited["id"], &edited["seq"]), (&id, &json!(1)));
    assert_eq!(edited["content"], "hello");
    assert!(edited["editedAt"].as_str() > edited["createdAt"].as_str());
    let told = bobs.expect("MessageChanged").await;
    assert_eq!(told["message"]["content"], "hello");
    assert_eq!(told["cursor"], edited["cursor"]);

    let stored = pair.app.database().contents().await;
    let again = edit(&pair.ada, &id, "hello").await.data();
    assert_eq!(again["editMessage"], edited);
    assert_eq!(pair.app.database().contents().await, stored);
    // What comes next is what is said next, for both.
    pair.say(&pair.ada, "and then").await;
    let next = bobs.expect("MessageAdded").await;
    assert_eq!(next["message"]["content"], "and then");
    assert_eq!(finished.next().await["content"], "and then");
}

#[tokio::test]
async fn who_comes_back_sees_it_once_as_it_is_now() {
    let pair = Pair::start().await;
    let start = cursor(&pair.bob, &pair.session).await;
    let id = pair.say(&pair.ada, "one").await;
    let seen = cursor(&pair.bob, &pair.session).await;
    edit(&pair.ada, &id, "two").await.data();
    pair.say(&pair.ada, "next").await;
    edit(&pair.ada, &id, "three").await.data();

    let mut knew_it = pair.bob.watch(&pair.session, seen.as_str()).await;
    knew_it.expect("MessageAdded").await;
    let changed = knew_it.expect("MessageChanged").await;
    assert_eq!(changed["message"]["content"], "three");
    knew_it.caught_up().await;

    let mut new_to_it = pair.bob.watch(&pair.session, start.as_str()).await;
    for content in ["three", "next"] {
        let added = new_to_it.expect("MessageAdded").await;
        assert_eq!(added["message"]["content"], content);
    }
    new_to_it.caught_up().await;

    let mut finished = pair.bob.watch_finished(&pair.session, start.as_str()).await;
    for content in ["three", "next"] {
        assert_eq!(finished.next().await["content"], content);
    }
    let mut finished = pair.bob.watch_finished(&pair.session, seen.as_str()).await;
    assert_eq!(finished.next().await["content"], "next");
}

#[tokio::test]
async fn only_its_author_edits_a_message_and_only_into_a_message() {
    let pair = Pair::start().await;
    let id = pair.say(&pair.bob, "mine").await;
    let gone = pair.say(&pair.bob, "gone").await;
    delete(&pair.bob, &gone).await.data();
    let replied = pair.ada.say(None, "hello").await["reply"]["id"].take();
    let cleo = pair.app.person("cleo").await;
    let before = pair.app.database().contents().await;
    let owner = edit(&pair.ada, &id, "yours").await;
    owner.expect_error("FORBIDDEN", None);
    let reply = edit(&pair.ada, &replied, "Hi!").await;
    reply.expect_error("FORBIDDEN", None);
    let deleted = edit(&pair.bob, &gone, "back").await;
    deleted.expect_error("CONFLICT", Some("id"));
    for bad in ["", " \n", "a\0b", &"x".repeat(32_769)] {
        let refused = edit(&pair.bob, &id, bad).await;
        refused.expect_error("BAD_USER_INPUT", Some("content"));
    }
    let Some(NodeId::Message(session, _)) = NodeId::decode(id.as_str().unwrap()) else {
        panic!("no message's id")
    };
    let none = [
        json!(NodeId::Message(session, Seq(99)).encode()),
        json!(NodeId::Message(SessionId::new(), Seq(1)).encode()),
    ];
    let theirs = edit(&cleo, &id, "theirs").await;
    for none in &none {
        assert_eq!(theirs.0, edit(&cleo, none, "theirs").await.0);
    }
    theirs.expect_error("NOT_FOUND", None);
    assert_eq!(pair.app.database().contents().await, before);
}

#[tokio::test]
async fn a_chatbot_that_has_yet_to_begin_reads_the_new_content() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let sent = ada.say(None, "What is tee?").await;
    edit(&ada, &sent["message"]["id"], "What is tea?")
        .await
        .data();
    let claim = claim(&app, RunnerId::new()).await;
    let assignment = replies::assignment(app.app(), &claim).await.unwrap();
    assert_eq!(assignment.said(), "What is tea?");
    // It goes on with that, whatever becomes of the question.
    edit(&ada, &sent["message"]["id"], "What is coffee?")
        .await
        .data();
    let done = replies::complete(app.app(), &claim, "A drink.".to_owned()).await;
    assert_eq!(done.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_retry_is_known_by_what_was_sent_first() {
    let pair = Pair::start().await;
    let input = json!({"sessionId": pair.session, "content": "helo", "clientKey": "key"});
    let sent = pair.ada.send(input.clone()).await.data()["sendMessage"].take();
    edit(&pair.ada, &sent["message"]["id"], "hello")
        .await
        .data();
    let again = pair.ada.send(input).await.data();
    assert_eq!(again["sendMessage"]["message"]["content"], "hello");
    let other = json!({"sessionId": pair.session, "content": "hello", "clientKey": "key"});
    let other = pair.ada.send(other).await;
    other.expect_error("CONFLICT", Some("clientKey"));
}
