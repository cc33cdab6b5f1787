//! Sessions with a chatbot, the text of a reply as a client puts it together, and replies' rows.

use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use parlor::db::replies::Claim;
use parlor::domain::RunnerId;
use parlor::services::replies;
use serde_json::{Value, json};

use crate::helpers::{Answer, Person, TestApp, Watch};
use crate::private_postgres::support::{ask, try_ask};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What makes the chatbot of the house talk for two seconds.
pub const LONG: &str = "help";

/// Starts a session with the chatbot of the house; its id.
pub async fn chat(person: &Person) -> String {
    let start = "mutation { startSession(input: {}) { id } }";
    let started = person.ask(start, json!({})).await.data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

/// What a client has put together of a reply.
#[derive(Default)]
pub struct Shown(pub String);

impl Shown {
    /// Adds a `ReplyDelta`, which must follow on what is there without a gap or an overlap.
    pub fn add(&mut self, delta: &Value) {
        assert_eq!(delta["offset"], self.0.chars().count(), "{delta}");
        self.0 += delta["text"].as_str().unwrap();
    }
}

/// Reads on until the reply has ended; its text must be what was shown before.
pub async fn ends(feed: &mut Watch, shown: &mut Shown) -> Value {
    loop {
        let event = feed.next().await;
        match event["__typename"].as_str() {
            Some("ReplyDelta") => shown.add(&event),
            Some("MessageChanged") => return event,
            _ => panic!("expected more of the reply or its end: {event}"),
        }
    }
}

/// Cancels a reply.
pub async fn cancel(person: &Person, id: &Value) -> Answer {
    let query = "mutation ($id: ID!) { cancelReply(id: $id) { id seq cursor content status } }";
    person.ask(query, json!({ "id": id })).await
}

/// Has a reply written anew.
pub async fn regenerate(person: &Person, id: &Value) -> Answer {
    let query = "mutation ($id: ID!) { regenerateReply(id: $id) { id seq cursor content status } }";
    person.ask(query, json!({ "id": id })).await
}

/// The newest message.
pub async fn newest(person: &Person, session: &str) -> Value {
    person.history(session).await.pop().unwrap()
}

/// Waits until the newest message has ended, whatever the server says in the meantime, and gives it.
pub async fn ended(person: &Person, session: &str) -> Value {
    let query = "query ($id: ID!) {
        history(sessionId: $id, last: 1) { nodes { content status failure } }
    }";
    let deadline = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < deadline, "the reply did not end in time");
        let answer = person.ask(query, json!({ "id": session })).await.0;
        let message = &answer["data"]["history"]["nodes"][0];
        match message["status"].as_str() {
            Some("COMPLETE" | "FAILED" | "CANCELLED") => return message.clone(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Claims the only reply that is owed.
pub async fn claim(app: &TestApp, runner: RunnerId) -> Claim {
    let mut claims = replies::claim(app.app(), runner, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// Behind the API: as if fifteen seconds had passed without a sign of life from any runner.
pub async fn db_let_leases_end(url: &str) {
    let sql = "update messages set lease_until = clock_timestamp() - interval '1 second' \
               where lease_until is not null";
    let mut conn = AsyncPgConnection::establish(url).await.unwrap();
    conn.batch_execute(sql).await.unwrap();
}

/// Behind the API: the newest row, all of it.
pub async fn db_row(url: &str) -> Value {
    let sql = "select to_jsonb(m)::text as answer from messages m order by created_at desc limit 1";
    let row = try_ask(url, sql).await.unwrap().remove(0);
    serde_json::from_str(&row).unwrap()
}

/// Behind the API: waits until a runner has taken the newest reply on for this many times.
pub async fn db_attempt(url: &str, attempt: i16) {
    let newest = "select attempt from messages order by created_at desc limit 1";
    db_until(url, newest, &attempt.to_string()).await;
}

/// Behind the API: waits until this is the answer.
pub async fn db_until(url: &str, question: &str, answer: &str) {
    let deadline = Instant::now() + DEADLINE;
    while ask(url, question).await != answer {
        assert!(
            Instant::now() < deadline,
            "not {answer} in time: {question}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
