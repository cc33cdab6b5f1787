//! What a socket is refused or closed for at once.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use super::{EVENTS, follow, session};
use crate::{
    helpers::{Log, TestApp},
    raw_socket::{RawSocket, SOON},
};

#[tokio::test]
async fn what_is_no_message_closes_with_4400() {
    let app = TestApp::start().await;
    let long = "x".repeat(500);
    for frame in [
        Message::text("nonsense"),
        Message::text("[]"),
        Message::text(r#"{"type":"start"}"#),
        Message::text(json!({"type": long}).to_string()),
        Message::text(r#"{"type":"subscribe","id":"1","payload":{}}"#),
        Message::text(r#"{"type":"connection_init","payload":7}"#),
        Message::binary(&b"{\"type\":\"ping\"}"[..]),
        Message::text(json!({"type": "ping", "payload": {"x": "x".repeat(64 * 1024)}}).to_string()),
    ] {
        let mut socket = RawSocket::open(app.url()).await;
        socket.send(frame.clone()).await;
        assert_eq!(socket.closing().await.0, 4400, "{frame:.50}");
    }
}

#[tokio::test]
async fn subscribe_before_the_acknowledgement_closes_with_4401() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::open(app.url()).await;
    socket.subscribe("1", "{ __typename }", Value::Null).await;
    assert_eq!(socket.closing().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn a_refused_token_closes_with_4403() {
    let app = TestApp::start().await;
    for payload in [
        json!({"authorization": "Bearer nonsense"}),
        json!({"authorization": 7}),
    ] {
        let mut socket = RawSocket::open(app.url()).await;
        socket
            .say(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(socket.closing().await.0, 4403);
    }
}

#[tokio::test]
async fn a_fault_of_ours_closes_with_1011_and_is_logged_once() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let log = Log::listen();
    // Nothing that anybody foresaw.
    app.database()
        .execute("alter table logins rename to elsewhere")
        .await;
    let mut socket = RawSocket::open(app.url()).await;
    socket.init(Some(ada.token())).await;
    assert_eq!(socket.closing().await, (1011, "Internal error".to_owned()));
    let logged = log.saying("request failed");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("INTERNAL"), "{logged:?}");
}

/// What comes back for a request with these lines in its head, up to the end of the answer's head.
async fn answer_to(app: &TestApp, method: &str, version: &str, lines: &[&str]) -> String {
    let mut peer = TcpStream::connect(app.url().strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let lines = lines.join("\r\n");
    let head = format!("{method} /graphql {version}\r\nhost: x\r\n{lines}\r\n\r\n");
    peer.write_all(head.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.contains("\r\n\r\n") {
        let mut piece = [0; 1024];
        let read = timeout(SOON, peer.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {heard}");
        heard += &String::from_utf8_lossy(&piece[..read]);
    }
    heard.to_ascii_lowercase()
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const THIRTEEN: &str = "Sec-WebSocket-Version: 13";

#[tokio::test]
async fn a_handshake_is_one_however_its_lists_are_written() {
    let app = TestApp::start().await;
    let protocol = "Sec-WebSocket-Protocol: graphql-transport-ws";
    for (connection, upgrade) in [
        ("Connection: Upgrade", "Upgrade: websocket"),
        ("connection: keep-alive, upgrade", "upgrade: WebSocket"),
        (
            "Connection: keep-alive\r\nConnection: Upgrade",
            "Upgrade: websocket",
        ),
        (
            "Connection: Upgrade,keep-alive",
            "Upgrade: other/1, websocket",
        ),
    ] {
        let lines = [connection, upgrade, KEY, THIRTEEN, protocol];
        let answer = answer_to(&app, "GET", "HTTP/1.1", &lines).await;
        assert!(
            answer.starts_with("http/1.1 101 "),
            "{connection}: {answer}"
        );
        // The example of RFC 6455, section 1.3.
        assert!(
            answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("sec-websocket-protocol: graphql-transport-ws\r\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_a_bad_request() {
    let app = TestApp::start().await;
    let (connection, upgrade) = ("Connection: Upgrade", "Upgrade: websocket");
    let short = "Sec-WebSocket-Key: c2hvcnQ=";
    let crooked = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ";
    for lines in [
        [upgrade, THIRTEEN, KEY, ""].as_slice(),
        &["Connection: keep-alive", upgrade, THIRTEEN, KEY],
        &[connection, upgrade, THIRTEEN],
        &[connection, upgrade, THIRTEEN, short],
        &[connection, upgrade, THIRTEEN, crooked],
        &[connection, upgrade, THIRTEEN, KEY, KEY],
    ] {
        let lines: Vec<_> = lines
            .iter()
            .copied()
            .filter(|line| !line.is_empty())
            .collect();
        let answer = answer_to(&app, "GET", "HTTP/1.1", &lines).await;
        assert!(answer.starts_with("http/1.1 400 "), "{lines:?}: {answer}");
    }
    let whole = [connection, upgrade, THIRTEEN, KEY];
    let answer = answer_to(&app, "GET", "HTTP/1.0", &whole).await;
    assert!(answer.starts_with("http/1.0 400 "), "{answer}");
}

#[tokio::test]
async fn another_version_of_websockets_is_told_which_one_is_spoken() {
    let app = TestApp::start().await;
    for version in [
        "Sec-WebSocket-Version: 12",
        "Sec-WebSocket-Version: 8, 13",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8",
        "X-Version: 13",
    ] {
        let lines = ["Connection: Upgrade", "Upgrade: websocket", KEY, version];
        let answer = answer_to(&app, "GET", "HTTP/1.1", &lines).await;
        assert!(answer.starts_with("http/1.1 426 "), "{version}: {answer}");
        assert!(
            answer.contains("\r\nsec-websocket-version: 13\r\n"),
            "{answer}"
        );
        assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn other_sub_protocols_close_with_4406() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::open_with(app.url(), &[]).await.unwrap();
    assert_eq!(socket.closing().await.0, 4406);
}

#[tokio::test]
async fn the_predecessor_is_not_offered() {
    let app = TestApp::start().await;
    let request = Client::new()
        .get(format!("{}/graphql", app.url()))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Protocol", "graphql-ws");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(response.headers().get("sec-websocket-protocol").is_none());
    let mut stream = response.upgrade().await.unwrap();
    let mut frame = Vec::new();
    // Header, length, code: an unmasked Close frame.
    timeout(SOON, async {
        while frame.len() < 4 {
            stream.read_buf(&mut frame).await.unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(frame[0], 0x88);
    assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), 4406);
}

#[tokio::test]
async fn an_id_used_twice_closes_with_4409() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let session = session(&mut socket).await;
    let id = "ä".repeat(200);
    follow(&mut socket, &id, &session).await;
    socket
        .subscribe(&id, EVENTS, json!({"session": session}))
        .await;
    let (code, reason) = socket.closing().await;
    assert_eq!(code, 4409);
    assert!(reason.starts_with("Subscriber for ää"));
}

#[tokio::test]
async fn a_second_init_closes_with_4429() {
    let app = TestApp::start().await;
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    socket.init(None).await;
    assert_eq!(socket.closing().await.0, 4429);

    // Also one that does not wait for the first one to be acknowledged.
    let mut socket = RawSocket::open(app.url()).await;
    socket.init(None).await;
    socket.init(None).await;
    assert_eq!(socket.closing().await.0, 4429);
}

#[tokio::test]
async fn pages_of_other_sites_may_not_connect() {
    let app = TestApp::start().await;
    let own = app.url().to_owned();
    let protocol = ("Sec-WebSocket-Protocol", "graphql-transport-ws");
    assert!(
        RawSocket::open_with(app.url(), &[protocol, ("Origin", &own)])
            .await
            .is_ok()
    );
    let foreign = [protocol, ("Origin", "http://elsewhere.example")];
    match RawSocket::open_with(app.url(), &foreign).await {
        Ok(_) => panic!("it opened"),
        Err(response) => assert_eq!(response.status(), 403),
    }
}
