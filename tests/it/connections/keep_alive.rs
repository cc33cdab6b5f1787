//! Connections that are kept open: how long they may rest, and how long the next head may take.

use std::time::Duration;

use parlor::http::Timings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    helpers::{TestApp, TestDatabase, serve_hurriedly},
    raw_socket::SOON,
};

const REQUEST: &str = "GET /health/live HTTP/1.1\r\nhost: parlor\r\n\r\n";
const HALF: &str = "GET /health/live HTTP/1.1\r\nhost: par";

const NEVER: Duration = Duration::from_secs(3_600);
const AT_ONCE: Duration = Duration::from_millis(200);

/// Asks once, and reads the answer.
async fn ask(peer: &mut TcpStream) {
    peer.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with('}') {
        let mut piece = [0; 1024];
        let read = timeout(SOON, peer.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {heard}");
        heard += str::from_utf8(&piece[..read]).unwrap();
    }
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
}

async fn is_closed(peer: &mut TcpStream) {
    let mut rest = Vec::new();
    let closed = timeout(SOON, peer.read_to_end(&mut rest)).await;
    // Ended or reset.
    let _ = closed.expect("closed in time");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn each_head_has_the_time_of_the_first_and_rest_has_its_own() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let serve = async |head, idle| {
        let timings = Timings {
            head,
            idle,
            ..Timings::default()
        };
        let (url, _server) = serve_hurriedly(&app, timings).await;
        let address = url.strip_prefix("http://").unwrap().to_owned();
        TcpStream::connect(address).await.unwrap()
    };
    // It may rest for ever, and a head that has begun may not.
    let mut slow = serve(2 * AT_ONCE, NEVER).await;
    ask(&mut slow).await;
    ask(&mut slow).await;
    let rests = timeout(4 * AT_ONCE, slow.read(&mut [0])).await;
    assert!(rests.is_err(), "it was closed at rest: {rests:?}");
    slow.write_all(HALF.as_bytes()).await.unwrap();
    is_closed(&mut slow).await;
    // And the other way round.
    let mut idle = serve(NEVER, AT_ONCE).await;
    ask(&mut idle).await;
    is_closed(&mut idle).await;
}

#[tokio::test]
async fn a_head_that_comes_slowly_has_no_more_time_when_the_server_stops() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let timings = Timings {
        head: 2 * AT_ONCE,
        stop: NEVER,
        ..Timings::default()
    };
    let (url, server) = serve_hurriedly(&app, timings).await;
    let address = url.strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(HALF.as_bytes()).await.unwrap();
    // The server has heard it when it has answered what came later.
    ask(&mut TcpStream::connect(address).await.unwrap()).await;
    app.app().stopping().cancel();
    timeout(SOON, server).await.expect("it stops").unwrap();
    is_closed(&mut slow).await;
}
