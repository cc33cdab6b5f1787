//! What a deleted account leaves to those it shared sessions with.

use serde_json::{Value, json};

use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase};

const CANARY: &str = "canary-7f3a";

/// Somebody whose every word about themselves is a canary.
async fn canary(app: &TestApp) -> Person {
    let person = app.person(CANARY).await;
    let profile =
        json!({"displayName": CANARY, "bio": CANARY, "email": format!("{CANARY}@example.org")});
    let query = "mutation ($input: ProfileInput!) { updateProfile(input: $input) { id } }";
    person.ask(query, json!({ "input": profile })).await.data();
    person
}

#[tokio::test]
async fn what_was_said_to_others_stays_without_its_author() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, gone) = (app.person("ada").await, canary(&app).await);
    let alone = gone.say(None, &format!("to myself: {CANARY}")).await;
    let alone = alone["session"]["id"].as_str().unwrap().to_owned();
    let chatbot = json!({"handle": "tea", "greeting": CANARY, "persona": CANARY});
    crate::chatbots::make(&gone, chatbot).await.data();
    let shared = gone
        .start(json!({"title": "Tea", "chatbots": ["tea"], "usernames": ["ada"]}))
        .await;
    // Nobody here answers, and a reply under way would be told of, too.
    let pause =
        "mutation ($id: ID!) { updateSession(id: $id, input: {chatbotsPaused: true}) { id } }";
    gone.ask(pause, json!({ "id": shared })).await.data();
    let room = ada.open("Tea").await;
    gone.join(&room).await.data();
    let left = ada.open("More tea").await;
    gone.join(&left).await.data();
    for session in [&shared, &room, &left] {
        let key = format!("{CANARY}-key");
        let input = json!({"sessionId": session, "content": "hello", "clientKey": key});
        gone.send(input).await.data();
    }
    // Said, and then left: it is there all the same.
    gone.leave(&left).await.data();
    let removed = ada.open("No tea").await;
    gone.join(&removed).await.data();
    ada.remove(&removed, CANARY).await.data();
    let mut feed = ada.watch(&shared, None).await;
    feed.caught_up().await;
    assert!(app.database().contents().await.join("\n").contains(CANARY));

    gone.delete_account_now().await;
    let stored = app.database().contents().await.join("\n");
    assert!(!stored.contains(CANARY), "{stored}");
    feed.expect("SessionChanged").await;
    assert_eq!(ada.people(&shared).await, ["ada*"]);
    assert_eq!(ada.people(&room).await, ["ada*"]);
    let authors = "query ($id: ID!) { history(sessionId: $id) { nodes {
        content clientKey author { ... on User { username displayName email } }
    } } }";
    let by_nobody = json!({
        "content": "hello", "clientKey": null,
        "author": {"username": "deleted-account", "displayName": "Deleted account", "email": null},
    });
    for session in [&shared, &room, &left] {
        let told = ada.ask(authors, json!({ "id": session })).await.data();
        assert_eq!(told["history"]["nodes"], json!([by_nobody]));
    }
    let id = crate::helpers::session_id(&alone);
    let erased = format!("select count(*) from sessions where id = '{id}'");
    assert_eq!(app.database().value(&erased).await, 0);
}

#[tokio::test]
async fn who_watches_while_an_author_goes_is_told_everything_that_was_said() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada
        .start(json!({"kind": "ROOM", "title": "Tea", "usernames": ["bob"]}))
        .await;
    let start = ada.say(Some(&room), "first").await["message"]["cursor"].take();
    for n in 0..20 {
        bob.say(Some(&room), &format!("{n}")).await;
    }
    let query =
        "subscription ($id: ID!, $after: String) { messageAdded(sessionId: $id, after: $after) {
        content author { ... on User { username } }
    } }";
    let mut socket = crate::raw_socket::RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let variables = json!({"id": room, "after": start});
    socket.subscribe("watch", query, variables).await;
    // What was read with its author's name may be told when there is no such account any more.
    socket.hear().await;
    bob.delete_account_now().await;
    for n in 1..20 {
        let heard = socket.hear().await;
        let message = &heard["payload"]["data"]["messageAdded"];
        assert_eq!(message["content"], n.to_string(), "{heard}");
        let name = message["author"]["username"].as_str().unwrap();
        assert!(["bob", "deleted-account"].contains(&name), "{heard}");
    }
}

#[tokio::test]
async fn nobody_signs_in_as_the_one_who_stands_for_all_who_left() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let before = app.database().contents().await;
    let tries = [PASSWORD, "", "Deleted account"];
    for password in tries {
        let refused = app.nobody().log_in("deleted-account", password).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    let taken = json!({
        "username": "Deleted-Account", "email": "d@example.org", "password": PASSWORD,
    });
    let refused = app.nobody().register_with(taken).await;
    refused.expect_error("BAD_USER_INPUT", Some("username"));
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn an_account_that_goes_while_its_sessions_are_busy_breaks_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let room = ada.open("Tea").await;
    for round in 0..10 {
        let name = format!("bob-{round}");
        let bob = app.person(&name).await;
        bob.join(&room).await.data();
        let shared = bob
            .start(json!({"chatbots": [], "usernames": ["ada"]}))
            .await;
        let deleted = async {
            let query = "mutation ($password: String!) { deleteAccount(password: $password) }";
            bob.ask(query, json!({ "password": PASSWORD })).await
        };
        let busy = async {
            for _ in 0..10 {
                ada.say(Some(&room), "hello").await;
                ada.say(Some(&shared), "hello").await;
            }
        };
        let ((), by_bob, removed, deleted) = tokio::join!(
            busy,
            bob.send(json!({"sessionId": room, "content": "mine"})),
            ada.remove(&room, &name),
            deleted,
        );
        assert_eq!(deleted.data()["deleteAccount"], Value::Bool(true));
        for answer in [by_bob, removed] {
            let code = &answer.0["errors"][0]["extensions"]["code"];
            let is_clean = code.is_null() || code == "UNAUTHENTICATED" || code == "NOT_FOUND";
            assert!(is_clean, "{}", answer.0);
        }
        assert_eq!(ada.people(&shared).await, ["ada*"]);
    }
    assert_eq!(ada.people(&room).await, ["ada*"]);
}
