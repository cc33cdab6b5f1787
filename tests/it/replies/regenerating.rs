//! Writing the last reply anew: another text in the same place, and nothing of the old one comes back.

use futures_util::future::join_all;
use parlor::bus::{Notice, TextPiece};
use parlor::domain::RunnerId;
use parlor::services::replies::{self, Lost};
use serde_json::{Value, json};

use super::support::{Shown, cancel, chat, claim, ends, newest, regenerate};
use crate::helpers::{Person, TestApp, TestDatabase};

/// Ada, who was answered "The first text"; her session and the reply.
async fn answered() -> (TestApp, Person, String, Value) {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = ada.say(Some(&session), "hello").await["reply"].take();
    let claim = claim(&app, RunnerId::new()).await;
    let text = "The first text".to_owned();
    let done = replies::complete(app.app(), &claim, text).await.unwrap();
    assert_eq!(done, Ok(()));
    (app, ada, session, reply)
}

#[tokio::test]
async fn who_watches_sees_it_begin_anew_grow_and_end_in_its_place() {
    let (app, ada, session, reply) = answered().await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let mut finished = ada.watch_finished(&session, None).await;
    let begun = regenerate(&ada, &reply["id"]).await.data()["regenerateReply"].take();
    for field in ["id", "seq"] {
        assert_eq!(begun[field], reply[field]);
    }
    assert_eq!(
        (&begun["status"], &begun["content"]),
        (&json!("PENDING"), &json!(""))
    );
    let told = feed.expect("MessageChanged").await;
    assert_eq!(told["message"]["status"], "PENDING");
    assert_eq!(told["cursor"], begun["cursor"]);

    let claim = claim(&app, RunnerId::new()).await;
    assert_eq!(claim.tries, 1);
    let kept = replies::checkpoint(app.app(), &claim, "Another")
        .await
        .unwrap();
    assert_eq!(kept, Ok(()));
    replies::show(app.app(), &claim, 0, "Another".to_owned());
    let text = "Another text".to_owned();
    replies::show(app.app(), &claim, 7, " text".to_owned());
    assert_eq!(
        replies::complete(app.app(), &claim, text).await.unwrap(),
        Ok(())
    );
    let mut shown = Shown::default();
    let whole = ends(&mut feed, &mut shown).await;
    assert_eq!(whole["message"]["content"], "Another text");
    assert_eq!(shown.0, "Another text");
    // Those who follow finished messages get it once more, whole.
    let again = finished.next().await;
    assert_eq!(
        (&again["id"], &again["content"]),
        (&reply["id"], &json!("Another text"))
    );
}

#[tokio::test]
async fn who_was_away_sees_one_change_and_one_finished_message() {
    let (app, ada, session, reply) = answered().await;
    let started = ada.history(&session).await;
    let before = started[0]["cursor"].as_str().unwrap().to_owned();
    let after = started[1]["cursor"].as_str().unwrap().to_owned();
    regenerate(&ada, &reply["id"]).await.data();

    // While it is under way: the reply is under way, whatever it was.
    let mut back = ada.watch(&session, Some(&after)).await;
    let event = back.expect("MessageChanged").await;
    assert_eq!(event["message"]["status"], "PENDING");
    back.caught_up().await;
    let claim = claim(&app, RunnerId::new()).await;
    let text = "Another text".to_owned();
    assert_eq!(
        replies::complete(app.app(), &claim, text).await.unwrap(),
        Ok(())
    );
    assert_eq!(
        back.expect("MessageChanged").await["message"]["content"],
        "Another text"
    );

    // After it.
    for cursor in [&after, &before] {
        let mut back = ada.watch(&session, Some(cursor)).await;
        if cursor == &before {
            let born = back.expect("MessageAdded").await;
            assert_eq!(born["message"]["status"], "PENDING");
        }
        let event = back.expect("MessageChanged").await;
        assert_eq!(event["message"]["content"], "Another text");
        back.caught_up().await;
    }
    let mut finished = ada.watch_finished(&session, Some(&before)).await;
    assert_eq!(finished.next().await["content"], "Another text");
    // Once: the next is another message.
    ada.say(Some(&session), "next").await;
    assert_eq!(finished.next().await["content"], "next");
}

#[tokio::test]
async fn who_wrote_it_before_writes_nothing_and_shows_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = ada.say(Some(&session), "hello").await["reply"].take();
    let zombie = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &zombie, "Old")
        .await
        .unwrap();
    assert_eq!(kept, Ok(()));
    let mut feed = ada.watch(&session, None).await;
    assert_eq!(feed.expect("ReplyDelta").await["text"], "Old");
    feed.caught_up().await;
    cancel(&ada, &reply["id"]).await.data();
    regenerate(&ada, &reply["id"]).await.data();
    assert_eq!(
        feed.expect("MessageChanged").await["message"]["status"],
        "CANCELLED"
    );
    assert_eq!(
        feed.expect("MessageChanged").await["message"]["status"],
        "PENDING"
    );

    assert_eq!(replies::renew(app.app(), &zombie).await.unwrap(), Err(Lost));
    assert_eq!(
        replies::checkpoint(app.app(), &zombie, "Old text")
            .await
            .unwrap(),
        Err(Lost)
    );
    replies::show(app.app(), &zombie, 0, "Old text".to_owned());
    let heir = claim(&app, RunnerId::new()).await;
    // Even with the newest attempt: it is of a writing that has ended.
    app.app().bus().publish(Notice::Text {
        session: zombie.message.session_id,
        piece: TextPiece {
            seq: zombie.message.seq,
            begun_rev: zombie.message.rev,
            attempt: heir.message.attempt,
            offset: 0,
            text: "Old text".to_owned(),
        },
    });
    let kept = replies::checkpoint(app.app(), &heir, "New").await.unwrap();
    assert_eq!(kept, Ok(()));
    replies::show(app.app(), &heir, 0, "New".to_owned());
    let delta = feed.expect("ReplyDelta").await;
    assert_eq!(
        (&delta["offset"], &delta["text"]),
        (&json!(0), &json!("New"))
    );
    assert_eq!(newest(&ada, &session).await["content"], "New");
}

#[tokio::test]
async fn one_at_a_time_the_last_one_and_only_while_somebody_would_write_it() {
    let (app, ada, session, reply) = answered().await;
    let refused = async |id: &Value| {
        regenerate(&ada, id)
            .await
            .expect_error("CONFLICT", Some("id"));
    };
    let (first, second) = tokio::join!(
        regenerate(&ada, &reply["id"]),
        regenerate(&ada, &reply["id"])
    );
    let won = [&first, &second].map(|answer| answer.0.get("errors").is_none());
    assert_ne!(won[0], won[1]);
    refused(&reply["id"]).await;
    cancel(&ada, &reply["id"]).await.data();

    let later = ada.say(Some(&session), "and now?").await["reply"].take();
    refused(&later["id"]).await;
    cancel(&ada, &later["id"]).await.data();
    refused(&reply["id"]).await;
    app.database()
        .execute("update sessions set chatbots_paused = true")
        .await;
    refused(&later["id"]).await;
    // What is said behind it without an answer does not make it less the last reply.
    ada.say(Some(&session), "nobody answers").await;
    app.database()
        .execute("update sessions set chatbots_paused = false")
        .await;
    regenerate(&ada, &later["id"]).await.data();

    let bob = app.person("bob").await;
    regenerate(&bob, &later["id"])
        .await
        .expect_error("NOT_FOUND", None);
    let message = ada.history(&session).await[0]["id"].clone();
    regenerate(&ada, &message)
        .await
        .expect_error("BAD_USER_INPUT", Some("id"));
}

#[tokio::test]
async fn asked_again_with_the_same_key_it_is_written_anew_once() {
    let (app, ada, session, reply) = answered().await;
    let query = "mutation ($id: ID!, $key: String) {
        regenerateReply(id: $id, clientKey: $key) { id status content cursor }
    }";
    let ask = async |id: &Value, key: &str| {
        let variables = json!({"id": id, "key": key});
        ada.ask(query, variables).await
    };
    let answers = join_all((0..8).map(|_| ask(&reply["id"], "once"))).await;
    let answers: Vec<Value> = answers.into_iter().map(|answer| answer.data()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0]["regenerateReply"]["status"], "PENDING");

    let claim = claim(&app, RunnerId::new()).await;
    let text = "Another text".to_owned();
    let done = replies::complete(app.app(), &claim, text).await.unwrap();
    assert_eq!(done, Ok(()));
    let stored = app.database().contents().await;
    let late = ask(&reply["id"], "once").await.data();
    assert_eq!(late["regenerateReply"]["content"], "Another text");
    assert_eq!(app.database().contents().await, stored);

    // It stays the request that it was, whatever the session has come to.
    let next = ada.say(Some(&session), "and now?").await["reply"].take();
    assert_eq!(ask(&reply["id"], "once").await.data(), late);
    ask(&next["id"], "once")
        .await
        .expect_error("CONFLICT", Some("clientKey"));
    ask(&reply["id"], "twice")
        .await
        .expect_error("CONFLICT", Some("id"));
}

#[tokio::test]
async fn it_can_be_written_anew_more_often_than_a_writing_may_be_tried() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let sent = ada
        .send(json!({"content": "hello", "waitMs": 20_000}))
        .await
        .data()["sendMessage"]
        .take();
    let session = sent["session"]["id"].as_str().unwrap();
    for _ in 0..5 {
        let mut feed = ada.watch(session, None).await;
        feed.caught_up().await;
        regenerate(&ada, &sent["reply"]["id"]).await.data();
        feed.expect("MessageChanged").await;
        let whole = ends(&mut feed, &mut Shown::default()).await;
        assert_eq!(whole["message"]["status"], "COMPLETE");
        assert_eq!(whole["message"]["content"], sent["reply"]["content"]);
    }
}
