//! Clients that hang up in the middle, and locks that others hold.

use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::helpers::{Person, TestApp, TestDatabase, session_id};
use crate::raw_socket::RawSocket;

const SEND: &str = "mutation ($input: SendMessageInput!) {
    sendMessage(input: $input) { message { seq } reply { status } }
}";

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

/// Holds a lock until dropped or told to let go.
async fn db_hold(app: &TestApp, lock: &str) -> AsyncPgConnection {
    let mut conn = app.database().connect().await;
    conn.batch_execute(&format!("begin; {lock}")).await.unwrap();
    conn
}

async fn db_hold_session(app: &TestApp, session: &str) -> AsyncPgConnection {
    let id = session_id(session);
    let lock = format!("select 1 from sessions where id = '{id}' for update");
    db_hold(app, &lock).await
}

/// Waits until so many of the server's connections are in this state.
async fn db_until(app: &TestApp, condition: &str, count: i64) {
    let query = format!(
        "select count(*) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and {condition}"
    );
    let deadline = Instant::now() + DEADLINE;
    while app.database().value(&query).await != count {
        assert!(
            Instant::now() < deadline,
            "not {count} in time: {condition}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const WAITING_FOR_A_LOCK: &str = "wait_event_type = 'Lock'";
const IN_A_TRANSACTION: &str = "(state <> 'idle' or xact_start is not null)";

/// Begins a request and gives the connection, to be dropped before the answer.
async fn begin_post(person: &Person, url: &str, query: &str, variables: Value) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = json!({"query": query, "variables": variables}).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        person.token(),
        body.len(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Expects what the client that hung up had sent to be there once, also after a retry, and that nothing is
/// left open.
async fn expect_sent_once(app: &TestApp, ada: &Person, session: &str, input: &Value) {
    db_until(app, IN_A_TRANSACTION, 0).await;
    let history = ada.history(session).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["content"], input["content"]);
    let again = ada.send(input.clone()).await.data();
    assert_eq!(again["sendMessage"]["message"]["id"], history[0]["id"]);
    assert_eq!(ada.history(session).await.len(), 1);
}

#[tokio::test]
async fn a_write_is_not_cut_by_a_client_that_hangs_up() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    for over_socket in [false, true] {
        let session = ada.quiet_session().await;
        let input = json!({"sessionId": session, "content": "hello", "clientKey": "key"});
        let held = db_hold_session(&app, &session).await;
        if over_socket {
            let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
            socket.subscribe("1", SEND, json!({ "input": input })).await;
            db_until(&app, WAITING_FOR_A_LOCK, 1).await;
            drop(socket);
        } else {
            let variables = json!({ "input": input });
            let stream = begin_post(&ada, app.url(), SEND, variables).await;
            db_until(&app, WAITING_FOR_A_LOCK, 1).await;
            drop(stream);
        }
        // The server answers others, so it has had the time to notice.
        assert!(ada.history(&session).await.is_empty());
        drop(held);
        db_until(&app, WAITING_FOR_A_LOCK, 0).await;
        expect_sent_once(&app, &ada, &session, &input).await;
    }
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_ends_in_the_database_too() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let query = "query ($id: ID!) { history(sessionId: $id, last: 1) { nodes { seq } } }";
    let variables = json!({ "id": session });
    let _held = db_hold(&app, "lock table messages in access exclusive mode").await;
    let stream = begin_post(&ada, app.url(), query, variables.clone()).await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    socket.subscribe("1", query, variables).await;
    db_until(&app, WAITING_FOR_A_LOCK, 2).await;
    drop((stream, socket));
    // Long before the lock's own deadline, the lock being held all the while.
    db_until(&app, WAITING_FOR_A_LOCK, 0).await;
    let told = log_says(&app, "canceling statement due to lock timeout").await;
    assert!(!told, "they ended by themselves only");
}

/// Whether PostgreSQL's log has such a line about this database.
async fn log_says(app: &TestApp, text: &str) -> bool {
    let log = std::fs::read_to_string(TestDatabase::log_file().await).unwrap();
    let name = format!("\"dbname\":\"{}\"", app.database().name());
    log.lines()
        .any(|line| line.contains(&name) && line.contains(text))
}

#[tokio::test]
async fn a_lock_that_others_hold_is_told_as_unavailable_and_a_retry_works() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let input = json!({"sessionId": session, "content": "hello", "clientKey": "key"});
    let held = db_hold_session(&app, &session).await;
    let error = ada.send(input.clone()).await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    assert_eq!(error["retryAfter"], 1);
    assert!(ada.history(&session).await.is_empty());
    drop(held);
    ada.send(input.clone()).await.data();
    expect_sent_once(&app, &ada, &session, &input).await;
}

#[tokio::test]
async fn a_send_stops_waiting_for_its_reply_when_its_client_has_gone() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let session = crate::replies::support::chat(&ada).await;
    let input = json!({"sessionId": session, "content": "hello", "waitMs": 60_000});
    for over_socket in [false, true] {
        if over_socket {
            let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
            socket.subscribe("1", SEND, json!({ "input": input })).await;
            app.followed_by(&session, Some(1)).await;
        } else {
            let variables = json!({ "input": input });
            let _stream = begin_post(&ada, app.url(), SEND, variables).await;
            app.followed_by(&session, Some(1)).await;
        }
        app.followed_by(&session, Some(0)).await;
    }
    assert_eq!(ada.history(&session).await.len(), 4);
}
