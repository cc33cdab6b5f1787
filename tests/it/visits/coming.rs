//! Coming, and coming back.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Guest, on, start};
use crate::chatbots::make;
use crate::helpers::{TestApp, TestDatabase};

#[tokio::test]
async fn a_visitor_is_answered_by_the_owners_first_chatbot_and_the_owner_sees_them() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    for handle in ["desk", "another"] {
        make(&ada, json!({"handle": handle, "engine": "BUILTIN"}))
            .await
            .data();
    }
    let guest = Guest::comes(&app, json!({"owner": "ADA", "displayName": " Zoë "})).await;
    let session = &guest.payload["session"];
    assert!(guest.is_new());
    assert_eq!(
        (&session["kind"], &session["title"], &session["owner"]),
        (&json!("VISIT"), &json!("Zoë"), &json!({"username": "ada"}))
    );
    assert_eq!(session["chatbots"], json!([{"handle": "desk"}]));
    let seat = |is_owner, username: &str, name: &str, role: &str| {
        let user = json!({"username": username, "displayName": name, "role": role, "email": null});
        json!({"isOwner": is_owner, "user": user})
    };
    let guests = seat(false, &guest.username(), "Zoë", "GUEST");
    assert_eq!(
        session["members"],
        json!([seat(true, "ada", "ada", "MEMBER"), guests])
    );

    let sent = json!({"sessionId": guest.session, "content": "hello", "waitMs": 20_000});
    let sent = guest.person.send(sent).await.data();
    assert_eq!(sent["sendMessage"]["reply"]["status"], "COMPLETE");
    let query = "{ sessions { nodes { id kind title unreadCount lastMessage {
        author { ... on Chatbot { handle } }
    } } } }";
    let listed = ada.ask(query, json!({})).await.data();
    let of_desk = json!({"author": {"handle": "desk"}});
    assert_eq!(
        listed["sessions"]["nodes"],
        json!([{
            "id": guest.session, "kind": "VISIT", "title": "Zoë", "unreadCount": 2, "lastMessage": of_desk,
        }])
    );
    // The owner is nobody's to be answered.
    let said = ada.say(Some(&guest.session), "hello").await;
    assert_eq!(said["reply"], Value::Null);
}

#[tokio::test]
async fn without_a_name_or_a_chatbot_there_is_the_visitor_and_the_house() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "gone", "engine": "BUILTIN"}))
        .await
        .data();
    ada.ask("mutation { deleteChatbot(handle: \"gone\") }", json!({}))
        .await
        .data();
    let session = Guest::of(&app, "ada").await.payload["session"].take();
    assert_eq!(session["title"], "Visitor");
    assert_eq!(session["chatbots"], json!([{"handle": "parlor"}]));
}

#[tokio::test]
async fn who_comes_back_finds_what_was_said_also_at_another_server() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    let ada = app.person("ada").await;
    let first = Guest::comes(&app, json!({"owner": "ada", "displayName": "Zoë"})).await;
    let mine = json!({"sessionId": first.session, "content": "hello", "clientKey": "key"});
    first.person.send(mine).await.data();
    ada.say(Some(&first.session), "welcome").await;
    drop(app);

    let app = TestApp::without_chatbots(database).await;
    let input = json!({"owner": "ada", "displayName": "Eve", "visitorToken": first.token});
    let back = Guest::comes(&app, input).await;
    assert!(!back.is_new());
    assert_eq!((&back.session, &back.token), (&first.session, &first.token));
    assert_eq!(back.username(), first.username());
    let session = &back.payload["session"];
    assert_eq!(session["title"], "Zoë");
    // They had no token when they asked, and see it as they will.
    let said = json!([
        {"content": "hello", "clientKey": "key"},
        {"content": "welcome", "clientKey": null},
    ]);
    let said_by_people: Vec<&Value> = session["messages"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["content"] != "")
        .collect();
    assert_eq!(json!(said_by_people), said);
    assert_eq!(session["unreadCount"], 2);
    assert_eq!(session["lastMessage"]["session"]["unreadCount"], 2);
    for guest in [&first.person.at(&app), &back.person] {
        guest.say(Some(&first.session), "I am back").await;
    }
}

#[tokio::test]
async fn twenty_who_come_back_at_once_find_one_session() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    app.person("ada").await;
    let first = Guest::of(&app, "ada").await;
    let all = join_all((0..20).map(|_| first.back(&app, "ada"))).await;
    for back in all {
        assert_eq!((back.is_new(), &back.session), (false, &first.session));
        back.person.me().await.data();
    }
    let visits = app.database().value("select count(*) from sessions").await;
    assert_eq!(visits, 1);
}

#[tokio::test]
async fn a_token_of_no_visit_begins_another() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, _bob) = (app.person("ada").await, app.person("bob").await);
    let first = Guest::of(&app, "ada").await;
    let elsewhere = Guest::of(&app, "bob").await;
    let erased = Guest::of(&app, "ada").await;
    on(&ada, &erased.session, "deleteSession(id: $id)").await;
    let left = Guest::of(&app, "ada").await;
    on(&left.person, &left.session, "leaveSession(id: $id)").await;
    let signed_out = Guest::of(&app, "ada").await;
    signed_out.person.log_out(false).await;
    let removed = Guest::of(&app, "ada").await;
    let name = removed.username();
    let remove = format!("removeMember(sessionId: $id, username: \"{name}\") {{ id }}");
    on(&ada, &removed.session, &remove).await;
    let forged = "x".repeat(43);
    let tokens = [
        "",
        "nonsense",
        &forged,
        &"x".repeat(10_000),
        first.person.token(),
        &elsewhere.token,
        &erased.token,
        &left.token,
        &signed_out.token,
        &removed.token,
    ];
    for token in tokens {
        let input = json!({"owner": "ada", "visitorToken": token});
        let another = Guest::comes(&app, input).await;
        assert!(another.is_new(), "{token}");
        assert_ne!(another.token, token);
        assert_ne!(another.session, first.session);
        assert_eq!(another.payload["session"]["messages"]["nodes"], json!([]));
    }
    // And takes nothing from the others.
    assert!(!elsewhere.back(&app, "bob").await.is_new());
    assert!(!first.back(&app, "ada").await.is_new());
}

#[tokio::test]
async fn nobody_is_visited_who_has_no_open_account() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (_ada, _bob) = (app.person("ada").await, app.person("bob").await);
    let of_bob = Guest::of(&app, "bob").await;
    app.database()
        .execute("update users set disabled_at = now() where username = 'bob'")
        .await;
    let before = app.database().contents().await;
    let names = ["nobody-here", "bob", "deleted-account", &of_bob.username()];
    for token in [Value::Null, json!(of_bob.token)] {
        for name in names {
            let input = json!({"owner": name, "visitorToken": token});
            let refused = start(&app.nobody(), input).await;
            refused.expect_error("NOT_FOUND", None);
        }
    }
    for (field, input) in [
        ("owner", json!({"owner": "a"})),
        ("owner", json!({"owner": "ada\0"})),
        ("displayName", json!({"owner": "ada", "displayName": " "})),
        (
            "displayName",
            json!({"owner": "ada", "displayName": "x".repeat(81)}),
        ),
    ] {
        let refused = start(&app.nobody(), input).await;
        refused.expect_error("BAD_USER_INPUT", Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}
