//! How long a socket lives: deadlines, signs of life, and how it ends.

use std::time::Duration;

use parlor::http::Timings;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{event, follow, session};
use crate::{
    helpers::{TestApp, serve_hurriedly},
    raw_socket::{RawSocket, SOON},
};

#[tokio::test]
async fn no_init_in_time_closes_with_4408() {
    let app = TestApp::start().await;
    let timings = Timings {
        init: Duration::from_millis(100),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let mut socket = RawSocket::open(&url).await;
    let reason = "Connection initialisation timeout".to_owned();
    assert_eq!(socket.closing().await, (4408, reason));
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_closed_with_4410() {
    let app = TestApp::start().await;
    let timings = Timings {
        write: Duration::from_millis(100),
        close: SOON,
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let mut socket = RawSocket::acknowledged(&url, None).await;
    let ping = json!({"type": "ping", "payload": {"x": "x".repeat(60_000)}});
    socket.flood(Message::text(ping.to_string())).await;
    let (code, reason) = socket.closing().await;
    assert_eq!(code, 4410, "{reason}");
}

#[tokio::test]
async fn a_peer_that_answers_no_pings_is_closed_with_4410() {
    let app = TestApp::start().await;
    let timings = Timings {
        ping: Duration::from_millis(50),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let socket = RawSocket::acknowledged(&url, None).await;
    let mut heard = Vec::new();
    let mut stream = socket.into_stream();
    timeout(SOON, stream.read_to_end(&mut heard))
        .await
        .expect("closed in time")
        .unwrap();
    // Two empty pings, then a Close frame.
    assert_eq!(heard[..5], [0x89, 0, 0x89, 0, 0x88]);
    assert_eq!(u16::from_be_bytes([heard[6], heard[7]]), 4410);
}

#[tokio::test]
async fn a_peer_that_answers_pings_stays() {
    let app = TestApp::start().await;
    let timings = Timings {
        ping: Duration::from_millis(50),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let mut socket = RawSocket::acknowledged(&url, None).await;
    // Reading answers them.
    for _ in 0..6 {
        socket.pinged().await;
    }
    socket.say(json!({"type": "ping"})).await;
    socket.expect(json!({"type": "pong"})).await;
}

#[tokio::test]
async fn a_token_that_expires_ends_the_feeds_and_then_closes_with_4403() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let token = ada.token_valid_for(Duration::from_secs(2));
    let mut socket = RawSocket::acknowledged(app.url(), Some(&token)).await;
    let session = session(&mut socket).await;
    follow(&mut socket, "live", &session).await;
    loop {
        let message = socket.hear().await;
        if event(&message)["__typename"] == "FeedEnded" {
            assert_eq!(event(&message)["reason"], "TOKEN_EXPIRED");
            break;
        }
    }
    socket
        .expect(json!({"type": "complete", "id": "live"}))
        .await;
    assert_eq!(socket.closing().await.0, 4403);
}

#[tokio::test]
async fn a_server_that_stops_lets_feeds_end_closes_with_1012_and_returns() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let (url, server) = serve_hurriedly(&app, Timings::default()).await;
    let mut idle = RawSocket::acknowledged(&url, None).await;
    let mut unknown = RawSocket::open(&url).await;
    let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
    let session = session(&mut socket).await;
    follow(&mut socket, "live", &session).await;

    app.app().stopping().cancel();
    loop {
        let message = socket.hear().await;
        if event(&message)["__typename"] == "FeedEnded" {
            assert_eq!(event(&message)["reason"], "SERVER_STOPPING");
            break;
        }
    }
    socket
        .expect(json!({"type": "complete", "id": "live"}))
        .await;
    for socket in [&mut socket, &mut idle, &mut unknown] {
        assert_eq!(socket.closing().await.0, 1012);
        // The end of the closing handshake.
        assert!(socket.frame().await.is_none());
    }
    timeout(SOON, server).await.expect("it returns").unwrap();
}

#[tokio::test]
async fn the_client_may_close_at_any_time_and_is_answered() {
    let app = TestApp::start().await;
    RawSocket::open(app.url()).await.close().await;
    RawSocket::acknowledged(app.url(), None).await.close().await;
}
