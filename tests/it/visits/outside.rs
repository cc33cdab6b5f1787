//! What a guest may do, what they may not, and what others may not do with a guest.

use serde_json::{Value, json};

use super::{Guest, on};
use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase};
use crate::program::support::Place;

/// A host with a visit, a room and a session of her own, and a stranger to them with a visit of another guest.
struct Scene {
    app: TestApp,
    ada: Person,
    bob: Person,
    guest: Guest,
    other: Guest,
    room: String,
    private: String,
}

impl Scene {
    async fn start() -> Self {
        let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        let (guest, other) = (Guest::of(&app, "ada").await, Guest::of(&app, "ada").await);
        let room = "mutation { startSession(input: {kind: ROOM, title: \"Tea\"}) { id } }";
        let room = ada.ask(room, json!({})).await.data()["startSession"]["id"].take();
        let private = ada.quiet_session().await;
        other.person.say(Some(&other.session), "hello").await;
        Self {
            ada,
            bob,
            guest,
            other,
            room: room.as_str().unwrap().to_owned(),
            private,
            app,
        }
    }
}

#[tokio::test]
async fn what_takes_an_account_is_forbidden_to_a_guest() {
    let scene = Scene::start().await;
    let id = &scene.guest.session;
    let room = &scene.room;
    let calls = [
        "{ user(username: \"ada\") { id } }".to_owned(),
        "{ chatbots { nodes { id } } }".to_owned(),
        "{ chatbot(handle: \"parlor\") { id } }".to_owned(),
        "{ rooms { nodes { id } } }".to_owned(),
        format!(
            "mutation {{ changePassword(current: \"\", new: \"{PASSWORD}\") {{ accessToken }} }}"
        ),
        "mutation { updateProfile(input: {displayName: \"Eve\"}) { id } }".to_owned(),
        "mutation { deleteAccount(password: \"\") }".to_owned(),
        "mutation { createChatbot(input: {handle: \"desk\"}) { id } }".to_owned(),
        "mutation { updateChatbot(handle: \"parlor\", input: {name: \"Eve\"}) { id } }".to_owned(),
        "mutation { deleteChatbot(handle: \"parlor\") }".to_owned(),
        "mutation { startSession(input: {}) { id } }".to_owned(),
        "mutation { sendMessage(input: {content: \"hello\"}) { session { id } } }".to_owned(),
        "mutation { sendMessage(input: {content: \"/help\"}) { session { id } } }".to_owned(),
        format!("mutation {{ joinSession(id: \"{room}\") {{ id }} }}"),
        format!("mutation {{ updateSession(id: \"{id}\", input: {{title: \"Mine\"}}) {{ id }} }}"),
        format!("mutation {{ updateSession(id: \"{id}\", input: {{archived: true}}) {{ id }} }}"),
        format!(
            "mutation {{ updateSession(id: \"{id}\", input: {{chatbotsPaused: true}}) {{ id }} }}"
        ),
        format!("mutation {{ deleteSession(id: \"{id}\") }}"),
        format!("mutation {{ addMember(sessionId: \"{id}\", username: \"bob\") {{ id }} }}"),
        format!("mutation {{ removeMember(sessionId: \"{id}\", username: \"ada\") {{ id }} }}"),
    ];
    let before = scene.app.database().contents().await;
    for call in calls {
        let answer = scene.guest.person.ask(&call, json!({})).await;
        let told = answer.0["errors"][0].clone();
        assert_eq!(told["extensions"]["code"], "FORBIDDEN", "{call}: {told}");
        let why = "This takes an account. Guests can do what belongs to their visit.";
        assert_eq!(told["message"], why, "{call}");
    }
    assert_eq!(scene.app.database().contents().await, before);
}

#[tokio::test]
async fn a_guest_reads_and_writes_in_their_visit() {
    let scene = Scene::start().await;
    let (guest, id) = (&scene.guest.person, &scene.guest.session);
    let sent = guest.say(Some(id), "hello").await;
    let (message, reply) = (&sent["message"]["id"], &sent["reply"]["id"]);
    let calls = [
        ("me", "query { me { username role } }".to_owned()),
        ("serverInfo", "query { serverInfo { name } }".to_owned()),
        (
            "session",
            format!("query {{ session(id: \"{id}\") {{ title unreadCount }} }}"),
        ),
        ("sessions", "query { sessions { nodes { id } } }".to_owned()),
        (
            "history",
            format!("query {{ history(sessionId: \"{id}\") {{ nodes {{ content }} }} }}"),
        ),
        (
            "history",
            "query { history { nodes { content } } }".to_owned(),
        ),
        (
            "search",
            "query { search(text: \"hello\") { nodes { content } } }".to_owned(),
        ),
        ("node", format!("query {{ node(id: {message}) {{ id }} }}")),
        (
            "cancelReply",
            format!("mutation {{ cancelReply(id: {reply}) {{ status }} }}"),
        ),
        (
            "regenerateReply",
            format!("mutation {{ regenerateReply(id: {reply}) {{ status }} }}"),
        ),
        (
            "editMessage",
            format!("mutation {{ editMessage(id: {message}, content: \"hi\") {{ id }} }}"),
        ),
        (
            "deleteMessage",
            format!("mutation {{ deleteMessage(id: {message}) {{ status }} }}"),
        ),
        (
            "markRead",
            format!("mutation {{ markRead(sessionId: \"{id}\", upTo: 2) {{ id }} }}"),
        ),
        (
            "setTyping",
            format!("mutation {{ setTyping(sessionId: \"{id}\", typing: true) }}"),
        ),
        (
            "exportSession",
            format!("mutation {{ exportSession(id: \"{id}\", format: MARKDOWN) {{ url }} }}"),
        ),
        (
            "exportMyData",
            "mutation { exportMyData { url } }".to_owned(),
        ),
        (
            "sendMessage",
            format!(
                "mutation {{ sendMessage(input: {{sessionId: \"{id}\", content: \"/help\"}}) {{ session {{ id }} }} }}"
            ),
        ),
    ];
    for (field, call) in calls {
        let told = guest.ask(&call, json!({})).await.data();
        assert!(!told[field].is_null(), "{call}");
    }
    // The same guest may come to see somebody else.
    let elsewhere = super::start(guest, json!({"owner": "bob"})).await.data();
    assert_eq!(elsewhere["startVisit"]["isNew"], true);
    let listed = guest.ask("{ sessions { nodes { id } } }", json!({})).await;
    assert_eq!(listed.data()["sessions"]["nodes"], json!([{ "id": id }]));
}

#[tokio::test]
async fn of_all_else_there_is_nothing_for_a_guest() {
    let scene = Scene::start().await;
    let ids = scene.ada.ask(
        "{ me { id } user(username: \"bob\") { id } chatbot(handle: \"parlor\") { id } }",
        json!({}),
    );
    let ids = ids.await.data();
    let said = scene.other.person.history(&scene.other.session).await;
    let others = scene
        .other
        .person
        .ask("{ me { id } }", json!({}))
        .await
        .data();
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let guest = &scene.guest.person;
    // Whom they came to see, and who answers.
    for known in [&ids["me"]["id"], &ids["chatbot"]["id"]] {
        guest.ask(node, json!({ "id": known })).await.data();
    }
    for hidden in [
        &ids["user"]["id"],
        &others["me"]["id"],
        &said[0]["id"],
        &json!(scene.other.session),
        &json!(scene.private),
        &json!(scene.room),
    ] {
        let refused = guest.ask(node, json!({ "id": hidden })).await;
        refused.expect_error("NOT_FOUND", None);
    }
    for session in [&scene.other.session, &scene.private, &scene.room] {
        for query in [
            "query ($id: ID!) { session(id: $id) { id } }",
            "query ($id: ID!) { history(sessionId: $id) { nodes { id } } }",
            "query ($id: ID!) { search(text: \"hello\", sessionId: $id) { nodes { id } } }",
            "mutation ($id: ID!) { sendMessage(input: {sessionId: $id, content: \"hi\"}) { session { id } } }",
            "mutation ($id: ID!) { markRead(sessionId: $id, upTo: 0) { id } }",
            "mutation ($id: ID!) { setTyping(sessionId: $id, typing: true) }",
            "mutation ($id: ID!) { leaveSession(id: $id) }",
            "mutation ($id: ID!) { exportSession(id: $id, format: JSON) { url } }",
        ] {
            let refused = guest.ask(query, json!({ "id": session })).await;
            refused.expect_error("NOT_FOUND", None);
        }
        let mut watch = guest.watch(session, None).await;
        assert_eq!(watch.error().await["code"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_guest_is_known_to_those_they_visit_and_to_nobody_else() {
    let scene = Scene::start().await;
    let name = scene.guest.username();
    let id = scene
        .guest
        .person
        .ask("{ me { id } }", json!({}))
        .await
        .data()["me"]["id"]
        .take();
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    scene.ada.ask(node, json!({ "id": id })).await.data();
    let refused = scene.bob.ask(node, json!({ "id": id })).await;
    refused.expect_error("NOT_FOUND", None);
    let user = "query ($name: String!) { user(username: $name) { id } }";
    for person in [&scene.ada, &scene.bob] {
        let found = person.ask(user, json!({ "name": name })).await.data();
        assert_eq!(found["user"], Value::Null);
    }

    let before = scene.app.database().contents().await;
    let add =
        "mutation ($id: ID!, $name: String!) { addMember(sessionId: $id, username: $name) { id } }";
    for session in [&scene.room, &scene.private, &scene.other.session] {
        let refused = scene
            .ada
            .ask(add, json!({"id": session, "name": name}))
            .await;
        refused.expect_error("NOT_FOUND", None);
    }
    let with = "mutation ($names: [String!]) { startSession(input: {usernames: $names}) { id } }";
    let refused = scene.ada.ask(with, json!({ "names": [name] })).await;
    refused.expect_error("BAD_USER_INPUT", Some("usernames"));
    let visit = "mutation { startSession(input: {kind: VISIT}) { id } }";
    let refused = scene.ada.ask(visit, json!({})).await;
    refused.expect_error("BAD_USER_INPUT", Some("kind"));

    let nobody = scene.app.nobody();
    for password in ["", &scene.guest.token, PASSWORD] {
        let refused = nobody.log_in(&name, password).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    for token in [&scene.guest.token, scene.guest.person.token()] {
        let refused = nobody.refresh(token).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    let input = json!({"username": name, "email": "eve@example.org", "password": PASSWORD});
    let refused = nobody.register_with(input).await;
    refused.expect_error("BAD_USER_INPUT", Some("username"));
    assert_eq!(scene.app.database().contents().await, before);
}

#[tokio::test]
async fn no_operator_makes_an_account_of_a_guest_or_of_those_who_left() {
    let scene = Scene::start().await;
    let place = Place::on(scene.app.database());
    let before = scene.app.database().contents().await;
    for name in [scene.guest.username().as_str(), "deleted-account"] {
        for command in ["promote", "disable", "enable"] {
            let ended = place.run(&["user", command, name]).await;
            assert!(!ended.status.success());
            assert_eq!(ended.err, "parlor: There is no such account.\n");
        }
    }
    assert_eq!(scene.app.database().contents().await, before);
    on(
        &scene.guest.person,
        &scene.guest.session,
        "markRead(sessionId: $id, upTo: 0) { id }",
    )
    .await;
}
