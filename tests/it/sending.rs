//! Sending: once, in order, however often it is tried.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase};

/// The session's counters and what is stored of its messages, behind the API.
async fn log_of(app: &TestApp, seqs_and_revs: &str) -> String {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        told: String,
    }
    let mut conn = app.database().connect().await;
    let row: Row =
        diesel_async::RunQueryDsl::get_result(diesel::sql_query(seqs_and_revs), &mut conn)
            .await
            .unwrap();
    row.told
}

fn places(payload: &Value) -> (i64, String) {
    let seq = payload["message"]["seq"].as_i64().unwrap();
    (seq, payload["session"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_same_key_again_gives_the_first_answer_and_stores_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let input = json!({"content": "hello", "clientKey": "first"});
    let first = ada.send(input.clone()).await.data();
    let stored = app.database().contents().await;
    let again = ada.send(input.clone()).await.data();
    assert_eq!(first, again);
    assert_eq!(app.database().contents().await, stored);
    let session = first["sendMessage"]["session"]["id"].as_str().unwrap();
    assert_eq!(ada.history(session).await.len(), 2);

    let other = json!({"content": "goodbye", "clientKey": "first"});
    ada.send(other)
        .await
        .expect_error("CONFLICT", Some("clientKey"));
    // A key is its sender's own.
    let bob = app.person("bob").await;
    let his = bob.send(input).await.data();
    assert_ne!(his["sendMessage"]["session"]["id"], session);
}

#[tokio::test]
async fn sixteen_tries_at_once_are_one_message_in_one_session() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let existing = ada.quiet_session().await;
    for session in [None, Some(existing.as_str())] {
        for round in 0..5 {
            let input = json!({
                "sessionId": session, "content": "hello", "clientKey": format!("key {round}"),
            });
            let answers = join_all((0..16).map(|_| ada.send(input.clone()))).await;
            let answers: Vec<Value> = answers.into_iter().map(|answer| answer.data()).collect();
            assert!(
                answers.iter().all(|answer| *answer == answers[0]),
                "{answers:#?}"
            );
            let (seq, id) = places(&answers[0]["sendMessage"]);
            let stored = ada.history(&id).await;
            assert_eq!(
                stored
                    .iter()
                    .filter(|message| message["seq"] == seq)
                    .count(),
                1
            );
            assert_eq!(stored.len(), if session.is_none() { 2 } else { round + 1 });
        }
    }
}

#[tokio::test]
async fn a_late_retry_continues_right_behind_its_own_send() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let input = json!({"sessionId": session, "content": "first", "clientKey": "key"});
    ada.send(input.clone()).await.data();
    ada.say(Some(&session), "second").await;

    let retried = ada.send(input).await.data();
    let cursor = retried["sendMessage"]["session"]["cursor"]
        .as_str()
        .unwrap();
    let mut watch = ada.watch(&session, Some(cursor)).await;
    let missed = watch.expect("MessageAdded").await;
    assert_eq!(missed["message"]["content"], "second");
    watch.caught_up().await;
}

#[tokio::test]
async fn a_hundred_sends_at_once_leave_no_hole_and_no_double() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.say(None, "start").await["session"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;

    let texts: Vec<String> = (0..100).map(|number| format!("message {number}")).collect();
    join_all(texts.iter().map(|text| insist(&ada, &session, text))).await;
    // The start and its reply, a hundred messages, and one reply to all of them: they came while it waited.
    let told = log_of(
        &app,
        "select concat_ws(' ', last_seq, rev, (select count(distinct seq) from messages),
                (select max(seq) from messages), (select count(distinct rev) from messages),
                (select max(rev) from messages)) as told
         from sessions",
    )
    .await;
    assert_eq!(told, "103 103 103 103 103 103");
    for seq in 3..=103 {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["seq"], seq);
    }
}

/// Sends until it is stored, as a client does: a busy server may say `UNAVAILABLE`.
async fn insist(person: &Person, session: &str, text: &str) {
    let input = json!({"sessionId": session, "content": text, "clientKey": text});
    loop {
        let answer = person.send(input.clone()).await;
        if answer.0.get("errors").is_none() {
            return;
        }
        assert_eq!(answer.error()["code"], "UNAVAILABLE");
    }
}

/// The same person on another device.
async fn another_device(app: &TestApp, username: &str) -> Person {
    let nobody = app.nobody();
    nobody.signed_in(&nobody.log_in(username, PASSWORD).await.data()["login"])
}

/// Sends as clients should: again with the same key for as long as there is no room, as on a busy machine.
async fn until_answered(device: &Person, input: Value) -> Value {
    loop {
        let answer = device.send(input.clone()).await;
        if answer.0["errors"][0]["extensions"]["code"] != "UNAVAILABLE" {
            return answer.data();
        }
    }
}

#[tokio::test]
async fn several_devices_and_the_chatbots_that_answer_them_share_one_count() {
    // More waits at once than a person usually may have.
    let room = [("PARLOR_MAX_WAITS_PER_PERSON", "200")];
    let app = TestApp::configured(TestDatabase::migrated().await, &room).await;
    parlor::bots::start(app.app());
    let mut senders = Vec::new();
    for name in ["ada", "bob"] {
        let phone = app.person(name).await;
        let start = json!({"content": "start", "waitMs": 60_000});
        let started = phone.send(start).await.data()["sendMessage"].take();
        let session = started["session"]["id"].as_str().unwrap().to_owned();
        let laptop = another_device(&app, name).await;
        let tablet = another_device(&app, name).await;
        senders.extend([phone, laptop, tablet].map(|device| (device, session.clone())));
    }

    let sends = (0..102).map(|number| {
        let (device, session) = &senders[number % senders.len()];
        let content = format!("message {number}");
        let input = json!({
            "sessionId": session, "content": content, "clientKey": content, "waitMs": 60_000,
        });
        until_answered(device, input)
    });
    for sent in join_all(sends).await {
        assert_eq!(sent["sendMessage"]["reply"]["status"], "COMPLETE");
    }
    // 52 messages in each session. Those that came while an answer waited share it; every message, every reply
    // and the end of each reply is a change of its own, and no number is left out.
    let counts = "select s.last_seq = count(distinct m.seq) and s.last_seq = max(m.seq) as no_hole,
            s.rev = s.last_seq + count(m.chatbot_id) as all_told, count(m.user_id) as said,
            s.rev = (select count(distinct place)
             from messages, unnest(array[added_rev, rev, finished_rev]) place
             where session_id = s.id) as each_once
        from sessions s join messages m on m.session_id = s.id group by s.id";
    let expected = json!({"no_hole": true, "all_told": true, "said": 52, "each_once": true});
    let counts = app.database().rows(counts).await;
    assert_eq!(counts, [expected.clone(), expected]);
}

#[tokio::test]
async fn what_one_has_not_read_is_counted_and_ones_own_counts_as_read() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let sent = ada
        .send(json!({"content": "hello", "waitMs": 20_000}))
        .await
        .data();
    let session = sent["sendMessage"]["session"]["id"].clone();
    let unread = "query ($id: ID!) { session(id: $id) { unreadCount lastMessage { seq } } }";
    let answer = ada.ask(unread, json!({ "id": session })).await.data();
    assert_eq!(
        answer,
        json!({"session": {"unreadCount": 1, "lastMessage": {"seq": 2}}})
    );
    ada.send(json!({"sessionId": session, "content": "thanks", "waitMs": 20_000}))
        .await
        .data();
    let answer = ada.ask(unread, json!({ "id": session })).await.data();
    assert_eq!(
        answer,
        json!({"session": {"unreadCount": 1, "lastMessage": {"seq": 4}}})
    );
}

#[tokio::test]
async fn nobody_answers_where_chatbots_are_paused_or_absent() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let quiet = ada.quiet_session().await;
    assert_eq!(ada.say(Some(&quiet), "hello").await["reply"], Value::Null);

    let first = ada.say(None, "hello").await;
    assert_eq!(first["reply"]["status"], "PENDING");
    app.database()
        .execute("update sessions set chatbots_paused = true")
        .await;
    let session = first["session"]["id"].as_str();
    assert_eq!(ada.say(session, "hello?").await["reply"], Value::Null);
}

#[tokio::test]
async fn a_send_may_wait_for_the_whole_reply_and_no_longer_than_it_said() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let sent = ada
        .send(json!({"content": "hello", "waitMs": 20_000}))
        .await
        .data();
    let reply = &sent["sendMessage"]["reply"];
    assert_eq!(reply["status"], "COMPLETE");
    assert!(
        reply["content"]
            .as_str()
            .unwrap()
            .starts_with("Hello, ada!")
    );

    let owed = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let bob: Person = owed.person("bob").await;
    let sent = bob
        .send(json!({"content": "hello", "waitMs": 50}))
        .await
        .data();
    assert_eq!(sent["sendMessage"]["reply"]["status"], "PENDING");
}

#[tokio::test]
async fn a_retry_may_wait_too_and_is_given_what_is_written_by_then() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let input = |wait: u32| json!({"content": "hello", "clientKey": "key", "waitMs": wait});
    ada.send(input(0)).await.data();
    app.database()
        .execute(
            "update messages set status = 'STREAMING', content = 'So far' where status = 'PENDING'",
        )
        .await;
    let sent = ada.send(input(50)).await.data();
    let reply = &sent["sendMessage"]["reply"];
    assert_eq!(reply["status"], "STREAMING");
    assert_eq!(reply["content"], "So far");
}
