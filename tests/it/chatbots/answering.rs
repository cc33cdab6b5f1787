//! Which chatbots answer where there are several.

use serde_json::{Value, json};

use super::{make, session_with};
use crate::helpers::{Person, TestApp, TestDatabase};

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
