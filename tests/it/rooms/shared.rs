//! What each member decides for themselves, and what the owner decides for all.

use serde_json::{Value, json};

use crate::helpers::{Answer, Person, TestApp, TestDatabase};

async fn update(person: &Person, session: &str, input: Value) -> Answer {
    let query = "mutation ($id: ID!, $input: SessionInput!) {
        updateSession(id: $id, input: $input) { title archived updatedAt }
    }";
    let variables = json!({"id": session, "input": input});
    person.ask(query, variables).await
}

async fn listed(person: &Person, archived: bool) -> Value {
    let query = "query ($archived: Boolean) {
        sessions(archived: $archived) { nodes { id archived updatedAt } }
    }";
    let told = person.ask(query, json!({ "archived": archived })).await;
    told.data()["sessions"]["nodes"].take()
}

#[tokio::test]
async fn each_member_puts_a_session_away_for_themselves() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    let of_ada = listed(&ada, false).await;
    let mut elsewhere = bob.watch(&room, None).await;
    elsewhere.caught_up().await;

    let put_away = update(&bob, &room, json!({"archived": true})).await;
    assert_eq!(put_away.data()["updateSession"]["archived"], true);
    // Bob's other devices hear of it; to Ada nothing is different, not even its place in her list.
    let told = elsewhere.expect("SessionChanged").await;
    assert_eq!(told["session"]["archived"], true);
    assert_eq!(listed(&bob, false).await, json!([]));
    assert_eq!(listed(&bob, true).await[0]["id"], json!(room));
    assert_eq!(listed(&ada, false).await, of_ada);
    assert_eq!(listed(&ada, true).await, json!([]));
}

#[tokio::test]
async fn the_owner_decides_what_is_everybodys() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    let before = app.database().contents().await;
    for input in [
        json!({"title": "Mine"}),
        json!({"chatbotsPaused": true}),
        json!({"archived": true, "title": "Mine"}),
    ] {
        let refused = update(&bob, &room, input).await;
        refused.expect_error("FORBIDDEN", None);
    }
    assert_eq!(app.database().contents().await, before);
    let renamed = update(&ada, &room, json!({"title": "More tea"})).await;
    assert_eq!(renamed.data()["updateSession"]["title"], "More tea");
    // It is its new owner's from then on.
    ada.leave(&room).await.data();
    update(&bob, &room, json!({"title": "Mine"})).await.data();
}
