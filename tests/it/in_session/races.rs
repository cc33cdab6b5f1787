//! Edits, deletions and the ends of replies at the same moment: whichever comes first, the log tells one story.

use std::collections::HashMap;

use parlor::domain::RunnerId;
use parlor::services::replies;
use serde_json::{Value, json};

use super::{delete, edit};
use crate::helpers::{Person, TestApp, TestDatabase};
use crate::replies::support::{chat, claim};

/// So often each race is run.
const ROUNDS: usize = 20;

/// What a client has put together from a feed, up to a message that says "done".
async fn seen(person: &Person, session: &str, after: &Value) -> HashMap<i64, (String, String)> {
    let mut feed = person.watch(session, after.as_str()).await;
    let mut messages = HashMap::new();
    loop {
        let event = feed.next().await;
        if !matches!(
            event["__typename"].as_str(),
            Some("MessageAdded" | "MessageChanged")
        ) {
            continue;
        }
        let text = |key: &str| event["message"][key].as_str().unwrap().to_owned();
        let place = event["message"]["seq"].as_i64().unwrap();
        if text("content") == "done" {
            return messages;
        }
        messages.insert(place, (text("status"), text("content")));
    }
}

/// What is stored, as a client sees it.
async fn stored(person: &Person, session: &str) -> HashMap<i64, (String, String)> {
    let history = person.history(session).await;
    let told = |message: &Value| {
        let text = |key: &str| message[key].as_str().unwrap().to_owned();
        let place = message["seq"].as_i64().unwrap();
        (place, (text("status"), text("content")))
    };
    let mut all: HashMap<_, _> = history.iter().map(told).collect();
    all.retain(|_, (_, content)| content != "done");
    all
}

#[tokio::test]
async fn a_reply_that_ends_is_edited_around_and_deleted_at_once_is_deleted() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for round in 0..ROUNDS {
        let session = chat(&ada).await;
        let before = super::cursor(&ada, &session).await;
        let live = tokio::spawn({
            let (ada, session, before) = (ada.clone(), session.clone(), before.clone());
            async move { seen(&ada, &session, &before).await }
        });
        let sent = ada.say(Some(&session), "helo").await;
        let (message, reply) = (&sent["message"]["id"], &sent["reply"]["id"]);
        let claim = claim(&app, RunnerId::new()).await;
        replies::checkpoint(app.app(), &claim, "Hel")
            .await
            .unwrap()
            .unwrap();
        let (edited, deleted, done) = tokio::join!(
            edit(&ada, message, "hello"),
            delete(&ada, reply),
            replies::complete(app.app(), &claim, "Hello!".to_owned()),
        );
        edited.data();
        // Complete and then deleted, or deleted and its writer is told that it is lost.
        let _ = done.unwrap();
        assert_eq!(deleted.data()["deleteMessage"]["status"], "DELETED");
        let end = stored(&ada, &session).await;
        let text = |text: &str| text.to_owned();
        assert_eq!(end[&1], (text("COMPLETE"), text("hello")), "round {round}");
        assert_eq!(end[&2], (text("DELETED"), text("")), "round {round}");

        // Whoever followed, and whoever comes now, has the same in hand.
        let quiet =
            "mutation ($id: ID!) { updateSession(id: $id, input: {chatbotsPaused: true}) { id } }";
        ada.ask(quiet, json!({ "id": session })).await.data();
        ada.say(Some(&session), "done").await;
        assert_eq!(live.await.unwrap(), end, "round {round}");
        assert_eq!(seen(&ada, &session, &before).await, end, "round {round}");
    }
}

#[tokio::test]
async fn a_message_edited_and_deleted_at_once_is_deleted() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for _ in 0..ROUNDS {
        let id = ada.say(Some(&session), "helo").await["message"]["id"].take();
        let (edited, deleted, again) = tokio::join!(
            edit(&ada, &id, "hello"),
            delete(&ada, &id),
            delete(&ada, &id)
        );
        for deleted in [deleted, again] {
            assert_eq!(deleted.data()["deleteMessage"]["content"], "");
        }
        if edited.0["errors"].is_null() {
            assert_eq!(edited.data()["editMessage"]["content"], "hello");
        } else {
            edited.expect_error("CONFLICT", Some("id"));
        }
    }
    let kept = "select count(*) from messages where status <> 'DELETED' or content <> '' or words is not null";
    assert_eq!(app.database().value(kept).await, 0);
    // Each change has a place of its own, the last one that of the session.
    let head = "select count(*) from sessions where rev = (select max(rev) from messages) \
                and last_seq = (select count(distinct rev) from messages)";
    assert_eq!(app.database().value(head).await, 1);
}
