//! Peers that go away or stop reading: what they had is given back.

use std::time::Duration;

use parlor::{domain::Rev, http::Timings};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};

use super::{EVENTS, until_admitted};
use crate::{
    helpers::{TestApp, TestDatabase, serve_hurriedly, session_id as id},
    raw_socket::SOON,
};

#[tokio::test]
async fn a_stream_whose_client_goes_away_is_dropped() {
    let one = [("PARLOR_MAX_SOCKETS_PER_PERSON", "1")];
    let app = TestApp::configured(TestDatabase::migrated().await, &one).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for accept in [EVENTS, "multipart/mixed;subscriptionSpec=1.0"] {
        // The seat is part of the stream, as the subscription is: the next one gets it when both are dropped.
        let stream = until_admitted(app.url(), accept, &ada, &session).await;
        drop(stream);
        drop(until_admitted(app.url(), accept, &ada, &session).await);
    }
}

#[tokio::test]
async fn a_stream_whose_client_reads_nothing_is_hung_up_on() {
    let one = [("PARLOR_MAX_SOCKETS_PER_PERSON", "1")];
    let app = TestApp::configured(TestDatabase::migrated().await, &one).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    // Twenty messages, each of them shown twenty times: more than any buffer on the way takes.
    let long = "\"".repeat(30_000);
    for _ in 0..20 {
        ada.say(Some(&session), &long).await;
    }
    let names: Vec<String> = (0..20).map(|n| format!("c{n}: content")).collect();
    let query = format!(
        "subscription ($session: ID!, $after: String!) {{
            sessionEvents(sessionId: $session, after: $after) {{
                ... on MessageAdded {{ message {{ {} }} }}
            }}
        }}",
        names.join(" ")
    );
    let after = app
        .app()
        .seal_cursor(app.app().epoch(), id(&session), Rev(0));
    let body = json!({"query": query, "variables": {"session": session, "after": after}});
    let body = body.to_string();

    let timings = Timings {
        write: Duration::from_millis(200),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: {EVENTS}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        ada.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut first = [0; 1024];
    let read = timeout(SOON, stream.read(&mut first))
        .await
        .unwrap()
        .unwrap();
    assert!(first[..read].starts_with(b"HTTP/1.1 200 "));

    // Reads nothing any more, and loses its seat.
    drop(until_admitted(&url, EVENTS, &ada, &session).await);
    let mut rest = Vec::new();
    // Ended or reset, but not complete.
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it came to its end");
}
