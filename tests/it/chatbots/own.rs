//! Making, changing and deleting a chatbot of one's own.

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use super::{change, delete, make, session_with};
use crate::helpers::{TestApp, TestDatabase, session_id};

#[tokio::test]
async fn a_chatbot_of_ones_own_is_listed_talks_and_can_be_changed() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let made = make(
        &ada,
        json!({"handle": "@Tea-Bot", "persona": "You love tea."}),
    )
    .await
    .data()["createChatbot"]
        .take();
    let id = made["id"].clone();
    assert_eq!(
        made,
        json!({
            "id": id, "handle": "Tea-Bot", "name": "Tea-Bot", "greeting": "", "engine": "BUILTIN",
            "model": null, "temperature": null, "persona": "You love tea.", "whileReplying": "QUEUE",
            "owner": {"username": "ada"},
        })
    );
    let listed = ada
        .ask("{ chatbots { nodes { handle } } }", json!({}))
        .await;
    assert_eq!(
        listed.data()["chatbots"]["nodes"],
        json!([{"handle": "parlor"}, {"handle": "Tea-Bot"}])
    );

    let input =
        json!({"name": "Tea", "greeting": "Tea?", "whileReplying": "REJECT", "persona": null});
    let changed = change(&ada, "tea-bot", input).await.data()["updateChatbot"].take();
    assert_eq!(
        changed,
        json!({
            "id": id, "handle": "Tea-Bot", "name": "Tea", "greeting": "Tea?", "engine": "BUILTIN",
            "model": null, "temperature": null, "persona": null, "whileReplying": "REJECT",
            "owner": {"username": "ada"},
        })
    );
    let session = session_with(&ada, &["tea-bot"]).await;
    let input = json!({"sessionId": session, "content": "hello", "waitMs": 20_000});
    let sent = ada.send(input).await.data();
    let said = sent["sendMessage"]["reply"]["content"].as_str().unwrap();
    assert!(said.starts_with("Hello, ada! I am Tea."), "{said}");
}

#[tokio::test]
async fn a_handle_is_one_chatbots_at_a_time() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    make(&ada, json!({"handle": "tea"})).await.data();
    make(&bob, json!({"handle": "milk"})).await.data();
    for handle in ["tea", "TEA", "Parlor"] {
        make(&bob, json!({ "handle": handle }))
            .await
            .expect_error("CONFLICT", Some("handle"));
        change(&bob, "milk", json!({ "handle": handle }))
            .await
            .expect_error("CONFLICT", Some("handle"));
    }
    change(&bob, "milk", json!({"handle": "MILK"})).await.data();
    delete(&ada, "tea").await.data();
    make(&bob, json!({"handle": "Tea"})).await.data();
}

#[tokio::test]
async fn what_a_chatbot_can_not_be_is_refused_and_named() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "tea"})).await.data();
    let before = app.database().contents().await;
    for (input, field) in [
        (json!({}), "handle"),
        (json!({"handle": "a b c"}), "handle"),
        (json!({"handle": "tea2", "name": " "}), "name"),
        (
            json!({"handle": "tea2", "greeting": "x".repeat(1_001)}),
            "greeting",
        ),
        (
            json!({"handle": "tea2", "persona": "x".repeat(8_001)}),
            "persona",
        ),
        (json!({"handle": "tea2", "model": "gpt-4.1"}), "model"),
        (json!({"handle": "tea2", "temperature": 1}), "temperature"),
        // No model server is set up here.
        (json!({"handle": "tea2", "engine": "OPENAI"}), "engine"),
    ] {
        let is_new = input.get("handle") == Some(&json!("tea2"));
        make(&ada, input.clone())
            .await
            .expect_error("BAD_USER_INPUT", Some(field));
        if is_new {
            change(&ada, "tea", input)
                .await
                .expect_error("BAD_USER_INPUT", Some(field));
        }
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn fifty_are_the_most_also_when_made_at_once() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    app.database()
        .execute(
            "insert into chatbots (id, handle, handle_key, name, engine, owner_id)
             select gen_random_uuid(), 'bot' || n, 'bot' || n, 'Bot', 'BUILTIN', u.id
             from users u, generate_series(1, 48) n where u.username = 'ada'",
        )
        .await;
    let made = (0..6).map(|n| make(&ada, json!({"handle": format!("more{n}")})));
    let answers = futures_util::future::join_all(made).await;
    let refused = answers
        .iter()
        .filter(|answer| answer.0.get("errors").is_some());
    assert_eq!(refused.count(), 4);
    make(&ada, json!({"handle": "last"}))
        .await
        .expect_error("CONFLICT", Some("input"));
    delete(&ada, "bot1").await.data();
    make(&ada, json!({"handle": "last"})).await.data();
}

#[tokio::test]
async fn a_model_is_one_that_the_operator_allows() {
    let app = TestApp::configured(
        TestDatabase::migrated().await,
        &[
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
            ("PARLOR_OPENAI_MODELS", "small, large"),
        ],
    )
    .await;
    let ada = app.person("ada").await;
    let told = |answer: crate::helpers::Answer, field: &str| {
        let chatbot = answer.data()[field].take();
        json!([chatbot["engine"], chatbot["model"], chatbot["temperature"]])
    };
    let made = make(&ada, json!({"handle": "tea"})).await;
    assert_eq!(
        told(made, "createChatbot"),
        json!(["OPENAI", "small", null])
    );
    make(&ada, json!({"handle": "milk", "model": "huge"}))
        .await
        .expect_error("BAD_USER_INPUT", Some("model"));
    make(&ada, json!({"handle": "milk", "temperature": 2.1}))
        .await
        .expect_error("BAD_USER_INPUT", Some("temperature"));
    for (input, expected) in [
        (
            json!({"model": "large", "temperature": 0.5}),
            json!(["OPENAI", "large", 0.5]),
        ),
        (json!({"name": "Tea"}), json!(["OPENAI", "large", 0.5])),
        (
            json!({"model": null, "temperature": null}),
            json!(["OPENAI", "small", null]),
        ),
        (json!({"model": "large"}), json!(["OPENAI", "large", null])),
        // Rules have no model: changing to them forgets it.
        (json!({"engine": "BUILTIN"}), json!(["BUILTIN", null, null])),
        (
            json!({"engine": "OPENAI"}),
            json!(["OPENAI", "small", null]),
        ),
    ] {
        let changed = change(&ada, "tea", input.clone()).await;
        assert_eq!(told(changed, "updateChatbot"), expected, "{input}");
    }
}

#[tokio::test]
async fn a_deleted_chatbot_stays_the_author_of_what_it_said_and_says_no_more() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "tea", "name": "Tea"}))
        .await
        .data();
    let session = session_with(&ada, &["tea", "parlor"]).await;
    ada.say(Some(&session), "hello").await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    delete(&ada, "TEA").await.data();

    let ended = watch.expect("MessageChanged").await;
    assert_eq!(ended["message"]["status"], "CANCELLED");
    let query = "query ($id: ID!) { session(id: $id) {
        chatbots { handle }
        messages { nodes { author { ... on Chatbot { id handle name } } } }
    } }";
    let told = ada.ask(query, json!({ "id": session })).await.data();
    assert_eq!(told["session"]["chatbots"], json!([{"handle": "parlor"}]));
    let author = &told["session"]["messages"]["nodes"][1]["author"];
    assert_eq!(author["name"], "Tea");
    // It can still be looked at by whoever is in a session with it, and found by nobody.
    let node = "query ($id: ID!) { node(id: $id) { ... on Chatbot { name } } }";
    let found = ada.ask(node, json!({"id": author["id"]})).await.data();
    assert_eq!(found["node"]["name"], "Tea");
    let by_handle = r#"{ chatbot(handle: "tea") { id } }"#;
    let found = ada.ask(by_handle, json!({})).await.data();
    assert_eq!(found["chatbot"], Value::Null);
    // The next in the session takes its place.
    ada.say(Some(&session), "and now?").await;
    let authors = "select string_agg(c.handle, ' ' order by m.seq) \
                   from messages m join chatbots c on c.id = m.chatbot_id";
    assert_eq!(app.database().value(authors).await, "tea parlor");
    delete(&ada, "tea").await.expect_error("NOT_FOUND", None);
}

#[tokio::test]
async fn a_chatbot_is_deleted_with_its_replies_under_way_or_not_at_all() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    make(&ada, json!({"handle": "tea"})).await.data();
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let session = session_with(&ada, &["tea"]).await;
        ada.say(Some(&session), "hello").await;
        sessions.push(session);
    }
    let before = app.database().contents().await;
    // As if the process were cut off in the middle: the replies of one of the sessions can't be cancelled.
    let id = session_id(&sessions[1]);
    let mut held = app.database().connect().await;
    let hold = format!(
        "begin; select 1 from sessions where id = '{}' for update",
        id.0
    );
    held.batch_execute(&hold).await.unwrap();
    let error = delete(&ada, "tea").await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    drop(held);
    assert_eq!(app.database().contents().await, before);

    delete(&ada, "tea").await.data();
    for session in sessions {
        let reply = ada.history(&session).await.pop().unwrap();
        assert_eq!(reply["status"], "CANCELLED");
    }
}
