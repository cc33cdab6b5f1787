//! How people come into a session.

use serde_json::json;

use crate::helpers::{TestApp, TestDatabase};

#[tokio::test]
async fn a_room_is_joined_by_whoever_likes_and_everybody_is_told() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    ada.say(Some(&room), "welcome").await;
    let mut feed = ada.watch(&room, None).await;
    feed.caught_up().await;

    let joined = bob.join(&room).await.data()["joinSession"].take();
    // What was said before counts as read, and may be read.
    assert_eq!(joined["unreadCount"], 0);
    assert_eq!(bob.history(&room).await[0]["content"], "welcome");
    let told = feed.expect("SessionChanged").await;
    assert_eq!(told["cursor"], joined["cursor"]);
    assert_eq!(ada.people(&room).await, ["ada*", "bob"]);
    // Who joins again is in it already, and leaves no trace.
    let before = app.database().contents().await;
    let again = bob.join(&room).await.data()["joinSession"].take();
    assert_eq!(again, joined);
    assert_eq!(app.database().contents().await, before);

    bob.say(Some(&room), "hello").await;
    let heard = feed.expect("MessageAdded").await;
    assert_eq!(heard["message"]["content"], "hello");
    let unread = "query ($id: ID!) { session(id: $id) { unreadCount } }";
    let of_ada = ada.ask(unread, json!({ "id": room })).await.data();
    assert_eq!(of_ada["session"]["unreadCount"], 1);
}

#[tokio::test]
async fn a_session_starts_with_the_people_that_were_named() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    for kind in ["PRIVATE", "ROOM"] {
        let input = json!({
            "kind": kind, "title": "Tea", "chatbots": [], "usernames": ["Bob", "carol", "bob", "ada"],
        });
        let session = ada.start(input).await;
        assert_eq!(ada.people(&session).await, ["ada*", "bob", "carol"]);
        bob.say(Some(&session), "hello").await;
        assert_eq!(carol.history(&session).await.len(), 1);
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_is_not_started() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, _bob) = (app.person("ada").await, app.person("bob").await);
    let before = app.database().contents().await;
    let crowd: Vec<String> = (0..51).map(|n| format!("person-{n}")).collect();
    for (input, field) in [
        (json!({"kind": "ROOM"}), "title"),
        (json!({"kind": "ROOM", "title": " "}), "title"),
        (json!({"usernames": ["bob", "nobody-there"]}), "usernames"),
        (json!({"usernames": ["bob", "no name"]}), "usernames"),
        // Nobody is behind it.
        (json!({"usernames": ["deleted-account"]}), "usernames"),
        (json!({ "usernames": crowd }), "usernames"),
    ] {
        let query = "mutation ($input: StartSessionInput!) { startSession(input: $input) { id } }";
        let refused = ada.ask(query, json!({ "input": input })).await;
        refused.expect_error("BAD_USER_INPUT", Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_private_session_is_entered_by_being_added_only() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    bob.join(&session).await.expect_error("NOT_FOUND", None);
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.add(&session, "BOB").await.data();
    feed.expect("SessionChanged").await;
    assert_eq!(bob.people(&session).await, ["ada*", "bob"]);
    // Who is in it joins it again without harm.
    let before = app.database().contents().await;
    bob.join(&session).await.data();
    ada.add(&session, "bob").await.data();
    assert_eq!(app.database().contents().await, before);

    let carol = app.person("carol").await;
    let before = app.database().contents().await;
    bob.add(&session, "carol")
        .await
        .expect_error("FORBIDDEN", None);
    carol
        .add(&session, "carol")
        .await
        .expect_error("NOT_FOUND", None);
    for nobody in ["nobody-there", "deleted-account"] {
        let refused = ada.add(&session, nobody).await;
        refused.expect_error("NOT_FOUND", None);
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_room_of_a_thousand_is_full() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    // Behind the API: a crowd that is too large to be let in one by one.
    app.database()
        .execute(
            "with crowd as (
                 insert into users (id, username, username_key, display_name, role)
                 select gen_random_uuid(), 'xx' || n, 'xx' || n, 'X', 'MEMBER' from generate_series(2, 1000) n
                 returning id
             )
             insert into members (session_id, user_id) select s.id, crowd.id from sessions s, crowd",
        )
        .await;
    let query =
        "query ($n: Int) { rooms(first: 2) { nodes { title members(first: $n) { isOwner } } } }";
    ada.open("Coffee").await;
    let told = ada.ask(query, json!({"n": 2})).await.data();
    // The longest first, of each room.
    let rooms = json!([
        {"title": "Coffee", "members": [{"isOwner": true}]},
        {"title": "Tea", "members": [{"isOwner": true}, {"isOwner": false}]},
    ]);
    assert_eq!(told["rooms"]["nodes"], rooms);
    let all = ada.ask(
        "query ($id: ID!) { session(id: $id) { members { isOwner } } }",
        json!({"id": room}),
    );
    let all = all.await.data()["session"]["members"].take();
    assert_eq!(all.as_array().unwrap().len(), 1_000);
    bob.join(&room).await.expect_error("CONFLICT", Some("id"));
    let refused = ada.add(&room, "bob").await;
    refused.expect_error("CONFLICT", Some("username"));
    ada.remove(&room, "xx2").await.data();
    bob.join(&room).await.data();

    // Twenty more of these, and they can't be shown all at once with all who are in them.
    app.database()
        .execute(
            "with room as (
                 insert into sessions (id, kind, title, owner_id)
                 select gen_random_uuid(), 'ROOM', 'x', owner_id from sessions, generate_series(1, 20)
                 where title = 'Tea' returning id
             )
             insert into members (session_id, user_id)
             select room.id, users.id from room, users where username like 'xx%' or username = 'ada'",
        )
        .await;
    let all = "query ($n: Int) { sessions { nodes { members(first: $n) { isOwner } } } }";
    let each = all.replace("(first: $n)", "").replace("($n: Int) ", "");
    let told = ada.ask_for_text(&each, json!({})).await;
    assert!(told.contains("more than 20000 members"), "{told}");
    assert!(told.contains("BAD_USER_INPUT"), "{told}");
    let some = ada.ask(all, json!({"n": 90})).await.data();
    let some = some["sessions"]["nodes"].as_array().unwrap().iter();
    assert_eq!(
        some.map(|it| it["members"].as_array().unwrap().len())
            .sum::<usize>(),
        21 * 90 + 1
    );
}
