//! One good call of every field at the root of the schema, and what each must refuse.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ADDED, EVENTS, INBOX, SEND, START, Scene};
use crate::helpers::{PASSWORD, Person};

/// Fields that need no login.
const OPEN: [&str; 5] = ["serverInfo", "register", "login", "refresh", "startVisit"];

/// Texts that are never kept as text, so that they may hold anything.
const HASHED: [(&str, &str); 3] = [
    ("register", "/input/password"),
    ("changePassword", "/new"),
    ("startVisit", "/input/visitorToken"),
];

/// A call that works, with all the text that the field takes.
struct Call {
    field: &'static str,
    query: &'static str,
    variables: Value,
}

fn calls(scene: &Scene) -> Vec<Call> {
    let id = json!({"id": scene.session});
    let eve = json!({
        "username": "eve", "email": "eve@example.org", "password": PASSWORD, "displayName": "Eve",
    });
    let send = json!({"sessionId": scene.session, "content": "hello", "clientKey": "key"});
    let calls = [
        ("me", "{ me { id } }", json!({})),
        (
            "user",
            "query ($username: String!) { user(username: $username) { id } }",
            json!({"username": "bob"}),
        ),
        (
            "chatbots",
            "query ($after: String) { chatbots(after: $after) { nodes { id } } }",
            json!({"after": null}),
        ),
        (
            "chatbot",
            "query ($handle: String!) { chatbot(handle: $handle) { id } }",
            json!({"handle": "parlor"}),
        ),
        ("sessions", "{ sessions { nodes { id } } }", json!({})),
        (
            "rooms",
            "query ($after: String) { rooms(after: $after) { nodes { id } } }",
            json!({"after": null}),
        ),
        (
            "session",
            "query ($id: ID!) { session(id: $id) { id } }",
            id.clone(),
        ),
        (
            "history",
            "query ($id: ID) { history(sessionId: $id) { nodes { id } } }",
            id.clone(),
        ),
        (
            "node",
            "query ($id: ID!) { node(id: $id) { id } }",
            id.clone(),
        ),
        ("serverInfo", "{ serverInfo { name } }", json!({})),
        (
            "register",
            "mutation ($input: RegisterInput!) { register(input: $input) { accessToken } }",
            json!({ "input": eve }),
        ),
        (
            "login",
            "mutation ($input: LoginInput!) { login(input: $input) { accessToken } }",
            json!({"input": {"username": "ada", "password": PASSWORD}}),
        ),
        (
            "refresh",
            "mutation ($token: String!) { refresh(refreshToken: $token) { accessToken } }",
            json!({"token": scene.bob.refresh_token()}),
        ),
        (
            "exportMyData",
            "mutation { exportMyData { url } }",
            json!({}),
        ),
        (
            "exportSession",
            "mutation ($id: ID!, $format: TranscriptFormat!) { exportSession(id: $id, format: $format) { url } }",
            json!({"id": scene.session, "format": "JSON"}),
        ),
        (
            "createChatbot",
            "mutation ($input: ChatbotInput!) { createChatbot(input: $input) { id } }",
            json!({"input": {
                "handle": "tea-bot", "name": "Tea", "greeting": "Tea?", "engine": "BUILTIN",
                "persona": "You love tea.", "whileReplying": "QUEUE",
            }}),
        ),
        (
            "updateChatbot",
            "mutation ($handle: String!, $input: ChatbotInput!) {
                updateChatbot(handle: $handle, input: $input) { id }
            }",
            json!({"handle": "tea-bot", "input": {"greeting": "More tea?"}}),
        ),
        (
            "deleteChatbot",
            "mutation ($handle: String!) { deleteChatbot(handle: $handle) }",
            json!({"handle": "tea-bot"}),
        ),
        (
            "updateSession",
            "mutation ($id: ID!, $input: SessionInput!) { updateSession(id: $id, input: $input) { id } }",
            json!({"id": scene.session, "input": {"title": "Tea"}}),
        ),
        (
            "search",
            "query ($text: String!, $id: ID) { search(text: $text, sessionId: $id) { nodes { id } } }",
            json!({"text": "hello", "id": scene.session}),
        ),
        (
            "markRead",
            "mutation ($id: ID!) { markRead(sessionId: $id, upTo: 1) { id } }",
            id.clone(),
        ),
        (
            "setTyping",
            "mutation ($id: ID!) { setTyping(sessionId: $id, typing: true) }",
            id.clone(),
        ),
        (
            "editMessage",
            "mutation ($id: ID!, $content: String!) { editMessage(id: $id, content: $content) { id } }",
            json!({"id": scene.message, "content": "hello again"}),
        ),
        (
            "cancelReply",
            "mutation ($id: ID!) { cancelReply(id: $id) { id } }",
            json!({"id": scene.reply}),
        ),
        (
            "regenerateReply",
            "mutation ($id: ID!, $key: String) { regenerateReply(id: $id, clientKey: $key) { id } }",
            json!({"id": scene.reply, "key": "key"}),
        ),
        (
            "startSession",
            START,
            json!({"input": {
                "title": "Tea", "chatbots": ["parlor"], "kind": "PRIVATE", "usernames": ["bob"],
            }}),
        ),
        (
            "joinSession",
            "mutation ($id: ID!) { joinSession(id: $id) { id } }",
            id.clone(),
        ),
        (
            "addMember",
            "mutation ($id: ID!, $username: String!) {
                addMember(sessionId: $id, username: $username) { id }
            }",
            json!({"id": scene.session, "username": "bob"}),
        ),
        (
            "removeMember",
            "mutation ($id: ID!, $username: String!) {
                removeMember(sessionId: $id, username: $username) { id }
            }",
            json!({"id": scene.session, "username": "bob"}),
        ),
        ("sendMessage", SEND, json!({ "input": send })),
        (
            "deleteMessage",
            "mutation ($id: ID!) { deleteMessage(id: $id) { id } }",
            json!({"id": scene.message}),
        ),
        ("sessionEvents", EVENTS, id.clone()),
        ("messageAdded", ADDED, id.clone()),
        ("inbox", INBOX, json!({})),
        (
            "leaveSession",
            "mutation ($id: ID!) { leaveSession(id: $id) }",
            json!({"id": scene.other_session}),
        ),
        (
            "deleteSession",
            "mutation ($id: ID!) { deleteSession(id: $id) }",
            id,
        ),
        (
            "updateProfile",
            "mutation ($input: ProfileInput!) { updateProfile(input: $input) { id } }",
            json!({"input": {"displayName": "Ada", "bio": "Counts.", "email": "ada@example.net"}}),
        ),
        (
            "startVisit",
            "mutation ($input: StartVisitInput!) { startVisit(input: $input) { isNew } }",
            json!({"input": {"owner": "bob", "displayName": "Eve", "visitorToken": "unknown"}}),
        ),
        ("logout", "mutation { logout }", json!({})),
        (
            "changePassword",
            "mutation ($current: String!, $new: String!) {
                changePassword(current: $current, new: $new) { accessToken }
            }",
            json!({"current": PASSWORD, "new": PASSWORD}),
        ),
        (
            "deleteAccount",
            "mutation ($password: String!) { deleteAccount(password: $password) }",
            json!({"password": PASSWORD}),
        ),
    ];
    calls
        .into_iter()
        .map(|(field, query, variables)| Call {
            field,
            query,
            variables,
        })
        .collect()
}

impl Call {
    /// What comes of it, as it came; of a subscription, its first answer.
    async fn run(&self, scene: &Scene, who: Option<&Person>, variables: Value) -> String {
        if self.is_subscription() {
            return scene
                .subscribe(who, self.query, variables)
                .await
                .to_string();
        }
        let nobody = scene.app.nobody();
        who.unwrap_or(&nobody)
            .ask_for_text(self.query, variables)
            .await
    }

    fn is_subscription(&self) -> bool {
        self.query.starts_with("subscription")
    }
}

#[tokio::test]
async fn every_field_of_the_schema_is_called_here_and_works() {
    let scene = Scene::start().await;
    let query = "{ __schema {
        queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } }
    } }";
    let schema = scene.ada.ask(query, json!({})).await.data();
    let roots = schema["__schema"].as_object().unwrap().values();
    let fields = roots.flat_map(|root| root["fields"].as_array().unwrap());
    let there: BTreeSet<&str> = fields
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    let calls = calls(&scene);
    let called: BTreeSet<&str> = calls.iter().map(|call| call.field).collect();
    assert_eq!(called, there);
    // A subscription that works says nothing until something happens.
    for call in calls.iter().filter(|call| !call.is_subscription()) {
        // A device for each, since some end the login that they are called with.
        let login = scene.ada.log_in("ada", PASSWORD).await.data();
        let ada = scene.ada.signed_in(&login["login"]);
        let told = call.run(&scene, Some(&ada), call.variables.clone()).await;
        assert!(!told.contains("errors"), "{}: {told}", call.field);
    }
}

#[tokio::test]
async fn nobody_may_call_a_field_that_needs_a_login() {
    let scene = Scene::start().await;
    let before = scene.app.database().contents().await;
    let calls = calls(&scene);
    for call in calls.iter().filter(|call| !OPEN.contains(&call.field)) {
        let told = call.run(&scene, None, call.variables.clone()).await;
        assert!(
            told.contains(r#""code":"UNAUTHENTICATED""#),
            "{}: {told}",
            call.field
        );
    }
    assert_eq!(scene.app.database().contents().await, before);
}

#[tokio::test]
async fn nul_in_any_text_is_refused_and_breaks_nothing() {
    let scene = Scene::start().await;
    let before = scene.app.database().contents().await;
    for call in calls(&scene) {
        for place in texts(&call.variables, "") {
            if HASHED.contains(&(call.field, place.as_str())) {
                continue;
            }
            for make in [|text: &str| format!("{text}\0"), |_: &str| "\0".to_owned()] {
                let mut variables = call.variables.clone();
                let text = variables.pointer_mut(&place).unwrap();
                *text = json!(make(text.as_str().unwrap()));
                let told = call.run(&scene, Some(&scene.ada), variables).await;
                let codes = ["BAD_USER_INPUT", "UNAUTHENTICATED"];
                let is_refused = codes
                    .iter()
                    .any(|code| told.contains(&format!(r#""code":"{code}""#)));
                assert!(is_refused, "{} {place}: {told}", call.field);
            }
        }
    }
    assert_eq!(scene.app.database().contents().await, before);
}

/// The places of all texts in these variables, as JSON pointers.
fn texts(value: &Value, place: &str) -> Vec<String> {
    match value {
        Value::String(_) => vec![place.to_owned()],
        Value::Object(fields) => {
            let inner = fields.iter();
            inner
                .flat_map(|(name, value)| texts(value, &format!("{place}/{name}")))
                .collect()
        }
        Value::Array(items) => {
            let inner = items.iter().enumerate();
            inner
                .flat_map(|(index, value)| texts(value, &format!("{place}/{index}")))
                .collect()
        }
        _ => Vec::new(),
    }
}
