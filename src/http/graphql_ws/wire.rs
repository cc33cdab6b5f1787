//! The WebSocket under a connection: messages in and out, deadlines, signs of life, and the end.

use std::time::Duration;

use axum::body::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{Role, WebSocketConfig},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    close::{Close, End},
    frames::Counted,
    protocol::{ClientMessage, ServerMessage},
};
use crate::http::{Server, gate::Gate};

/// The size of the buffer that each connection reads into. Most connections are idle most of the time, and
/// the usual 128 KiB would be nearly all that they cost. Larger messages make it grow while they are read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// This many pings in a row without a sign of life, and the peer is gone.
const PINGS_UNTIL_GONE: u32 = 2;

/// One end of a WebSocket.
///
/// Whoever waits in [`send`](Self::send) does nothing else meanwhile, so that a peer that reads slowly
/// slows down what is made for it, and nothing piles up: a message is written through to the kernel (the
/// socket's own write buffer has size 0) before the next is made, and the kernel keeps little
/// (`http::listen` says how much). So no further bound is set on the write buffer: it holds one message.
pub(super) struct Wire {
    socket: WebSocketStream<Counted<TokioIo<Upgraded>>>,
    gate: Gate,
    /// Frames of any kind count: one that means nothing costs nearly as much to read.
    too_many: CancellationToken,
    write_deadline: Duration,
    close_deadline: Duration,
    ping: Interval,
    unanswered_pings: u32,
}

/// What [`Wire::receive`] waited for.
pub(super) enum Incoming {
    /// The peer says something.
    Message(ClientMessage),
    /// It is time for [`Wire::ping`].
    PingIsDue,
}

impl Wire {
    pub(super) async fn new(connection: Upgraded, server: &Server) -> Self {
        let timings = &server.timings;
        let limits = &server.app.config().limits;
        let frame_bytes = usize::try_from(limits.frame_bytes).unwrap_or(usize::MAX);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_frame_size(Some(frame_bytes))
            .max_message_size(Some(server.endpoint.gate().body_bytes()));
        let counted = Counted::new(TokioIo::new(connection), limits.messages_per_second);
        let too_many = counted.too_many().clone();
        let socket = WebSocketStream::from_raw_socket(counted, Role::Server, Some(config)).await;
        let mut ping = interval_at(Instant::now() + timings.ping, timings.ping);
        // After a long write, one ping is due, not all that were missed.
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            gate: *server.endpoint.gate(),
            too_many,
            write_deadline: timings.write,
            close_deadline: timings.close,
            ping,
            unanswered_pings: 0,
        }
    }

    /// Waits for something to do. Safe to drop at any point: nothing is written here, and a message that
    /// has only half arrived stays with the socket.
    pub(super) async fn receive(&mut self) -> Result<Incoming, End> {
        loop {
            let frame = tokio::select! {
                // What has arrived counts before the clock does.
                biased;
                () = self.too_many.cancelled() => return Err(End::Close(Close::TOO_MANY_MESSAGES)),
                frame = self.socket.next() => frame,
                _ = self.ping.tick() => return Ok(Incoming::PingIsDue),
            };
            self.unanswered_pings = 0;
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message = ClientMessage::parse(&text, &self.gate).map_err(End::Close)?;
                    return Ok(Incoming::Message(message));
                }
                Some(Ok(Message::Binary(_))) => {
                    return Err(End::Close(Close::bad_message("binary frame")));
                }
                // Pongs are signs of life, and pings are answered below us.
                // Single frames are what messages are put together from; whole ones come out.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) => return Err(End::PeerCloses),
                Some(Err(error)) => return Err(end_of(error)),
                None => return Err(End::Lost),
            }
        }
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: ServerMessage<'_>) -> Result<(), End> {
        self.write(Message::text(message.text())).await
    }

    /// Asks the peer for a sign of life, unless it has owed one for too long.
    pub(super) async fn ping(&mut self) -> Result<(), End> {
        if self.unanswered_pings >= PINGS_UNTIL_GONE {
            return Err(End::Close(Close::SILENT));
        }
        self.unanswered_pings += 1;
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.write_deadline, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Lost),
            Err(_) => Err(End::Close(Close::SLOW_CONSUMER)),
        }
    }

    /// The closing handshake (RFC 6455, section 7.1), as far as the peer takes part in it.
    pub(super) async fn end(mut self, end: End) {
        let deadline = match &end {
            // It has had its time, and hears the code only if it begins to take something now.
            End::Close(close) if *close == Close::SLOW_CONSUMER => self.close_deadline / 3,
            _ => self.close_deadline,
        };
        self.socket.get_mut().uncount();
        match end {
            End::Lost => {}
            // The reply to the peer's Close is queued; it is written by reading on.
            End::PeerCloses => drop(timeout(deadline, self.socket.next()).await),
            End::Close(close) => {
                let handshake = async {
                    let frame = Message::Close(Some(close.frame()));
                    if self.socket.send(frame).await.is_err() {
                        return;
                    }
                    // Leaving with unread messages would reset the connection, and the peer might never
                    // see the code. So they are read and dropped until the peer has closed too.
                    while let Some(Ok(_)) = self.socket.next().await {}
                };
                drop(timeout(deadline, handshake).await);
            }
        }
    }
}

/// A failing connection, or a peer that sends what is no WebSocket frame or too large a one.
fn end_of(error: Error) -> End {
    match error {
        Error::Io(_) => End::Lost,
        _ => End::Close(Close::UNREADABLE),
    }
}
