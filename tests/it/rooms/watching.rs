//! Watching a session that one is in no longer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::helpers::nats::Nats;
use crate::helpers::{TestApp, TestDatabase};

/// How soon a removal is heard of; a machine that builds and tests at once is allowed three times as much.
const SOON: Duration = Duration::from_secs(3);

async fn is_connected(app: &TestApp) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let url = format!("{}/health/ready", app.url());
    loop {
        let told = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if told.contains("\"ok\"") {
            return;
        }
        assert!(Instant::now() < deadline, "{told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_removal_ends_feeds_at_once_on_every_server() {
    let nats = Nats::start();
    let database = TestDatabase::migrated().await;
    let url = nats.url();
    let settings = [("PARLOR_NATS_URL", url.as_str())];
    let one = TestApp::configured(database.clone(), &settings).await;
    let other = TestApp::configured(database, &settings).await;
    is_connected(&one).await;
    is_connected(&other).await;
    let (ada, bob) = (one.person("ada").await, one.person("bob").await);
    let room = ada.open("Tea").await;
    for _ in 0..5 {
        bob.join(&room).await.data();
        let mut here = bob.watch(&room, None).await;
        let mut there = bob.at(&other).watch(&room, None).await;
        let mut finished = bob.at(&other).watch_finished(&room, None).await;
        here.caught_up().await;
        there.caught_up().await;
        other.followed_by(&room, Some(2)).await;

        ada.remove(&room, "bob").await.data();
        let removed = Instant::now();
        ada.at(&other).say(Some(&room), "without bob").await;
        here.expect("FeedEnded").await;
        there.expect("FeedEnded").await;
        assert_eq!(finished.error().await["code"], "NOT_FOUND");
        assert!(removed.elapsed() < SOON, "{:?}", removed.elapsed());
        ada.add(&room, "bob").await.data();
    }
    let mut there = bob.at(&other).watch(&room, None).await;
    there.caught_up().await;
    ada.erase(&room).await.data();
    let erased = Instant::now();
    there.expect_end("SESSION_DELETED", false).await;
    assert!(erased.elapsed() < SOON, "{:?}", erased.elapsed());
}

#[tokio::test]
async fn whoever_comes_back_after_a_removal_sees_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    let cursor = ada.say(Some(&room), "before").await["message"]["cursor"].take();
    ada.remove(&room, "bob").await.data();
    ada.say(Some(&room), "after").await;
    for cursor in [cursor.as_str(), Some("forged"), None] {
        let error = bob.watch(&room, cursor).await.error().await;
        assert_eq!(error["code"], "NOT_FOUND");
        let error = bob.watch_finished(&room, cursor).await.error().await;
        assert_eq!(error["code"], "NOT_FOUND");
    }
    // Added again, their cursor is as good as ever, and what is theirs to see now comes.
    ada.add(&room, "bob").await.data();
    let mut feed = bob.watch(&room, cursor.as_str()).await;
    let after = feed.until("MessageAdded").await;
    assert_eq!(after["message"]["content"], "after");
    bob.watch(&room, Some("forged"))
        .await
        .expect_end("CURSOR_UNKNOWN", false)
        .await;
}

#[tokio::test]
async fn a_removal_that_nobody_announced_is_found_in_the_log() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    let mut feed = bob.watch(&room, None).await;
    feed.caught_up().await;
    // Behind the API: stored, and cut off before it was told; then the session changed once more, and the log
    // has that change only.
    app.database()
        .execute(
            "delete from members using users where users.id = user_id and username = 'bob';
             update sessions set rev = rev + 1, details_rev = rev + 1",
        )
        .await;
    ada.say(Some(&room), "without bob").await;
    let rename = "mutation ($id: ID!) { updateSession(id: $id, input: {title: \"x\"}) { id } }";
    ada.ask(rename, json!({ "id": room })).await.data();
    // It is the next it hears of.
    let end = feed.expect("FeedEnded").await;
    assert_eq!(end["reason"], "REMOVED");
}

#[tokio::test]
async fn a_slow_reader_sees_nothing_that_came_after_their_removal() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    // More than a page of the log, so that it is read while the removal is done.
    let start = ada.say(Some(&room), "first").await["message"]["cursor"].take();
    app.db_fill(&room, 1_000, 0).await;
    let mut feed = bob.watch(&room, start.as_str()).await;
    feed.expect("MessageAdded").await;
    ada.remove(&room, "bob").await.data();
    app.db_fill(&room, 1_000, 0).await;
    loop {
        let event = feed.next().await;
        if event["__typename"] == "FeedEnded" {
            assert_eq!(event["reason"], "REMOVED");
            return;
        }
        assert_eq!(event["__typename"], "MessageAdded", "{event}");
        assert!(
            event["message"]["seq"].as_i64().unwrap() <= 1_001,
            "{event}"
        );
    }
}

#[tokio::test]
async fn whoever_waits_for_a_reply_and_is_removed_gets_what_they_had() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input =
        json!({"kind": "ROOM", "title": "Tea", "chatbots": ["parlor"], "usernames": ["bob"]});
    let room = ada.start(input).await;
    let ask = json!({"sessionId": room, "content": "@parlor hello", "waitMs": 30_000});
    let asking = tokio::spawn(async move { bob.send(ask).await });
    app.followed_by(&room, Some(1)).await;
    ada.remove(&room, "bob").await.data();
    let answer = asking.await.unwrap().data();
    assert_eq!(answer["sendMessage"]["reply"]["status"], "PENDING");
}

#[tokio::test]
async fn a_removal_that_nobody_heard_of_ends_what_has_no_place_in_the_log_too() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input = json!({"kind": "ROOM", "title": "Tea", "usernames": ["bob"]});
    let room = ada.start(input).await;
    let mut feed = bob.watch(&room, None).await;
    feed.caught_up().await;
    app.followed_by(&room, Some(1)).await;
    // As by a server that died before it could tell. Nothing is missing from the log: a feed looks there by itself
    // after 15 seconds only.
    let remove = "delete from members using users where users.id = user_id and username = 'bob'";
    app.database().execute(remove).await;
    let removed = Instant::now();
    for typing in [true, false].into_iter().cycle() {
        let query =
            "mutation ($id: ID!, $typing: Boolean!) { setTyping(sessionId: $id, typing: $typing) }";
        ada.ask(query, json!({"id": room, "typing": typing}))
            .await
            .data();
        let event = feed.next().await;
        if event["__typename"] == "FeedEnded" {
            assert_eq!(event["reason"], "REMOVED");
            break;
        }
    }
    assert!(
        removed.elapsed() < Duration::from_secs(10),
        "{:?}",
        removed.elapsed()
    );
}
