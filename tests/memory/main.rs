//! What a client that does not read costs the server, counted to the byte. A program of its own, so that
//! nothing else is counted.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[allow(dead_code, unused_imports, reason = "the other tests use the rest")]
#[path = "../it/helpers/mod.rs"]
mod helpers;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../it/raw_socket.rs"]
mod raw_socket;

use std::time::Duration;

use parlor::http::{Timings, serve_with};
use peak_alloc::PeakAlloc;
use serde_json::json;
use tokio::net::TcpListener;

use helpers::{Person, TestApp, TestDatabase, expect_filled};
use raw_socket::RawSocket;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How many messages are committed while the client does not read, and how many between two looks.
const COMMITS: usize = 10_000;
const STEP: usize = 200;

/// The bytes of each, so that all of them are many times what is allowed, and a ring's worth is, too.
const FILLER: usize = 6_000;

/// What the client may cost.
const MOST: usize = 1024 * 1024;

/// One test at a time: what is counted is the whole process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_transcript_of_two_hundred_thousand_messages_costs_a_few_pages_of_them() {
    const MESSAGES: usize = 200_000;
    let _alone = ALONE.lock().await;
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    // Behind the API: what a long life in one session leaves. The rows are known to fit together: no foreign key
    // is looked up for each of them.
    app.database()
        .execute(&format!(
            "set session_replication_role = replica; \
             insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
             select s.id, n, n, n, n, s.owner_id, n || ' ' || repeat('x', 200), 'COMPLETE' \
             from sessions s, generate_series(1, {MESSAGES}) n; \
             update sessions set last_seq = {MESSAGES}, rev = {MESSAGES}; \
             analyze"
        ))
        .await;
    for (field, query, least) in [
        (
            "exportMyData",
            "mutation { exportMyData { url } }",
            MESSAGES * 200,
        ),
        (
            "exportSession",
            "mutation ($id: ID!) { exportSession(id: $id, format: MARKDOWN) { url } }",
            MESSAGES * 200,
        ),
    ] {
        let given = ada.ask(query, json!({ "id": session })).await.data();
        let link = given[field]["url"].as_str().unwrap().to_owned();
        let mut download = reqwest::get(format!("{}{link}", app.url())).await.unwrap();
        let first = download.chunk().await.unwrap().unwrap();
        let before = MEMORY.current_usage();
        let (mut bytes, mut cost) = (first.len(), 0);
        while let Some(chunk) = download.chunk().await.unwrap() {
            bytes += chunk.len();
            cost = cost.max(MEMORY.current_usage().saturating_sub(before));
        }
        println!("{field}: {bytes} bytes cost {cost} at most");
        assert!(bytes > least, "{bytes} bytes");
        assert!(cost < 2 * MOST, "it cost {cost} bytes");
    }
}

#[tokio::test]
async fn ten_thousand_commits_cost_at_most_a_mebibyte_for_a_client_that_does_not_read() {
    let _alone = ALONE.lock().await;
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Not closed for being slow: what it costs while it is open is the question.
    let timings = Timings {
        write: Duration::from_secs(600),
        ..Timings::default()
    };
    tokio::spawn(serve_with(listener, app.app().clone(), timings));
    let ada = app.person("ada").await.at_url(&url);
    let session = ada.quiet_session().await;
    let mut slow = ada.watch(&session, None).await;
    slow.caught_up().await;
    // Another client sees everything at once, so that nothing is on its way when the bytes are counted.
    let mut quick = Numbers::watch(&url, &ada, &session, None).await;
    // What is made once, however many commits there are, is made now.
    let other = ada.quiet_session().await;
    let mut warm_up = Numbers::watch(&url, &ada, &other, None).await;
    app.db_fill(&other, STEP, FILLER).await;
    warm_up.read(1..=STEP).await;
    drop(warm_up);
    app.followed_by(&other, Some(0)).await;

    let before = MEMORY.current_usage();
    let mut cost = 0;
    for last in (STEP..=COMMITS).step_by(STEP) {
        app.db_fill(&session, STEP, FILLER).await;
        quick.read(last - STEP + 1..=last).await;
        cost = cost.max(MEMORY.current_usage().saturating_sub(before));
    }
    println!("it cost {cost} bytes at most");
    assert!(cost <= MOST, "it cost {cost} bytes");

    // The client reads a little of what waits for it, goes away, and comes back.
    let mut cursor = String::new();
    for seq in 1..=5 {
        let event = slow.next().await;
        expect_filled(&event, seq);
        cursor = event["cursor"].as_str().unwrap().to_owned();
    }
    drop(slow);
    let mut again = Numbers::watch(&url, &ada, &session, Some(&cursor)).await;
    again.read(6..=COMMITS).await;
}

/// A subscription that asks for as little as tells one message from another.
struct Numbers(RawSocket);

impl Numbers {
    async fn watch(url: &str, person: &Person, session: &str, after: Option<&str>) -> Self {
        let mut socket = RawSocket::acknowledged(url, Some(person.token())).await;
        let query = "subscription ($session: ID!, $after: String) {
            sessionEvents(sessionId: $session, after: $after) {
                ... on MessageAdded { message { seq } }
                ... on CaughtUp { cursor }
            }
        }";
        let variables = json!({"session": session, "after": after});
        socket.subscribe("watch", query, variables).await;
        let mut numbers = Self(socket);
        if after.is_none() {
            let caught_up = numbers.0.hear().await;
            assert!(caught_up["payload"]["data"]["sessionEvents"]["cursor"].is_string());
        }
        numbers
    }

    /// Reads these, each once and in order.
    async fn read(&mut self, seqs: std::ops::RangeInclusive<usize>) {
        for seq in seqs {
            let heard = self.0.hear().await;
            let event = &heard["payload"]["data"]["sessionEvents"];
            assert_eq!(event["message"]["seq"], seq, "{heard}");
        }
    }
}
