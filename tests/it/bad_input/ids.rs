//! Ids of what is not there, is not yours, is something else or was made up.

use parlor::domain::{ChatbotId, NodeId, Seq, SessionId, UserId};
use serde_json::{Value, json};

use super::{ADDED, EVENTS, SEND, START, Scene};

const SESSION: &str = "query ($id: ID!) { session(id: $id) { id title } }";
const HISTORY: &str = "query ($id: ID!) { history(sessionId: $id) { nodes { id } } }";
const NODE: &str = "query ($id: ID!) { node(id: $id) { id } }";

/// An id that was never given out, for anything.
fn unknown_session() -> String {
    NodeId::Session(SessionId::new()).encode()
}

fn session_of(id: &str) -> SessionId {
    match NodeId::decode(id) {
        Some(NodeId::Session(session) | NodeId::Message(session, _)) => session,
        other => panic!("of no session: {other:?}"),
    }
}

/// Expects the same answer, to the byte, to each of these variables; and that nothing is written.
async fn expect_alike(scene: &Scene, query: &str, code: &str, variables: &[Value]) {
    let before = scene.app.database().contents().await;
    let mut answers = Vec::new();
    for variables in variables {
        answers.push(scene.ada.ask_for_text(query, variables.clone()).await);
    }
    assert!(
        answers[0].contains(&format!(r#""code":"{code}""#)),
        "{}",
        answers[0]
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    assert_eq!(scene.app.database().contents().await, before);
}

#[tokio::test]
async fn a_session_of_others_is_answered_like_none() {
    let scene = Scene::start().await;
    let ids = [scene.bobs_session.clone(), unknown_session()];
    for query in [SESSION, HISTORY, NODE] {
        let variables = ids.each_ref().map(|id| json!({ "id": id }));
        expect_alike(&scene, query, "NOT_FOUND", &variables).await;
    }
    let sends = ids
        .each_ref()
        .map(|id| json!({"input": {"sessionId": id, "content": "hello", "clientKey": "k"}}));
    expect_alike(&scene, SEND, "NOT_FOUND", &sends).await;
    for query in [EVENTS, ADDED] {
        let [theirs, none] = ids.each_ref().map(|id| json!({ "id": id }));
        let theirs = scene.subscribe(Some(&scene.ada), query, theirs).await;
        let none = scene.subscribe(Some(&scene.ada), query, none).await;
        assert_eq!(theirs, none);
        assert!(theirs.to_string().contains("NOT_FOUND"), "{theirs}");
    }
}

#[tokio::test]
async fn a_message_of_others_is_answered_like_none() {
    let scene = Scene::start().await;
    let message = |session, seq| json!({"id": NodeId::Message(session, Seq(seq)).encode()});
    let (own, bobs) = (session_of(&scene.session), session_of(&scene.bobs_session));
    let ids = [
        json!({"id": scene.bobs_message}),
        message(bobs, 99),
        message(own, 99),
        message(own, 0),
        message(own, -1),
        message(own, i32::MIN),
        message(own, i32::MAX),
        message(SessionId::new(), 1),
    ];
    expect_alike(&scene, NODE, "NOT_FOUND", &ids).await;
}

#[tokio::test]
async fn a_chatbot_of_others_is_answered_like_none() {
    let scene = Scene::start().await;
    let bobs = ChatbotId::new();
    scene
        .app
        .database()
        .execute(&format!(
            "insert into chatbots (id, handle, handle_key, name, engine, owner_id)
             select '{bobs}', 'Secret', 'secret', 'Secret', 'BUILTIN', id from users where username = 'bob'"
        ))
        .await;
    let ids = [bobs, ChatbotId::new()].map(|id| json!({"id": NodeId::Chatbot(id).encode()}));
    expect_alike(&scene, NODE, "NOT_FOUND", &ids).await;
    let plans = ["secret", "nobody"].map(|handle| json!({"input": {"chatbots": [handle]}}));
    expect_alike(&scene, START, "BAD_USER_INPUT", &plans).await;

    let by_handle = "query ($handle: String!) { chatbot(handle: $handle) { id } }";
    let variables = json!({"handle": "secret"});
    let found = scene.bob.ask(by_handle, variables.clone()).await.data();
    assert_eq!(found["chatbot"]["id"], NodeId::Chatbot(bobs).encode());
    let found = scene.ada.ask(by_handle, variables).await.data();
    assert_eq!(found["chatbot"], Value::Null);
    let list = scene
        .ada
        .ask("{ chatbots { nodes { handle } } }", json!({}))
        .await
        .data();
    assert_eq!(list["chatbots"]["nodes"], json!([{"handle": "parlor"}]));
}

#[tokio::test]
async fn a_person_who_is_not_there_is_not_found() {
    let scene = Scene::start().await;
    let id = json!({"id": NodeId::User(UserId::new()).encode()});
    scene.refuses(NODE, id, "NOT_FOUND", None).await;
}

#[tokio::test]
async fn an_id_of_something_else_or_of_nothing_is_refused() {
    let scene = Scene::start().await;
    let of_others = [
        scene.message.clone(),
        NodeId::User(UserId::new()).encode(),
        NodeId::Chatbot(ChatbotId::HOUSE).encode(),
    ];
    let of_nothing = [
        String::new(),
        "x".to_owned(),
        "not base64!".to_owned(),
        "x".repeat(10_000),
        SessionId::new().to_string(),
        scene.session[1..].to_owned(),
        format!("{}=", scene.session),
        format!(" {}", scene.session),
    ];
    for id in of_others.iter().chain(&of_nothing) {
        let variables = json!({ "id": id });
        scene
            .refuses(SESSION, variables.clone(), "BAD_USER_INPUT", Some("id"))
            .await;
        scene
            .refuses(
                HISTORY,
                variables.clone(),
                "BAD_USER_INPUT",
                Some("sessionId"),
            )
            .await;
        let input = json!({"sessionId": id, "content": "hello"});
        scene
            .refuses_send(input, "BAD_USER_INPUT", "sessionId")
            .await;
        for query in [EVENTS, ADDED] {
            let heard = scene
                .subscribe(Some(&scene.ada), query, variables.clone())
                .await;
            let told = heard.to_string();
            assert!(
                told.contains(r#""code":"BAD_USER_INPUT","field":"sessionId""#),
                "{told}"
            );
        }
    }
    for id in of_nothing {
        scene
            .refuses(NODE, json!({ "id": id }), "BAD_USER_INPUT", Some("id"))
            .await;
    }
}
