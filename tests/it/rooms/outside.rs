//! What somebody sees of a room that they are not in.

use serde_json::{Value, json};

use super::titles;
use crate::helpers::{TestApp, TestDatabase};

const ALL: &str = "query ($id: ID!) { session(id: $id) {
    title kind owner { username } members(first: 100) { user { username } } chatbots { handle }
    messages { nodes { content } pageInfo { hasNextPage hasPreviousPage } }
    lastMessage { content } unreadCount archived
} }";

#[tokio::test]
async fn a_room_is_seen_from_outside_without_what_is_said_in_it() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input = json!({"kind": "ROOM", "title": "Tea", "chatbots": ["parlor"]});
    let room = ada.start(input).await;
    let sent = ada.say(Some(&room), "a secret").await;
    let seen = bob.ask(ALL, json!({ "id": room })).await.data();
    let from_outside = json!({
        "title": "Tea", "kind": "ROOM", "owner": {"username": "ada"},
        "members": [{"user": {"username": "ada"}}], "chatbots": [{"handle": "parlor"}],
        "messages": {"nodes": [], "pageInfo": {"hasNextPage": false, "hasPreviousPage": false}},
        "lastMessage": null, "unreadCount": 0, "archived": false,
    });
    assert_eq!(seen["session"], from_outside);
    let listed = ALL
        .replace("session(id: $id) {", "rooms(first: 1) { nodes {")
        .replace("($id: ID!)", "")
        + " }";
    let listed = bob.ask(&listed, json!({})).await.data();
    assert_eq!(listed["rooms"]["nodes"], json!([from_outside]));
    // Not even how much was said: its cursor is that of a room in which nothing was.
    let cursor = "query ($id: ID!) { session(id: $id) { cursor } }";
    let outside = bob.ask(cursor, json!({ "id": room })).await.data();
    let start = parlor::domain::Rev(0);
    let id = crate::helpers::session_id(&room);
    let start = app.app().seal_cursor(app.app().epoch(), id, start);
    assert_eq!(outside["session"]["cursor"], start);

    // What is said there, and all that is done there, does not exist.
    let before = app.database().contents().await;
    let message = json!({"id": sent["message"]["id"]});
    for (query, variables) in [
        (
            "query ($id: ID!) { history(sessionId: $id) { nodes { id } } }",
            json!({ "id": room }),
        ),
        ("query ($id: ID!) { node(id: $id) { id } }", message.clone()),
        (
            "mutation ($id: ID!) { sendMessage(input: {sessionId: $id, content: \"x\"}) { session { id } } }",
            json!({ "id": room }),
        ),
        (
            "mutation ($id: ID!) { updateSession(id: $id, input: {title: \"x\"}) { id } }",
            json!({ "id": room }),
        ),
        (
            "mutation ($id: ID!) { updateSession(id: $id, input: {archived: true}) { id } }",
            json!({ "id": room }),
        ),
        (
            "mutation ($id: ID!) { regenerateReply(id: $id) { id } }",
            message.clone(),
        ),
        (
            "mutation ($id: ID!) { cancelReply(id: $id) { id } }",
            message,
        ),
    ] {
        let told = bob.ask(query, variables).await;
        told.expect_error("NOT_FOUND", None);
    }
    for refused in [
        bob.erase(&room).await,
        bob.leave(&room).await,
        bob.add(&room, "bob").await,
        bob.remove(&room, "ada").await,
    ] {
        refused.expect_error("NOT_FOUND", None);
    }
    assert_eq!(app.database().contents().await, before);
    for code in [
        bob.watch(&room, None).await.error().await["code"].take(),
        bob.watch_finished(&room, None).await.error().await["code"].take(),
    ] {
        assert_eq!(code, "NOT_FOUND");
    }
}

#[tokio::test]
async fn what_was_seen_from_outside_is_continued_inside_from_its_beginning() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    ada.say(Some(&room), "before").await;
    let cursor = "query ($id: ID!) { session(id: $id) { cursor } }";
    let outside = bob.ask(cursor, json!({ "id": room })).await.data();
    bob.join(&room).await.data();
    let mut feed = bob
        .watch(&room, outside["session"]["cursor"].as_str())
        .await;
    let first = feed.expect("MessageAdded").await;
    assert_eq!(first["message"]["content"], "before");
    feed.expect("SessionChanged").await;
    feed.caught_up().await;
}

#[tokio::test]
async fn rooms_are_listed_by_key_and_private_sessions_are_not() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    assert_eq!(bob.rooms().await, [""; 0]);
    for title in ["one", "two", "three", "four"] {
        ada.open(title).await;
    }
    ada.start(json!({"title": "not a room"})).await;
    assert_eq!(bob.rooms().await, ["four", "three", "two", "one"]);
    let query = "query ($after: String) { rooms(first: 3, after: $after) {
        nodes { title } pageInfo { hasNextPage endCursor }
    } }";
    let first = bob.ask(query, json!({})).await.data()["rooms"].take();
    assert_eq!(titles(&first), ["four", "three", "two"]);
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = json!({"after": first["pageInfo"]["endCursor"]});
    let rest = bob.ask(query, after.clone()).await.data()["rooms"].take();
    assert_eq!(titles(&rest), ["one"]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    // A cursor of another list is none of this one.
    let sessions = "query ($after: String) { sessions(after: $after) { nodes { title } } }";
    ada.ask(sessions, after)
        .await
        .expect_error("BAD_USER_INPUT", Some("after"));
    let own = "{ sessions { pageInfo { endCursor } } }";
    let own = ada.ask(own, json!({})).await.data();
    let after = json!({"after": own["sessions"]["pageInfo"]["endCursor"]});
    assert_ne!(after["after"], Value::Null);
    bob.ask(query, after)
        .await
        .expect_error("BAD_USER_INPUT", Some("after"));
}
