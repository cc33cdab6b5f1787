//! Five hundred peers that are as slow as they can be.
//!
//! A query among them takes 250 ms at most. How busy the machine is decides more than the server does, so where it
//! takes more, it must have taken a fifth of that before they came.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use parlor::http::Timings;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    helpers::{TestApp, TestDatabase, serve_hurriedly},
    raw_socket::SOON,
};

const PEERS: usize = 500;

/// How many queries are asked to say what one takes: the one in the middle.
const QUERIES: usize = 51;

/// What a query may take among the slow.
const MOST: Duration = Duration::from_millis(250);

/// Half a head.
const HEAD: &str = "POST /graphql HTTP/1.1\r\nhost: parl";

/// A head, and one byte of a long body.
const BODY: &str = "POST /graphql HTTP/1.1\r\nhost: parlor\r\ncontent-type: application/json\r\n\
    content-length: 100000\r\n\r\n{";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_slow_bodies_keep_nobody_waiting_and_are_closed() {
    let room = [("PARLOR_MAX_CONNECTIONS_PER_ADDRESS", "2000")];
    let app = TestApp::configured(TestDatabase::migrated().await, &room).await;
    let timings = Timings {
        head: Duration::from_secs(5),
        body_pause: Duration::from_secs(5),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let ada = app.person("ada").await.at_url(&url);
    let address = url.strip_prefix("http://").unwrap();
    let typical = async || {
        let mut took = Vec::new();
        for _ in 0..QUERIES {
            let asked = Instant::now();
            ada.ask("{ me { username } }", json!({})).await.data();
            took.push(asked.elapsed());
        }
        took.sort_unstable();
        took[QUERIES / 2]
    };
    typical().await;
    for begun in [HEAD, BODY] {
        let before = typical().await;
        let mut peers = Vec::new();
        for _ in 0..PEERS {
            let mut peer = TcpStream::connect(address).await.unwrap();
            peer.write_all(begun.as_bytes()).await.unwrap();
            peers.push(peer);
        }
        let among = typical().await;
        // The answers came while the peers were there: the last of them still is.
        let last = peers.last().unwrap().try_read(&mut [0]);
        assert_eq!(last.unwrap_err().kind(), ErrorKind::WouldBlock);
        println!("a query took {before:?}, and {among:?} among {PEERS} slow peers");
        assert!(among < MOST.max(5 * before), "{among:?} after {before:?}");
        for mut peer in peers {
            let mut heard = Vec::new();
            let closed = timeout(2 * SOON, peer.read_to_end(&mut heard)).await;
            // Ended or reset: closed.
            let _ = closed.expect("closed in time");
            let heard = String::from_utf8_lossy(&heard);
            match begun {
                HEAD => assert_eq!(heard, ""),
                _ => assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}"),
            }
        }
    }
}
