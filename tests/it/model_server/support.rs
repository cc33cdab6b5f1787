//! Servers whose chatbots talk to a fake model server, and sessions with those chatbots.

use std::time::Duration;

use parlor::bots::{self, Patience};
use serde_json::{Value, json};

use super::upstream::Upstream;
use crate::helpers::{Person, TestApp, TestDatabase};

/// What nobody but the model server may ever see.
pub const KEY: &str = "sk-only-for-the-model-server";

/// Shorter than an operator's, and long enough for a busy machine.
pub fn patience() -> Patience {
    Patience {
        turn: Duration::from_secs(2),
        connect: Duration::from_secs(2),
        first_byte: Duration::from_secs(1),
        between_bytes: Duration::from_secs(2),
        whole: Duration::from_secs(8),
        tail: Duration::from_millis(100),
        retry: Duration::from_millis(10),
        longest_retry: Duration::from_secs(2),
        rest: Duration::ZERO,
        quote: Duration::from_secs(2),
    }
}

/// A server with a chatbot for each of these models of the model server, named as they are.
pub async fn start(upstream: &Upstream, models: &[&str], patience: Patience) -> TestApp {
    let app = configured(&upstream.base_url(), models).await;
    bots::start_with(app.app(), patience);
    app
}

/// The same without a runner.
pub async fn configured(base_url: &str, models: &[&str]) -> TestApp {
    configured_with(base_url, models, &[]).await
}

/// The same with these variables as well.
pub async fn configured_with(base_url: &str, models: &[&str], more: &[(&str, &str)]) -> TestApp {
    let database = TestDatabase::migrated().await;
    for model in models {
        database.db_add_chatbot(model, "null").await;
    }
    let models = models.join(",");
    let mut variables = vec![
        ("OPENAI_BASE_URL", base_url),
        ("OPENAI_API_KEY", KEY),
        ("PARLOR_OPENAI_MODELS", &models),
    ];
    variables.extend(more);
    TestApp::configured(database, &variables).await
}

impl TestDatabase {
    /// Behind the API: a chatbot of the house that talks to the model server.
    pub async fn db_add_chatbot(&self, model: &str, persona: &str) {
        self.execute(&format!(
            "insert into chatbots (id, handle, handle_key, name, engine, model, persona) \
             values (gen_random_uuid(), '{model}', '{model}', '{model}', 'OPENAI', '{model}', {persona})"
        ))
        .await;
    }
}

/// Starts a session with this chatbot; its id.
pub async fn session_with(person: &Person, chatbot: &str) -> String {
    let start =
        "mutation ($chatbots: [String!]) { startSession(input: {chatbots: $chatbots}) { id } }";
    let started = person
        .ask(start, json!({ "chatbots": [chatbot] }))
        .await
        .data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

/// Says something, and gives the reply when it has ended.
pub async fn said_to(person: &Person, session: &str, words: &str) -> Value {
    // As long as a client may wait, and longer than any reply takes here, even on a busy machine.
    let input = json!({"sessionId": session, "content": words, "waitMs": 60_000});
    let reply = person.send(input).await.data()["sendMessage"]["reply"].take();
    let status = reply["status"].as_str().unwrap();
    assert!(
        !matches!(status, "PENDING" | "STREAMING"),
        "not ended in time: {reply}"
    );
    reply
}

/// Says something in a new session with this chatbot, and gives its reply when that has ended.
pub async fn reply_of(person: &Person, chatbot: &str) -> Value {
    let session = session_with(person, chatbot).await;
    said_to(person, &session, "Hello?").await
}
