//! So many connections, sockets, streams and waits, and no more.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{EVENTS, is_refused, until_admitted, watching};
use crate::{
    helpers::{TestApp, TestDatabase},
    raw_socket::{RawSocket, SOON},
};

async fn limited(variables: &[(&str, &str)]) -> TestApp {
    TestApp::configured(TestDatabase::migrated().await, variables).await
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_streams_together() {
    let app = limited(&[("PARLOR_MAX_SOCKETS_PER_ADDRESS", "2")]).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let socket = RawSocket::acknowledged(app.url(), None).await;
    let _stream = until_admitted(app.url(), EVENTS, &ada, &session).await;

    let protocol = ("Sec-WebSocket-Protocol", "graphql-transport-ws");
    let Err(response) = RawSocket::open_with(app.url(), &[protocol]).await else {
        panic!("it opened");
    };
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
    let one_more = watching(app.url(), EVENTS, &ada, &session);
    assert!(is_refused(&mut one_more.send().await.unwrap()).await);
    // What answers once is no stream.
    ada.ask("{ me { id } }", json!({})).await.data();

    socket.close().await;
    until_admitted(app.url(), EVENTS, &ada, &session).await;
}

#[tokio::test]
async fn a_person_has_so_many_sockets_and_streams_together() {
    let app = limited(&[("PARLOR_MAX_SOCKETS_PER_PERSON", "2")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let _socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let _stream = until_admitted(app.url(), EVENTS, &ada, &session).await;

    let mut one_more = RawSocket::open(app.url()).await;
    one_more.init(Some(ada.token())).await;
    assert_eq!(one_more.closing().await.0, 1013);
    let one_more = watching(app.url(), EVENTS, &ada, &session);
    assert!(is_refused(&mut one_more.send().await.unwrap()).await);
    RawSocket::acknowledged(app.url(), Some(bob.token())).await;
}

/// Expects that one more connection is told 503 and closed.
async fn expect_turned_away(address: &str) {
    let mut one_more = TcpStream::connect(address).await.unwrap();
    let mut heard = String::new();
    timeout(SOON, one_more.read_to_string(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert!(heard.starts_with("HTTP/1.1 503 "), "{heard}");
}

#[tokio::test]
async fn all_addresses_together_have_so_many_connections() {
    // As a proxy's, none of these count towards their address.
    let variables = [
        ("PARLOR_MAX_CONNECTIONS", "10"),
        ("PARLOR_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let app = limited(&variables).await;
    let address = app.url().strip_prefix("http://").unwrap();
    let mut all = Vec::new();
    for _ in 0..10 {
        let mut one = TcpStream::connect(address).await.unwrap();
        let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
        one.write_all(request).await.unwrap();
        let mut heard = [0; 12];
        one.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"HTTP/1.1 200");
        all.push(one);
    }
    expect_turned_away(address).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let app = limited(&[("PARLOR_MAX_CONNECTIONS_PER_ADDRESS", "2")]).await;
    let address = app.url().strip_prefix("http://").unwrap();
    let one = TcpStream::connect(address).await.unwrap();
    // A socket is one too, after it has been upgraded.
    let _two = RawSocket::acknowledged(app.url(), None).await;
    expect_turned_away(address).await;

    drop(one);
    let query =
        "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answered = async {
        loop {
            let mut again = TcpStream::connect(address).await.unwrap();
            // Turned away, it may be closed before this is written.
            let _ = again.write_all(query.as_bytes()).await;
            let mut heard = String::new();
            let _ = again.read_to_string(&mut heard).await;
            if heard.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    };
    timeout(SOON, answered).await.expect("there is room again");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_one_that_it_tells() {
    let limit = ("PARLOR_MAX_SOCKETS_PER_ADDRESS", "1");
    let protocol = ("Sec-WebSocket-Protocol", "graphql-transport-ws");
    for (proxies, expected) in [("127.0.0.0/8", true), ("192.0.2.0/24", false)] {
        let proxies = [limit, ("PARLOR_TRUSTED_PROXIES", proxies)];
        let app = limited(&proxies).await;
        let open = async |from: &'static str| {
            let headers = [protocol, ("X-Forwarded-For", from)];
            RawSocket::open_with(app.url(), &headers).await
        };
        let one = open("198.51.100.1").await;
        assert!(one.is_ok());
        assert!(open("198.51.100.1").await.is_err());
        assert_eq!(open("198.51.100.2").await.is_ok(), expected);
    }
}

#[tokio::test]
async fn a_person_holds_back_so_many_answers_at_once() {
    let app = limited(&[("PARLOR_MAX_WAITS_PER_PERSON", "1")]).await;
    let ada = app.person("ada").await;
    let start = "mutation { startSession(input: {}) { id } }";
    let started = ada.ask(start, json!({})).await.data();
    let session = started["startSession"]["id"].as_str().unwrap().to_owned();
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    let input =
        |text: &str, wait: u32| json!({"sessionId": session, "content": text, "waitMs": wait});
    let waiting = {
        let (ada, input) = (ada.clone(), input("first", 60_000));
        tokio::spawn(async move { ada.send(input).await })
    };
    // It waits: nobody replies here.
    watch.expect("MessageAdded").await;

    let refused = ada.send(input("second", 1)).await.error();
    assert_eq!(refused["code"], "RATE_LIMITED");
    ada.send(input("third", 0)).await.data();
    let said: Vec<_> = ada.history(&session).await;
    let said: Vec<_> = said.iter().map(|message| &message["content"]).collect();
    assert!(!said.contains(&&json!("second")), "{said:?}");
    assert!(said.contains(&&json!("third")), "{said:?}");
    waiting.abort();
}
