//! How much a socket may say, and how fast.

use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::{
    helpers::{TestApp, TestDatabase},
    raw_socket::RawSocket,
};

#[tokio::test]
async fn a_socket_that_says_too_much_a_second_is_closed() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_MAX_MESSAGES_PER_SECOND", "1")]).await;
    let mut socket = RawSocket::open(app.url()).await;
    // Four at once after a rest; a busy machine may take seconds for these, and gets one more for each.
    socket.flood_of(1_000, json!({"type": "pong"})).await;
    assert_eq!(socket.closing().await.0, 1008);
}

#[tokio::test]
async fn the_pieces_of_a_message_count_and_empty_ones_too() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_MAX_MESSAGES_PER_SECOND", "1")]).await;
    let mut socket = RawSocket::open(app.url()).await;
    let piece = |bytes: &'static [u8], kind| {
        Message::Frame(Frame::message(bytes, OpCode::Data(kind), false))
    };
    socket.send(piece(b"{", Data::Text)).await;
    socket.flood_with(1_000, piece(b"", Data::Continue)).await;
    assert_eq!(socket.closing().await.0, 1008);
}

#[tokio::test]
async fn a_message_of_several_frames_may_be_longer_than_one_frame() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_MAX_BODY_BYTES", "131072")]).await;
    let ping = |length: usize| json!({"type": "ping", "payload": {"x": "x".repeat(length)}});
    for (length, passes) in [(100_000, true), (200_000, false)] {
        let mut socket = RawSocket::open(app.url()).await;
        let text = ping(length).to_string().into_bytes();
        let count = text.chunks(50_000).len();
        for (index, piece) in text.chunks(50_000).enumerate() {
            let kind = match index {
                0 => Data::Text,
                _ => Data::Continue,
            };
            let is_last = index + 1 == count;
            let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), is_last);
            socket.send(Message::Frame(frame)).await;
        }
        if passes {
            assert_eq!(socket.hear().await["type"], "pong");
        } else {
            assert_eq!(socket.closing().await.0, 4400);
        }
    }
}
