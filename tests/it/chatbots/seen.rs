//! Who may see and change whose chatbots.

use serde_json::{Value, json};

use super::{change, delete, make, session_with};
use crate::helpers::{Person, TestApp, TestDatabase};

const NODE: &str = "query ($id: ID!) { node(id: $id) { ... on Chatbot { name persona } } }";

async fn seen(person: &Person, id: &Value) -> Value {
    person.ask(NODE, json!({ "id": id })).await.data()["node"].take()
}

#[tokio::test]
async fn a_chatbot_is_its_owners_and_to_strangers_it_does_not_exist() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input = json!({"handle": "tea", "name": "Tea", "persona": "You love tea."});
    let id = make(&ada, input).await.data()["createChatbot"]["id"].take();

    let listed = bob
        .ask("{ chatbots { nodes { handle } } }", json!({}))
        .await;
    assert_eq!(
        listed.data()["chatbots"]["nodes"],
        json!([{"handle": "parlor"}])
    );
    let by_handle = r#"{ chatbot(handle: "tea") { id } }"#;
    let found = bob.ask(by_handle, json!({})).await.data();
    assert_eq!(found["chatbot"], Value::Null);
    let before = app.database().contents().await;
    let unknown = parlor::domain::NodeId::Chatbot(parlor::domain::ChatbotId::new()).encode();
    let theirs = bob.ask_for_text(NODE, json!({ "id": id })).await;
    let none = bob.ask_for_text(NODE, json!({ "id": unknown })).await;
    assert_eq!(theirs, none);
    for (theirs, none) in [
        (
            change(&bob, "tea", json!({"name": "Milk"})).await,
            change(&bob, "nobody", json!({"name": "Milk"})).await,
        ),
        (delete(&bob, "tea").await, delete(&bob, "nobody").await),
    ] {
        assert_eq!(theirs.0, none.0);
        theirs.expect_error("NOT_FOUND", None);
    }
    let start = r#"mutation { startSession(input: {chatbots: ["tea"]}) { id } }"#;
    bob.ask(start, json!({}))
        .await
        .expect_error("BAD_USER_INPUT", Some("chatbots"));
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn who_shares_a_session_sees_the_chatbot_and_not_its_persona() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input = json!({"handle": "tea", "name": "Tea", "persona": "You love tea."});
    let id = make(&ada, input).await.data()["createChatbot"]["id"].take();
    let session = session_with(&ada, &["tea"]).await;
    let add = "mutation ($id: ID!) { addMember(sessionId: $id, username: \"bob\") { id } }";
    ada.ask(add, json!({ "id": session })).await.data();
    assert_eq!(
        seen(&ada, &id).await,
        json!({"name": "Tea", "persona": "You love tea."})
    );
    assert_eq!(
        seen(&bob, &id).await,
        json!({"name": "Tea", "persona": null})
    );
    let carol = app.person("carol").await;
    app.database()
        .execute("update users set role = 'ADMIN' where username = 'carol'")
        .await;
    assert_eq!(
        seen(&carol, &id).await,
        json!({"name": "Tea", "persona": "You love tea."})
    );
}

#[tokio::test]
async fn the_house_keeps_its_chatbots_and_its_admins_may_change_them() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    change(&ada, "parlor", json!({"name": "Mine"}))
        .await
        .expect_error("FORBIDDEN", None);
    delete(&ada, "parlor").await.expect_error("FORBIDDEN", None);
    app.database()
        .execute("update users set role = 'ADMIN'")
        .await;
    let input = json!({"name": "Ours", "persona": "You are the house."});
    let changed = change(&ada, "parlor", input).await.data();
    assert_eq!(changed["updateChatbot"]["name"], "Ours");
    assert_eq!(changed["updateChatbot"]["persona"], "You are the house.");
    delete(&ada, "parlor").await.expect_error("FORBIDDEN", None);
}
