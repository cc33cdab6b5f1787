//! Which chatbots answer where there are several.

use std::time::Duration;

use parlor::domain::RunnerId;
use parlor::services::replies;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{make, session_with};
use crate::helpers::{Person, TestApp, TestDatabase};
use crate::replies::support::claim;

/// Who has answered so far, in the order of the history.
async fn authors(person: &Person, session: &str) -> Vec<Value> {
    let query = "query ($id: ID!) { session(id: $id) { messages(last: 200) { nodes {
        inReplyTo { content } author { ... on Chatbot { handle } }
    } } } }";
    let told = person.ask(query, json!({ "id": session })).await.data();
    let nodes = told["session"]["messages"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .filter(|node| !node["inReplyTo"].is_null())
        .map(|node| json!([node["author"]["handle"], node["inReplyTo"]["content"]]))
        .collect()
}

#[tokio::test]
async fn those_mentioned_answer_in_their_order_and_the_first_if_none_is() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for handle in ["tea", "milk"] {
        make(&ada, json!({ "handle": handle })).await.data();
    }
    let session = session_with(&ada, &["milk", "parlor", "tea"]).await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;

    let sent = ada
        .say(Some(&session), "@Tea and @parlor, not mail@milk")
        .await;
    assert_eq!(sent["reply"]["seq"], 2);
    for (seq, status) in [(1, "COMPLETE"), (2, "PENDING"), (3, "PENDING")] {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["seq"], seq);
        assert_eq!(event["message"]["status"], status);
        // Whoever watches from the send on is told of nothing twice.
        if seq == 3 {
            assert_eq!(event["cursor"], sent["session"]["cursor"]);
        }
    }
    ada.say(Some(&session), "anybody?").await;
    let first = "@Tea and @parlor, not mail@milk";
    assert_eq!(
        authors(&ada, &session).await,
        [
            json!(["tea", first]),
            json!(["parlor", first]),
            json!(["milk", "anybody?"])
        ]
    );
}

#[tokio::test]
async fn the_only_one_answers_whoever_is_mentioned() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "tea"})).await.data();
    let session = session_with(&ada, &["tea"]).await;
    ada.say(Some(&session), "@parlor?").await;
    assert_eq!(authors(&ada, &session).await, [json!(["tea", "@parlor?"])]);
}

#[tokio::test]
async fn a_retry_names_the_reply_that_was_named_first_also_one_that_waited_already() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for handle in ["tea", "milk"] {
        make(&ada, json!({ "handle": handle })).await.data();
    }
    let session = session_with(&ada, &["milk", "tea"]).await;
    ada.say(Some(&session), "@tea one").await;
    let waiting = ada.say(Some(&session), "@tea two").await["reply"].take();
    for content in ["@tea and @milk", "@milk and @tea", "@tea alone"] {
        let input = json!({"sessionId": session, "content": content, "clientKey": content});
        let first = ada.send(input.clone()).await.data();
        let is_tea_first = content.starts_with("@tea");
        assert_eq!(
            first["sendMessage"]["reply"]["id"] == waiting["id"],
            is_tea_first,
            "{first}"
        );
        assert_eq!(ada.send(input).await.data(), first);
    }
}

#[tokio::test]
async fn a_reply_that_waited_answers_what_was_said_to_its_chatbot_only() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for handle in ["tea", "milk"] {
        make(&ada, json!({ "handle": handle })).await.data();
    }
    let session = session_with(&ada, &["milk", "tea"]).await;
    let mut seqs = Vec::new();
    for content in ["@tea one", "@tea two", "@milk warm?", "@tea three"] {
        let sent = ada.say(Some(&session), content).await;
        seqs.push(sent["reply"]["seq"].as_i64().unwrap());
    }
    assert_eq!(seqs, [2, 4, 6, 4]);
    let runner = RunnerId::new();
    let mut claims = replies::claim(app.app(), runner, 10).await.unwrap();
    claims.retain(|claim| claim.message.seq.0 == 2);
    let done = replies::complete(app.app(), &claims[0], "To one.".to_owned()).await;
    assert_eq!(done.unwrap(), Ok(()));
    let reply = claim(&app, runner).await;
    assert_eq!(reply.message.seq.0, 4);
    let assignment = replies::assignment(app.app(), &reply).await.unwrap();
    assert_eq!(assignment.said(), "@tea two\n@tea three");
}

#[tokio::test]
async fn every_reply_is_told_of_when_its_message_is_sent_again() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    // It tells the first server nothing: so it is with one that is cut off right behind its commit.
    let unheard = TestApp::without_chatbots(database).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "tea"})).await.data();
    let session = session_with(&ada, &["parlor", "tea"]).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let input = json!({"sessionId": session, "content": "@tea @parlor", "clientKey": "1"});
    ada.at(&unheard).send(input.clone()).await.data();
    ada.send(input).await.data();
    let told = async {
        for seq in 1..=3 {
            assert_eq!(feed.expect("MessageAdded").await["message"]["seq"], seq);
        }
    };
    // Long before a feed looks at its log unasked.
    timeout(Duration::from_secs(10), told).await.unwrap();
}
