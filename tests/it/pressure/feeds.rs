//! Feeds whose followers fall behind, leave, or lose the database.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parlor::bus::Notice;
use parlor::domain::{RunnerId, UserId};
use parlor::http::Timings;
use parlor::services::replies;
use serde_json::Value;

use crate::helpers::{Person, TestApp, TestDatabase, Watch, expect_filled, session_id};
use crate::helpers::{serve_hurriedly, serve_patiently};
use crate::raw_socket::SOON;
use crate::replies::support::{Shown, chat, claim};

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

/// Reads so many messages, each once and in order, and gives the cursor of the last.
async fn read_filled(watch: &mut Watch, seqs: std::ops::RangeInclusive<usize>) -> String {
    let mut cursor = Value::Null;
    for seq in seqs {
        let mut event = watch.next().await;
        if event["__typename"] == "CaughtUp" {
            event = watch.next().await;
        }
        expect_filled(&event, seq);
        cursor = event["cursor"].take();
    }
    cursor.as_str().unwrap().to_owned()
}

async fn watch_anew(person: &Person, session: &str) -> Watch {
    let mut watch = person.watch(session, None).await;
    watch.caught_up().await;
    watch
}

#[tokio::test]
async fn one_that_falls_off_the_ring_by_events_or_by_bytes_sees_all_the_same() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    // The slow one takes nothing for as long as the other takes all.
    let url = serve_patiently(&app).await;
    // Far more than the ring and the kernel's buffers hold between them.
    for (count, filler) in [(4_000, 10), (60, 32_000)] {
        let session = ada.quiet_session().await;
        let mut slow = watch_anew(&ada.at_url(&url), &session).await;
        let mut quick = watch_anew(&ada, &session).await;
        tokio::join!(app.db_fill(&session, count, filler), async {
            read_filled(&mut quick, 1..=count).await
        });
        read_filled(&mut slow, 1..=count).await;
        app.db_fill(&session, 1, filler).await;
        read_filled(&mut slow, count + 1..=count + 1).await;
    }
}

#[tokio::test]
async fn text_that_was_dropped_heals_without_a_hole() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    let claim = claim(&app, RunnerId::new()).await;
    let url = serve_patiently(&app).await;
    let mut slow = watch_anew(&ada.at_url(&url), &session).await;
    let mut quick = watch_anew(&ada, &session).await;

    let piece = "word ".repeat(200);
    replies::checkpoint(app.app(), &claim, &piece)
        .await
        .unwrap()
        .unwrap();
    let mut whole = String::new();
    let mut shown = Shown::default();
    for _ in 0..1_500 {
        let offset = whole.chars().count();
        replies::show(app.app(), &claim, offset, piece.clone());
        whole += &piece;
        while shown.0.len() < whole.len() {
            shown.add(&quick.expect("ReplyDelta").await);
        }
    }
    let mut shown = Shown::default();
    while shown.0.len() < whole.len() {
        shown.add(&slow.expect("ReplyDelta").await);
    }
    assert_eq!(shown.0, whole);
    replies::complete(app.app(), &claim, whole.clone())
        .await
        .unwrap()
        .unwrap();
    for watch in [&mut slow, &mut quick] {
        let end = watch.expect("MessageChanged").await;
        assert_eq!(end["message"]["content"].as_str(), Some(whole.as_str()));
    }
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_is_closed_with_4410_and_goes_on_by_its_cursor() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let timings = Timings {
        write: Duration::from_millis(100),
        close: SOON,
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let mut slow = watch_anew(&ada.at_url(&url), &session).await;
    app.db_fill(&session, 100, 32_000).await;
    // It is given up while it does not read.
    app.followed_by(&session, Some(0)).await;

    let mut seen = 0;
    let mut cursor = Value::Null;
    let (code, reason) = loop {
        match slow.next_or_close().await {
            Ok(mut event) => {
                seen += 1;
                expect_filled(&event, seen);
                cursor = event["cursor"].take();
            }
            Err(close) => break close,
        }
    };
    assert_eq!(code, 4410);
    assert_eq!(reason, "Slow consumer: messages are not being taken");
    assert!(seen < 100);
    let mut again = ada.watch(&session, cursor.as_str()).await;
    read_filled(&mut again, seen + 1..=100).await;
    again.caught_up().await;
}

#[tokio::test]
async fn who_types_is_not_waited_for_when_the_pool_is_exhausted() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    let claim = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &claim, "a").await;
    kept.unwrap().unwrap();
    let mut watch = ada.watch(&session, None).await;
    watch.until("CaughtUp").await;

    let db = app.app().db();
    let held: Vec<_> = join_all((0..8).map(|_| db.connection())).await;
    assert!(held.iter().all(Result::is_ok));
    let began = Instant::now();
    app.app().bus().publish(Notice::Typing {
        session: session_id(&session),
        user: UserId::new(),
        typing: true,
    });
    replies::show(app.app(), &claim, 1, "b".to_owned());
    assert_eq!(watch.expect("ReplyDelta").await["text"], "b");
    // Less than anybody waits for a connection.
    assert!(began.elapsed() < Duration::from_secs(4));
    drop(held);
}

#[tokio::test]
async fn a_feed_without_followers_ends_after_a_grace_and_another_begins() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let watch = watch_anew(&ada, &session).await;
    app.followed_by(&session, Some(1)).await;
    drop(watch);
    app.followed_by(&session, Some(0)).await;
    // Within the grace, the same feed is joined.
    let mut again = watch_anew(&ada, &session).await;
    app.followed_by(&session, Some(1)).await;
    app.db_fill(&session, 1, 0).await;
    read_filled(&mut again, 1..=1).await;
    drop(again);
    app.followed_by(&session, None).await;
    let mut anew = watch_anew(&ada, &session).await;
    app.db_fill(&session, 1, 0).await;
    read_filled(&mut anew, 2..=2).await;
}

#[tokio::test]
async fn a_database_that_goes_away_in_the_middle_of_a_replay_costs_nothing_but_time() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut live = watch_anew(&ada, &session).await;
    let start = app.app().seal_cursor(
        app.app().epoch(),
        session_id(&session),
        parlor::domain::Rev(0),
    );
    app.db_fill(&session, 1_200, 2_000).await;
    let mut replay = ada.watch(&session, Some(&start)).await;
    for round in 0..6 {
        let from = round * 200 + 1;
        app.database().cut_everyone_off().await;
        read_filled(&mut replay, from..=from + 199).await;
        read_filled(&mut live, from..=from + 199).await;
    }
    replay.caught_up().await;
    app.db_fill(&session, 1, 0).await;
    read_filled(&mut replay, 1_201..=1_201).await;
    read_filled(&mut live, 1_201..=1_201).await;
}
