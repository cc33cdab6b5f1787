//! What comes, and in which order.

use parlor::bus::{Notice, TextPiece};
use parlor::domain::{RunnerId, Seq};
use parlor::services::replies;
use serde_json::json;

use super::id;
use crate::helpers::{Person, TestApp, TestDatabase, serve_patiently};
use crate::replies::support::LONG;

async fn say_all(person: &Person, session: &str, texts: &[&str]) {
    for text in texts {
        person.say(Some(session), text).await;
    }
}

#[tokio::test]
async fn a_reply_comes_word_by_word_and_then_whole() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let sent = ada.say(None, "hello").await;
    let session = sent["session"]["id"].as_str().unwrap();
    let mut watch = ada.watch(session, sent["message"]["cursor"].as_str()).await;

    let born = watch.expect("MessageAdded").await;
    assert_eq!(born["message"]["id"], sent["reply"]["id"]);
    let mut text = born["message"]["content"].as_str().unwrap().to_owned();
    let mut deltas = 0;
    let whole = loop {
        let event = watch.next().await;
        match event["__typename"].as_str() {
            Some("CaughtUp") => {}
            Some("ReplyDelta") => {
                assert_eq!(event["messageId"], sent["reply"]["id"]);
                assert_eq!(event["offset"], text.chars().count());
                text.push_str(event["text"].as_str().unwrap());
                deltas += 1;
            }
            Some("MessageChanged") => break event,
            _ => panic!("{event}"),
        }
    };
    assert!(deltas > 3, "only {deltas} deltas");
    assert_eq!(whole["message"]["status"], "COMPLETE");
    assert_eq!(whole["message"]["content"], text);
    assert_eq!(ada.history(session).await[1]["content"], text);
}

#[tokio::test]
async fn a_cursor_brings_every_later_message_once_and_in_order() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let texts: Vec<String> = (1..=250)
        .map(|number| format!("message {number}"))
        .collect();
    let first = ada.say(Some(&session), &texts[0]).await;
    for text in &texts[1..] {
        ada.say(Some(&session), text).await;
    }

    let mut watch = ada
        .watch(&session, first["message"]["cursor"].as_str())
        .await;
    for text in &texts[1..] {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["content"].as_str(), Some(text.as_str()));
    }
    watch.caught_up().await;
    ada.say(Some(&session), "live").await;
    let live = watch.expect("MessageAdded").await;
    assert_eq!(live["message"]["content"], "live");
}

#[tokio::test]
async fn without_a_cursor_it_begins_now() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    say_all(&ada, &session, &["before"]).await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    say_all(&ada, &session, &["after"]).await;
    let event = watch.expect("MessageAdded").await;
    assert_eq!(event["message"]["content"], "after");
}

#[tokio::test]
async fn a_late_joiner_gets_the_text_so_far() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let sent = ada.say(None, LONG).await;
    let session = sent["session"]["id"].as_str().unwrap();
    let mut early = ada.watch(session, sent["session"]["cursor"].as_str()).await;
    let mut told = String::new();
    while told.split(' ').count() < 8 {
        told.push_str(early.until("ReplyDelta").await["text"].as_str().unwrap());
    }

    let mut late = ada.watch(session, None).await;
    let so_far = late.expect("ReplyDelta").await;
    assert_eq!(so_far["offset"], 0);
    assert!(so_far["text"].as_str().unwrap().starts_with(&told));
    late.caught_up().await;
    let mut text = so_far["text"].as_str().unwrap().to_owned();
    loop {
        let event = late.next().await;
        if event["__typename"] == "MessageChanged" {
            assert_eq!(event["message"]["content"], text);
            break;
        }
        assert_eq!(event["offset"], text.chars().count());
        text.push_str(event["text"].as_str().unwrap());
    }
}

#[tokio::test]
async fn a_missed_reply_is_born_and_ends_in_its_place() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let start = ada.say(Some(&session), "first").await["message"]["cursor"].take();
    // Behind the API: chatbots are invited when a session is started.
    let invite = format!(
        "insert into session_chatbots values ('{}', '00000000-0000-8000-8000-000000000001', 0)",
        id(&session)
    );
    app.database().execute(&invite).await;
    let question = json!({"sessionId": session, "content": "hello", "waitMs": 20_000});
    ada.send(question).await.data();
    ada.send(json!({"sessionId": session, "content": "bye", "waitMs": 20_000}))
        .await
        .data();

    let mut watch = ada.watch(&session, start.as_str()).await;
    let expected = [
        ("MessageAdded", 2, "COMPLETE"),
        ("MessageAdded", 3, "PENDING"),
        ("MessageChanged", 3, "COMPLETE"),
        ("MessageAdded", 4, "COMPLETE"),
        ("MessageAdded", 5, "PENDING"),
        ("MessageChanged", 5, "COMPLETE"),
    ];
    for (typename, seq, status) in expected {
        let event = watch.expect(typename).await;
        assert_eq!(event["message"]["seq"], seq);
        assert_eq!(event["message"]["status"], status);
    }
    watch.caught_up().await;

    // Cut anywhere in that replay, the rest follows: nothing changes that was not added.
    let mut finished = ada.watch_finished(&session, start.as_str()).await;
    for seq in 2..=5 {
        assert_eq!(finished.next().await["seq"], seq);
    }
}

#[tokio::test]
async fn a_message_edited_while_away_comes_once_as_it_is_now() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let start = ada.say(Some(&session), "known").await["message"]["cursor"].take();
    say_all(&ada, &session, &["unknown", "last"]).await;
    for _ in 0..5 {
        edit_behind_the_api(&app, &session, 1).await;
        edit_behind_the_api(&app, &session, 2).await;
    }

    let mut watch = ada.watch(&session, start.as_str()).await;
    for (typename, seq, content) in [
        ("MessageAdded", 2, "edited"),
        ("MessageAdded", 3, "last"),
        ("MessageChanged", 1, "edited"),
    ] {
        let event = watch.expect(typename).await;
        assert_eq!(event["message"]["seq"], seq, "{event}");
        assert_eq!(event["message"]["content"], content);
    }
    watch.caught_up().await;
    // An edit is not a second arrival.
    let mut finished = ada.watch_finished(&session, start.as_str()).await;
    assert_eq!(finished.next().await["seq"], 2);
    assert_eq!(finished.next().await["seq"], 3);
}

/// Does to the log what editing a message does.
async fn edit_behind_the_api(app: &TestApp, session: &str, seq: i32) {
    let id = id(session);
    let edit = format!(
        "begin;
         update sessions set rev = rev + 1 where id = '{id}';
         update messages set content = 'edited', edited_at = now(),
             rev = (select rev from sessions where id = '{id}')
         where session_id = '{id}' and seq = {seq};
         commit;"
    );
    app.database().execute(&edit).await;
}

#[tokio::test]
async fn what_the_bus_loses_is_found_in_the_log() {
    let database = TestDatabase::migrated().await;
    // Two servers whose buses do not reach each other.
    let here = TestApp::without_chatbots(database.clone()).await;
    let there = TestApp::without_chatbots(database).await;
    let ada = here.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    let mut finished = ada
        .watch_finished(&session, Some(&watch.caught_up().await))
        .await;

    let elsewhere = ada.at(&there);
    say_all(&elsewhere, &session, &["one", "two", "three"]).await;
    // The first that is heard here shows the hole before it.
    ada.say(Some(&session), "four").await;
    for text in ["one", "two", "three", "four"] {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["content"], text);
        assert_eq!(finished.next().await["content"], text);
    }
}

#[tokio::test]
async fn more_than_a_feed_holds_is_read_from_the_log() {
    let database = TestDatabase::migrated().await;
    let here = TestApp::without_chatbots(database.clone()).await;
    let ada = here.person("ada").await;
    let session = ada.quiet_session().await;
    // What is sent meanwhile may take longer than a peer usually may take nothing.
    let patient = ada.at_url(&serve_patiently(&here).await);
    let mut watch = patient.watch(&session, None).await;
    watch.caught_up().await;

    let there = TestApp::without_chatbots(database).await;
    let elsewhere = ada.at(&there);
    for number in 1..=300 {
        elsewhere.say(Some(&session), &number.to_string()).await;
    }
    ada.say(Some(&session), "301").await;
    for number in 1..=301 {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["content"], number.to_string());
    }
}

#[tokio::test]
async fn announcements_out_of_order_and_repeated_come_in_order_and_once() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    say_all(&ada, &session, &["one", "two"]).await;
    watch.expect("MessageAdded").await;
    let two = watch.expect("MessageAdded").await;

    // Again, as a bus may.
    let repeated = Notice::Changed {
        session: id(&session),
        messages: vec![
            stored(&app, &session, 2).await,
            stored(&app, &session, 1).await,
        ],
    };
    app.app().bus().publish(repeated);
    say_all(&ada, &session, &["three"]).await;
    let three = watch.expect("MessageAdded").await;
    assert_eq!(three["message"]["content"], "three");
    assert_ne!(two["cursor"], three["cursor"]);
}

async fn stored(app: &TestApp, session: &str, seq: i32) -> parlor::db::messages::Message {
    let mut conn = app.database().connect().await;
    parlor::db::messages::find(&mut conn, id(session), Seq(seq))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_feed_that_hears_late_shows_no_text_of_what_has_ended() {
    let database = TestDatabase::migrated().await;
    let here = TestApp::without_chatbots(database.clone()).await;
    let there = TestApp::without_chatbots(database).await;
    let ada = here.person("ada").await;
    let session = ada.say(None, "hello").await["session"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let runner = RunnerId::new();
    let first = replies::claim(there.app(), runner, 16).await.unwrap();
    replies::complete(there.app(), &first[0], "Hello!".to_owned())
        .await
        .unwrap()
        .unwrap();
    let mut early = ada.watch(&session, None).await;
    early.caught_up().await;

    // Elsewhere a reply is owed and written, and nothing of it is heard here yet.
    ada.at(&there).say(Some(&session), "hello").await;
    let born = vec![
        stored(&here, &session, 3).await,
        stored(&here, &session, 4).await,
    ];
    let claims = replies::claim(there.app(), runner, 16).await.unwrap();
    let claim = claims.iter().find(|claim| claim.message.seq == Seq(4));
    let whole = "Hello again!".to_owned();
    replies::complete(there.app(), claim.unwrap(), whole.clone())
        .await
        .unwrap()
        .unwrap();
    let mut late = ada.watch(&session, None).await;
    late.caught_up().await;

    let session_id = id(&session);
    let ended = vec![stored(&here, &session, 4).await];
    let piece = TextPiece {
        seq: Seq(4),
        begun_rev: ended[0].added_rev,
        attempt: ended[0].attempt,
        offset: 0,
        text: "Hello".to_owned(),
    };
    for notice in [
        Notice::Changed {
            session: session_id,
            messages: born,
        },
        Notice::Text {
            session: session_id,
            piece,
        },
        Notice::Changed {
            session: session_id,
            messages: ended,
        },
    ] {
        here.app().bus().publish(notice);
    }
    let told = early.until("MessageChanged").await;
    assert_eq!(told["message"]["content"].as_str(), Some(whole.as_str()));
    // Who began after its end knows it whole, and is told nothing of it.
    ada.say(Some(&session), "next").await;
    assert_eq!(
        late.expect("MessageAdded").await["message"]["content"],
        "next"
    );
}
