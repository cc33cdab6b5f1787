//! Watching a session live: what comes, in which order, and how it ends.

use std::time::Duration;

use parlor::bus::Notice;
use parlor::domain::{NodeId, SessionId};
use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, TestDatabase};

fn contents(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}

fn id(session: &str) -> SessionId {
    match NodeId::decode(session) {
        Some(NodeId::Session(id)) => id,
        other => panic!("not a session: {other:?}"),
    }
}

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
    let sent = ada.say(None, "/help").await;
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
    let mut watch = ada.watch(&session, None).await;
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
    parlor::db::messages::find(&mut conn, id(session), parlor::domain::Seq(seq))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn an_unknown_cursor_ends_the_feed() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let other = ada.quiet_session().await;
    let foreign = ada.say(Some(&other), "elsewhere").await["message"]["cursor"].take();
    let ahead = app.app().seal_cursor(id(&session), parlor::domain::Rev(1));
    let own = ada.say(Some(&session), "first").await["message"]["cursor"].take();
    let own = own.as_str().unwrap();
    assert_eq!(own, ahead);
    let ahead = app.app().seal_cursor(id(&session), parlor::domain::Rev(2));
    let forged = format!(
        "{}{}",
        &own[..own.len() - 1],
        if own.ends_with('A') { 'E' } else { 'A' }
    );

    for cursor in [
        foreign.as_str().unwrap(),
        &ahead,
        &forged,
        "",
        "nonsense",
        "\u{0}",
    ] {
        ada.watch(&session, Some(cursor))
            .await
            .expect_end("CURSOR_UNKNOWN", false)
            .await;
        let error = ada
            .watch_finished(&session, Some(cursor))
            .await
            .error()
            .await;
        assert_eq!(error["code"], "BAD_USER_INPUT", "{cursor:?}");
        assert_eq!(error["field"], "after");
    }
}

#[tokio::test]
async fn a_restored_backup_makes_older_cursors_unknown() {
    let database = TestDatabase::migrated().await;
    let before = TestApp::without_chatbots(database.clone()).await;
    let ada = before.person("ada").await;
    let session = ada.quiet_session().await;
    let cursor = ada.say(Some(&session), "first").await["message"]["cursor"].take();
    database.execute("update epoch set value = value + 1").await;
    let after = TestApp::without_chatbots(database).await;
    let mut watch = ada.at(&after).watch(&session, cursor.as_str()).await;
    watch.expect_end("CURSOR_UNKNOWN", false).await;
}

#[tokio::test]
async fn signing_out_ends_the_feeds_of_that_device_only() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let login =
        "mutation { login(input: {username: \"ada\", password: \"correct horse battery staple\"})
        { accessToken refreshToken } }";
    let phone = ada.signed_in(&app.nobody().ask(login, json!({})).await.data()["login"]);
    let mut on_phone = phone.watch(&session, None).await;
    let mut on_laptop = ada.watch(&session, None).await;
    on_phone.caught_up().await;
    on_laptop.caught_up().await;

    phone.ask("mutation { logout }", json!({})).await.data();
    on_phone.expect_end("SIGNED_OUT", false).await;
    let closing = on_phone.closing().await;
    assert_eq!(closing, (4403, "The login has ended".to_owned()));
    ada.say(Some(&session), "still here").await;
    on_laptop.expect("MessageAdded").await;

    ada.ask("mutation { logout(everywhere: true) }", json!({}))
        .await
        .data();
    on_laptop.expect_end("SIGNED_OUT", false).await;
}

#[tokio::test]
async fn an_expired_token_ends_the_feed_and_a_new_one_continues() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let short = ada.with_token(&ada.token_valid_for(Duration::from_secs(2)));
    let mut watch = short.watch(&session, None).await;
    let cursor = watch.caught_up().await;
    watch.expect_end("TOKEN_EXPIRED", true).await;

    ada.say(Some(&session), "meanwhile").await;
    let mut again = ada.watch(&session, Some(&cursor)).await;
    assert_eq!(
        again.expect("MessageAdded").await["message"]["content"],
        "meanwhile"
    );
}

#[tokio::test]
async fn a_stopping_server_sends_its_clients_to_another() {
    let database = TestDatabase::migrated().await;
    let (one, other) = (
        TestApp::without_chatbots(database.clone()).await,
        TestApp::without_chatbots(database).await,
    );
    let ada = one.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    let cursor = watch.caught_up().await;
    let mut finished = ada.watch_finished(&session, Some(&cursor)).await;
    ada.say(Some(&session), "one").await;
    let cursor = watch.expect("MessageAdded").await["cursor"].take();
    finished.next().await;

    one.app().stopping().cancel();
    watch.expect_end("SERVER_STOPPING", true).await;
    assert_eq!(finished.error().await["code"], "UNAVAILABLE");

    let ada = ada.at(&other);
    ada.say(Some(&session), "two").await;
    let mut again = ada.watch(&session, cursor.as_str()).await;
    assert_eq!(
        again.expect("MessageAdded").await["message"]["content"],
        "two"
    );
    assert_eq!(contents(&ada.history(&session).await), ["one", "two"]);
}

#[tokio::test]
async fn nobody_watches_what_they_may_not_see() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let error = bob.watch(&session, None).await.error().await;
    assert_eq!(error["code"], "NOT_FOUND");
    let gone = NodeId::Session(SessionId::new()).encode();
    assert_eq!(bob.watch(&gone, None).await.error().await, error);
}
