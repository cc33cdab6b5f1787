//! Operations that would take too long, and a database that is gone.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use parlor::{db::private::PrivatePostgres, http::Timings};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    helpers::{Person, TestApp, TestDatabase, serve_hurriedly},
    private_postgres::support::Home,
    raw_socket::RawSocket,
    raw_stream::request,
};

const EVENTS: &str = "subscription ($session: ID!) {
    sessionEvents(sessionId: $session) { __typename }
}";

/// Keeps everybody else from a table until it is dropped.
async fn hold(database: &TestDatabase, table: &str) -> AsyncPgConnection {
    let mut connection = database.connect().await;
    let lock = format!("begin; lock table {table} in access exclusive mode");
    connection.batch_execute(&lock).await.unwrap();
    connection
}

fn hurried() -> Timings {
    Timings {
        operation: Duration::from_millis(300),
        ..Timings::default()
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_unavailable_and_a_write_runs_to_its_end() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (url, _server) = serve_hurriedly(&app, hurried()).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    let hasty = ada.at_url(&url);

    let held = hold(app.database(), "messages").await;
    let query = "query ($id: ID!) { history(sessionId: $id) { nodes { id } } }";
    let error = hasty.ask(query, json!({"id": session})).await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    assert!(error["retryAfter"].is_number());
    let input = json!({"sessionId": session, "content": "slowly"});
    let error = hasty.send(input).await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    drop(held);
    let event = watch.expect("MessageAdded").await;
    assert_eq!(event["message"]["content"], "slowly");
}

#[tokio::test]
async fn a_subscription_must_begin_in_time_and_then_takes_its_time() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (url, _server) = serve_hurriedly(&app, hurried()).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
    let variables = json!({"session": session});
    socket.subscribe("begun", EVENTS, variables.clone()).await;
    assert_eq!(socket.hear().await["type"], "next");

    let held = hold(app.database(), "members").await;
    socket.subscribe("late", EVENTS, variables).await;
    // Long after the deadline of the one that has begun.
    let told = socket.hear().await;
    assert_eq!(
        (&told["id"], &told["type"]),
        (&json!("late"), &json!("error"))
    );
    assert_eq!(told["payload"][0]["extensions"]["code"], "UNAVAILABLE");
    drop(held);
    ada.say(Some(&session), "hello").await;
    let told = socket.hear().await;
    assert_eq!(
        (&told["id"], &told["type"]),
        (&json!("begun"), &json!("next"))
    );
}

#[tokio::test]
async fn waiting_for_a_reply_is_not_taking_too_long() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    // Long enough to send in, on a busy machine, and shorter than what is waited for.
    let timings = Timings {
        operation: Duration::from_secs(2),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let ada = app.person("ada").await.at_url(&url);
    let input = json!({"content": "hello", "waitMs": 3_000});
    let sent = ada.send(input).await.data();
    assert_eq!(sent["sendMessage"]["reply"]["status"], "PENDING");
}

#[tokio::test]
async fn without_its_database_the_server_says_so_on_every_transport_and_lives() {
    let home = Home::new();
    let postgres = home.start().await;
    let app = TestApp::without_chatbots(TestDatabase::alone_on(&postgres).await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut open = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let mut as_nobody = RawSocket::acknowledged(app.url(), None).await;
    PrivatePostgres::stop(postgres).await;

    everywhere(&app, &ada, &session, &mut open).await;
    // What needs no database is answered.
    as_nobody
        .subscribe("1", "{ serverInfo { name } }", Value::Null)
        .await;
    assert_eq!(as_nobody.hear().await["type"], "next");
}

/// What is promised.
async fn within_five_seconds<T>(answer: impl Future<Output = T>) -> T {
    let answer = timeout(Duration::from_secs(5), answer).await;
    answer.expect("an answer in time")
}

async fn everywhere(app: &TestApp, ada: &Person, session: &str, open: &mut RawSocket) {
    let asked = ada.ask("{ me { id } }", json!({}));
    let over_http = within_five_seconds(asked).await.error();
    assert_eq!(over_http["code"], "UNAVAILABLE");

    let variables = json!({"session": session});
    open.subscribe("1", EVENTS, variables.clone()).await;
    let told = within_five_seconds(open.hear()).await;
    let errors = match told["type"].as_str() {
        Some("error") => &told["payload"],
        _ => &told["payload"]["errors"],
    };
    assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE", "{told}");

    // Who the peer is can't be looked up: not 4403, on which clients throw their token away.
    let mut new = RawSocket::open(app.url()).await;
    new.init(Some(ada.token())).await;
    assert_eq!(within_five_seconds(new.closing()).await.0, 1013);

    for accept in ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
        let request = request(
            app.url(),
            accept,
            Some(ada.token()),
            EVENTS,
            variables.clone(),
        );
        let told = async { request.send().await.unwrap().text().await.unwrap() };
        let told = within_five_seconds(told).await;
        assert!(told.contains("\"code\":\"UNAVAILABLE\""), "{told}");
    }
}
