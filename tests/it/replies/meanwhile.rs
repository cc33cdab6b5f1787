//! What becomes of a message that comes while a reply is under way.

use parlor::domain::RunnerId;
use parlor::services::replies;
use serde_json::{Value, json};

use super::support::{LONG, Shown, cancel, chat, claim, ends};
use crate::helpers::{Person, TestApp, TestDatabase};

/// Starts a session with a chatbot that does this while it is replying; its id.
async fn chat_with_one_that(person: &Person, while_replying: &str) -> String {
    let make = "mutation ($input: ChatbotInput!) { createChatbot(input: $input) { id } }";
    let input = json!({"handle": "tea", "engine": "BUILTIN", "whileReplying": while_replying});
    person.ask(make, json!({ "input": input })).await.data();
    let start = r#"mutation { startSession(input: {chatbots: ["tea"]}) { id } }"#;
    let started = person.ask(start, json!({})).await.data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn those_that_come_while_an_answer_waits_are_answered_together() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let say = async |content: &str| {
        let input = json!({"sessionId": session, "content": content, "clientKey": content});
        ada.send(input).await.data()["sendMessage"].take()
    };
    let (first, second, third) = (say("one").await, say("two").await, say("three").await);
    let seq = |sent: &Value| sent["reply"]["seq"].clone();
    assert_eq!([seq(&first), seq(&second), seq(&third)], [2, 4, 4]);
    assert_eq!(third["message"]["seq"], 5);
    // A retry is told the same.
    assert_eq!(
        [say("one").await, say("two").await, say("three").await].map(|sent| seq(&sent)),
        [2, 4, 4]
    );
    let mut watch = ada
        .watch(&session, third["session"]["cursor"].as_str())
        .await;
    watch.caught_up().await;

    // One at a time: the second is not to be had until the first has ended.
    let runner = RunnerId::new();
    let reply = claim(&app, runner).await;
    assert_eq!(reply.message.seq.0, 2);
    assert!(
        replies::claim(app.app(), runner, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let done = replies::complete(app.app(), &reply, "To one.".to_owned()).await;
    assert_eq!(done.unwrap(), Ok(()));
    let reply = claim(&app, runner).await;
    assert_eq!(reply.message.seq.0, 4);
    let assignment = replies::assignment(app.app(), &reply).await.unwrap();
    assert_eq!(assignment.said(), "two\nthree");
    // It was begun: what comes now is answered after it.
    assert_eq!(seq(&say("four").await), 7);
    assert_eq!(seq(&say("five").await), 7);
    // One that waits can be cancelled, and what comes next waits anew.
    let waiting = ada.history(&session).await[6]["id"].clone();
    cancel(&ada, &waiting).await.data();
    assert_eq!(seq(&say("six").await), 10);
}

#[tokio::test]
async fn what_waited_is_written_as_soon_as_what_it_waited_for_has_ended() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    let first = ada.say(Some(&session), LONG).await["reply"].take();
    feed.until("ReplyDelta").await;
    ada.say(Some(&session), "thanks").await;
    cancel(&ada, &first["id"]).await.data();
    let ended = feed.until("MessageChanged").await;
    assert_eq!(ended["message"]["status"], "CANCELLED");
    let next = feed.until("MessageChanged").await;
    assert_eq!(next["message"]["content"], "You are welcome, ada.");
}

#[tokio::test]
async fn one_that_is_interrupted_makes_way_with_what_it_said() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat_with_one_that(&ada, "INTERRUPT").await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), LONG).await;
    feed.expect("MessageAdded").await;
    feed.expect("MessageAdded").await;
    let mut shown = Shown::default();
    for _ in 0..5 {
        shown.add(&feed.expect("ReplyDelta").await);
    }
    let sent = ada.say(Some(&session), "thanks").await;
    let ended = ends(&mut feed, &mut shown).await;
    assert_eq!(ended["message"]["status"], "CANCELLED");
    assert_eq!(ended["message"]["content"], shown.0);
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        "thanks"
    );
    let owed = feed.expect("MessageAdded").await;
    assert_eq!(owed["message"]["id"], sent["reply"]["id"]);
    let whole = ends(&mut feed, &mut Shown::default()).await;
    assert_eq!(whole["message"]["content"], "You are welcome, ada.");
}

#[tokio::test]
async fn one_that_rejects_takes_nothing_until_it_has_ended() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat_with_one_that(&ada, "REJECT").await;
    let input = |key: &str| json!({"sessionId": session, "content": "hello", "clientKey": key});
    let first = ada.send(input("one")).await.data();
    let before = app.database().contents().await;
    ada.send(input("two"))
        .await
        .expect_error("CONFLICT", Some("sessionId"));
    assert_eq!(app.database().contents().await, before);
    // A retry of what is stored is no new message.
    assert_eq!(ada.send(input("one")).await.data(), first);
    cancel(&ada, &first["sendMessage"]["reply"]["id"])
        .await
        .data();
    ada.send(input("two")).await.data();
}
