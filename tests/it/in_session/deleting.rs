//! Taking back: the place stays, the content is gone.

use parlor::domain::{NodeId, RunnerId, Seq, SessionId};
use parlor::services::replies::{self, Lost};
use serde_json::{Value, json};

use super::{Pair, delete};
use crate::chatbots::{make, session_with};
use crate::helpers::{Person, TestApp, TestDatabase};
use crate::replies::support::{LONG, chat, claim, db_row, regenerate};

async fn session_of(person: &Person, session: &str) -> Value {
    let query = "query ($id: ID!) {
        session(id: $id) { unreadCount cursor lastMessage { seq content status failure } }
    }";
    let answer = person.ask(query, json!({ "id": session })).await;
    answer.data()["session"].take()
}

#[tokio::test]
async fn the_content_is_gone_and_the_place_is_kept() {
    let pair = Pair::start().await;
    pair.say(&pair.ada, "before").await;
    let id = pair.say(&pair.ada, "a canary").await;
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    bobs.caught_up().await;
    let deleted = delete(&pair.ada, &id).await.data()["deleteMessage"].take();
    let told = bobs.expect("MessageChanged").await;
    assert_eq!(told["message"]["status"], "DELETED");
    assert_eq!(
        (&told["cursor"], &told["message"]["id"]),
        (&deleted["cursor"], &id)
    );

    let stored = pair.app.database().contents().await;
    assert!(!stored.join("\n").contains("canary"), "{stored:#?}");
    let seen = session_of(&pair.bob, &pair.session).await;
    let place = json!({"seq": 2, "content": "", "status": "DELETED", "failure": null});
    assert_eq!(seen["lastMessage"], place);
    assert_eq!(seen["unreadCount"], 2);
    let history = pair.bob.history(&pair.session).await;
    let contents: Vec<&str> = history
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(contents, ["before", ""]);

    // Again is no different, and nobody hears of it.
    assert_eq!(
        delete(&pair.ada, &id).await.data()["deleteMessage"],
        deleted
    );
    assert_eq!(pair.app.database().contents().await, stored);
    pair.say(&pair.ada, "after").await;
    assert_eq!(bobs.expect("MessageAdded").await["message"]["seq"], 3);
}

#[tokio::test]
async fn authors_and_the_owner_may() {
    let pair = Pair::start().await;
    let cleo = pair.app.person("cleo").await;
    let adas = pair.say(&pair.ada, "from ada").await;
    let bobs = pair.say(&pair.bob, "from bob").await;
    let also_bobs = pair.say(&pair.bob, "also from bob").await;
    let before = pair.app.database().contents().await;
    delete(&pair.bob, &adas)
        .await
        .expect_error("FORBIDDEN", None);
    let Some(NodeId::Message(session, _)) = NodeId::decode(adas.as_str().unwrap()) else {
        panic!("no message's id")
    };
    let theirs = delete(&cleo, &adas).await;
    for none in [(session, Seq(99)), (SessionId::new(), Seq(1))] {
        let none = json!(NodeId::Message(none.0, none.1).encode());
        assert_eq!(theirs.0, delete(&cleo, &none).await.0);
        assert_eq!(theirs.0, delete(&pair.bob, &none).await.0);
    }
    theirs.expect_error("NOT_FOUND", None);
    assert_eq!(pair.app.database().contents().await, before);
    delete(&pair.ada, &bobs).await.data();
    delete(&pair.bob, &also_bobs).await.data();
}

#[tokio::test]
async fn a_reply_under_way_is_cancelled_first_and_its_writer_writes_no_more() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let sent = ada.say(None, "hello").await;
    let session = sent["session"]["id"].as_str().unwrap();
    let claim = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &claim, "a canary").await;
    assert_eq!(kept.unwrap(), Ok(()));
    let mut feed = ada.watch(session, None).await;
    feed.until("CaughtUp").await;
    let reply = &sent["reply"]["id"];
    delete(&ada, reply).await.data();
    for (status, content) in [("CANCELLED", "a canary"), ("DELETED", "")] {
        let told = feed.until("MessageChanged").await;
        assert_eq!(told["message"]["status"], status);
        assert_eq!(told["message"]["content"], content);
    }
    let stored = db_row(app.database().url()).await;
    assert_eq!(
        (&stored["content"], &stored["words"]),
        (&json!(""), &Value::Null)
    );
    let late = replies::checkpoint(app.app(), &claim, "more").await;
    assert_eq!(late.unwrap(), Err(Lost));
    let late = replies::complete(app.app(), &claim, "more".to_owned()).await;
    assert_eq!(late.unwrap(), Err(Lost));
    assert_eq!(db_row(app.database().url()).await, stored);
    regenerate(&ada, reply)
        .await
        .expect_error("CONFLICT", Some("id"));
}

#[tokio::test]
async fn a_chatbot_in_the_middle_of_it_falls_silent() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let reply = ada.say(Some(&session), LONG).await["reply"]["id"].take();
    feed.until("ReplyDelta").await;
    delete(&ada, &reply).await.data();
    let statuses = [feed.until("MessageChanged").await, feed.next().await];
    let statuses = statuses.map(|mut event| event["message"]["status"].take());
    assert_eq!(statuses, ["CANCELLED", "DELETED"]);
    ada.say(Some(&session), "hello").await;
    // Not a piece of it comes behind its end.
    assert_eq!(feed.expect("MessageAdded").await["message"]["seq"], 3);
    let next = feed.expect("MessageAdded").await["message"]["id"].take();
    assert_eq!(feed.expect("ReplyDelta").await["messageId"], next);
}

#[tokio::test]
async fn a_question_that_is_gone_is_not_answered_unless_another_one_is_with_it() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut said = Vec::new();
    // The second reply waits for the first, and the third message joins it.
    for content in ["one", "two", "three"] {
        said.push(ada.say(Some(&session), content).await);
    }
    let status = async |index: usize| {
        let id = said[index]["reply"]["id"].clone();
        let history = ada.history(&session).await;
        history.iter().find(|message| message["id"] == id).unwrap()["status"].clone()
    };
    assert_eq!(said[1]["reply"]["id"], said[2]["reply"]["id"]);
    delete(&ada, &said[1]["message"]["id"]).await.data();
    assert_eq!(
        (status(0).await, status(1).await),
        (json!("PENDING"), json!("PENDING"))
    );
    let first = claim(&app, RunnerId::new()).await;
    let done = replies::complete(app.app(), &first, "Yes?".to_owned()).await;
    assert_eq!(done.unwrap(), Ok(()));
    let second = claim(&app, RunnerId::new()).await;
    let assignment = replies::assignment(app.app(), &second).await.unwrap();
    assert_eq!(assignment.said(), "three");
    delete(&ada, &said[2]["message"]["id"]).await.data();
    assert_eq!(
        (status(0).await, status(1).await),
        (json!("COMPLETE"), json!("CANCELLED"))
    );
    let late = replies::complete(app.app(), &second, "Late.".to_owned()).await;
    assert_eq!(late.unwrap(), Err(Lost));
}

#[tokio::test]
async fn what_was_said_to_another_chatbot_meanwhile_keeps_no_reply_alive() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for handle in ["tea", "milk"] {
        make(&ada, json!({ "handle": handle })).await.data();
    }
    let session = session_with(&ada, &["milk", "tea"]).await;
    let mut said = Vec::new();
    for content in ["@tea one", "@tea two", "@milk warm?", "@tea three"] {
        said.push(ada.say(Some(&session), content).await);
    }
    let [_, two, warm, three] = said.as_slice() else {
        panic!("four were sent")
    };
    assert_eq!(two["reply"]["id"], three["reply"]["id"]);
    let statuses = async || {
        let history = ada.history(&session).await;
        [two, warm].map(|sent| {
            let id = &sent["reply"]["id"];
            history.iter().find(|m| m["id"] == *id).unwrap()["status"].clone()
        })
    };
    delete(&ada, &two["message"]["id"]).await.data();
    assert_eq!(statuses().await, ["PENDING", "PENDING"]);
    delete(&ada, &three["message"]["id"]).await.data();
    assert_eq!(statuses().await, ["CANCELLED", "PENDING"]);
    delete(&ada, &warm["message"]["id"]).await.data();
    assert_eq!(statuses().await, ["CANCELLED", "CANCELLED"]);
}

#[tokio::test]
async fn a_retry_finds_what_was_taken_back_and_learns_nothing_of_what_it_said() {
    let pair = Pair::start().await;
    let input =
        |content: &str| json!({"sessionId": pair.session, "content": content, "clientKey": "key"});
    let sent = pair.ada.send(input("hello")).await.data()["sendMessage"].take();
    delete(&pair.ada, &sent["message"]["id"]).await.data();
    let stored = pair.app.database().contents().await;
    let mut answers = Vec::new();
    for content in ["hello", "something else"] {
        answers.push(pair.ada.send(input(content)).await.data()["sendMessage"].take());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["message"]["id"], sent["message"]["id"]);
    assert_eq!(answers[0]["message"]["status"], "DELETED");
    assert_eq!(pair.app.database().contents().await, stored);
}
