//! Numbers, keys, titles and names outside their ranges.

use serde_json::{Value, json};

use super::{SEND, START, Scene};
use crate::helpers::PASSWORD;

#[tokio::test]
async fn a_page_is_0_to_200_rows_from_one_end() {
    let scene = Scene::start().await;
    let sizes = [-1, i32::MIN, 201, i32::MAX];
    let lists = [
        (
            "first",
            "query ($n: Int!) { sessions(first: $n) { nodes { id } } }",
        ),
        (
            "first",
            "query ($n: Int!) { chatbots(first: $n) { nodes { id } } }",
        ),
        (
            "last",
            "query ($n: Int!) { history(last: $n) { nodes { id } } }",
        ),
        (
            "last",
            "query ($n: Int!, $id: ID) { history(last: $n, sessionId: $id) { nodes { id } } }",
        ),
        (
            "first",
            "query ($n: Int!, $id: ID!) { session(id: $id) { messages(first: $n) { nodes { id } } } }",
        ),
        (
            "last",
            "query ($n: Int!, $id: ID!) { session(id: $id) { messages(last: $n) { nodes { id } } } }",
        ),
    ];
    for (field, query) in lists {
        for size in sizes {
            let variables = json!({"n": size, "id": scene.session});
            scene
                .refuses(query, variables, "BAD_USER_INPUT", Some(field))
                .await;
        }
        for size in [0, 200] {
            let variables = json!({"n": size, "id": scene.session});
            scene.ada.ask(query, variables).await.data();
        }
    }
    let both =
        "query ($id: ID!) { session(id: $id) { messages(first: 1, last: 1) { nodes { id } } } }";
    let variables = json!({"id": scene.session});
    scene
        .refuses(both, variables, "BAD_USER_INPUT", Some("last"))
        .await;
}

#[tokio::test]
async fn of_a_sessions_members_0_to_1000_can_be_asked_for() {
    let scene = Scene::start().await;
    let query = "query ($n: Int, $id: ID!) { session(id: $id) { members(first: $n) { isOwner } } }";
    let variables = |size: Value| json!({"n": size, "id": scene.session});
    for size in [-1, i32::MIN, 1_001, i32::MAX] {
        scene
            .refuses(
                query,
                variables(size.into()),
                "BAD_USER_INPUT",
                Some("first"),
            )
            .await;
    }
    for (size, found) in [
        (json!(0), 0),
        (json!(1), 1),
        (json!(1_000), 1),
        (Value::Null, 1),
    ] {
        let told = scene.ada.ask(query, variables(size)).await.data();
        let members = told["session"]["members"].as_array();
        assert_eq!(members.map(Vec::len), Some(found), "{told}");
    }
}

#[tokio::test]
async fn a_send_waits_for_its_reply_a_minute_at_most() {
    let scene = Scene::start().await;
    for wait in [-1, 60_001, i32::MIN, i32::MAX] {
        let input = json!({"content": "hello", "waitMs": wait});
        scene.refuses_send(input, "BAD_USER_INPUT", "waitMs").await;
    }
}

#[tokio::test]
async fn a_client_key_has_1_to_128_characters() {
    let scene = Scene::start().await;
    let too_long = "é".repeat(129);
    for key in ["", "a\0b", "a\nb", too_long.as_str()] {
        let input = json!({"content": "hello", "clientKey": key});
        scene
            .refuses_send(input, "BAD_USER_INPUT", "clientKey")
            .await;
        let regenerate = "mutation ($id: ID!, $key: String) { regenerateReply(id: $id, clientKey: $key) { id } }";
        let variables = json!({"id": scene.reply, "key": key});
        scene
            .refuses(regenerate, variables, "BAD_USER_INPUT", Some("clientKey"))
            .await;
    }
    let longest = "é".repeat(128);
    let input = json!({"content": "hello", "clientKey": longest});
    let sent = scene.ada.send(input).await.data();
    assert_eq!(sent["sendMessage"]["message"]["clientKey"], longest);
}

#[tokio::test]
async fn a_client_key_used_for_other_content_conflicts() {
    let scene = Scene::start().await;
    for session in [json!(scene.session), json!(null)] {
        let input =
            |content: &str| json!({"sessionId": session, "content": content, "clientKey": "k"});
        scene.ada.send(input("first")).await.data();
        for other in ["second", "first ", "First"] {
            scene
                .refuses_send(input(other), "CONFLICT", "clientKey")
                .await;
        }
        scene.ada.send(input("first")).await.data();
    }
}

#[tokio::test]
async fn a_title_is_one_line_of_up_to_200_characters() {
    let scene = Scene::start().await;
    let too_long = "é".repeat(201);
    for title in [too_long.as_str(), "a\0b", "two\nlines"] {
        let variables = json!({"input": {"title": title}});
        scene
            .refuses(START, variables, "BAD_USER_INPUT", Some("title"))
            .await;
    }
    let variables = json!({"input": {"title": format!(" {} ", "é".repeat(200))}});
    scene.ada.ask(START, variables).await.data();
}

#[tokio::test]
async fn a_session_has_up_to_8_chatbots_that_there_are() {
    let scene = Scene::start().await;
    let many: Vec<String> = (0..9).map(|number| format!("chatbot{number}")).collect();
    let crowd: Vec<String> = (0..1_900)
        .map(|number| format!("chatbot{number}"))
        .collect();
    let lists = [
        json!(["nobody"]),
        json!(["parlor", "nobody"]),
        json!(["", "parlor"]),
        json!(["par\0lor"]),
        json!(["x".repeat(101)]),
        json!(many),
        json!(crowd),
    ];
    for chatbots in lists {
        let variables = json!({"input": {"chatbots": chatbots}});
        scene
            .refuses(START, variables, "BAD_USER_INPUT", Some("chatbots"))
            .await;
    }
    // The same one named nine times is one.
    let variables = json!({"input": {"chatbots": vec!["parlor"; 9]}});
    scene.ada.ask(START, variables).await.data();
}

#[tokio::test]
async fn what_people_call_themselves_has_a_form() {
    let scene = Scene::start().await;
    let good = json!({"username": "eve", "email": "eve@example.org", "password": PASSWORD});
    let bad: [(&str, Value); 12] = [
        ("username", json!("")),
        ("username", json!("ev")),
        ("username", json!("e".repeat(33))),
        ("username", json!("eve@example.org")),
        ("username", json!("\u{435}v\u{435}")),
        ("email", json!("")),
        ("email", json!("eve@localhost")),
        ("email", json!(format!("{}@example.org", "e".repeat(250)))),
        ("password", json!("seven77")),
        ("password", json!("é".repeat(257))),
        ("displayName", json!(" ")),
        ("displayName", json!("é".repeat(81))),
    ];
    let before = scene.app.database().contents().await;
    for (field, value) in bad {
        let mut input = good.clone();
        input[field] = value;
        let refused = scene.app.nobody().register_with(input).await;
        refused.expect_error("BAD_USER_INPUT", Some(field));
    }
    assert_eq!(scene.app.database().contents().await, before);
    scene.app.nobody().register_with(good).await.data();
}

#[tokio::test]
async fn a_variable_of_another_type_is_refused() {
    let scene = Scene::start().await;
    for input in [
        json!({}),
        json!({"content": 7}),
        json!({"content": "a", "more": 1}),
        json!(null),
    ] {
        scene
            .refuses(SEND, json!({ "input": input }), "BAD_USER_INPUT", None)
            .await;
    }
}
