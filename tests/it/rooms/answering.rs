//! Chatbots in rooms: they speak when they are spoken to.

use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, TestDatabase};

async fn make_chatbot(owner: &Person, handle: &str) {
    let query = "mutation ($input: ChatbotInput!) { createChatbot(input: $input) { id } }";
    let input = json!({"handle": handle, "engine": "BUILTIN"});
    owner.ask(query, json!({ "input": input })).await.data();
}

#[tokio::test]
async fn in_a_room_only_those_answer_that_are_mentioned() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    make_chatbot(&ada, "tea-bot").await;
    let room = ada
        .start(json!({"kind": "ROOM", "title": "Tea", "chatbots": ["parlor", "tea-bot"]}))
        .await;
    bob.join(&room).await.data();
    let alone = bob.say(Some(&room), "hello everyone").await;
    assert_eq!(alone["reply"], Value::Null);
    let input = json!({"sessionId": room, "content": "hello @tea-bot", "waitMs": 20_000});
    let answered = bob.send(input).await.data()["sendMessage"].take();
    assert_eq!(answered["reply"]["status"], "COMPLETE");
    let both = bob.say(Some(&room), "@parlor @tea-bot hello").await;
    assert_eq!(
        both["reply"]["seq"],
        json!(both["message"]["seq"].as_i64().unwrap() + 1)
    );
    let authors = "query ($id: ID!) { history(sessionId: $id) { nodes {
        author { ... on User { username } ... on Chatbot { handle } } inReplyTo { seq }
    } } }";
    let told = ada.ask(authors, json!({ "id": room })).await.data();
    let nodes = told["history"]["nodes"].as_array().unwrap();
    let replies: Vec<(&Value, &Value)> = nodes
        .iter()
        .filter(|node| !node["inReplyTo"].is_null())
        .map(|node| (&node["author"]["handle"], &node["inReplyTo"]["seq"]))
        .collect();
    let expected =
        [("tea-bot", 2), ("parlor", 4), ("tea-bot", 4)].map(|(h, s)| (json!(h), json!(s)));
    assert_eq!(replies, expected.each_ref().map(|(h, s)| (h, s)));
}

#[tokio::test]
async fn a_reply_that_waits_answers_several_people_at_once() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada
        .start(json!({
            "kind": "ROOM", "title": "Tea", "chatbots": ["parlor"], "usernames": ["bob"],
        }))
        .await;
    // The first is waited for by the second; what comes after that joins it, whoever says it.
    let first = ada.say(Some(&room), "@parlor one").await;
    let second = bob.say(Some(&room), "@parlor two").await;
    let third = ada.say(Some(&room), "@parlor three").await;
    assert_ne!(first["reply"]["id"], second["reply"]["id"]);
    assert_eq!(second["reply"]["id"], third["reply"]["id"]);
    // Not meant for the chatbot, and not answered.
    let aside = bob.say(Some(&room), "nice tea").await;
    assert_eq!(aside["reply"], Value::Null);
}

#[tokio::test]
async fn a_reply_to_somebody_who_has_gone_is_written_all_the_same() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada
        .start(json!({
            "kind": "ROOM", "title": "Tea", "chatbots": ["parlor"], "usernames": ["bob"],
        }))
        .await;
    let mut feed = ada.watch(&room, None).await;
    feed.caught_up().await;
    bob.say(Some(&room), "@parlor hello").await;
    bob.delete_account_now().await;
    let ended = feed.until("MessageChanged").await;
    assert_eq!(ended["message"]["status"], "COMPLETE");
}
