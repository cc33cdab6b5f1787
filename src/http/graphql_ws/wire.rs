//! The WebSocket under a connection: messages in and out, deadlines, signs of life, and the end.

use std::{num::NonZeroU32, time::Duration};

use axum::{
    body::Bytes,
    extract::ws::{Message, WebSocket},
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::{
    close::{Close, End},
    protocol::{ClientMessage, ServerMessage},
};
use crate::{
    config::Limits,
    http::{Server, gate::Gate},
};

/// This many pings in a row without a sign of life, and the peer is gone.
const PINGS_UNTIL_GONE: u32 = 2;

/// After a rest, this many seconds' worth of messages may come at once: a client that comes back begins all its
/// subscriptions anew.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

/// One end of a WebSocket.
///
/// Whoever waits in [`send`](Self::send) does nothing else meanwhile, so that a peer that reads slowly
/// slows down what is made for it, and nothing piles up: a message is written through to the kernel (the
/// socket's own write buffer has size 0) before the next is made, and the kernel keeps little
/// (`http::listen` says how much). So no further bound is set on the write buffer: it holds one message.
pub(super) struct Wire {
    socket: WebSocket,
    gate: Gate,
    rate: DefaultDirectRateLimiter,
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
    pub(super) fn new(socket: WebSocket, server: &Server) -> Self {
        let timings = &server.timings;
        let mut ping = interval_at(Instant::now() + timings.ping, timings.ping);
        // After a long write, one ping is due, not all that were missed.
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            gate: *server.endpoint.gate(),
            rate: rate(&server.app.config().limits),
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
                frame = self.socket.recv() => frame,
                _ = self.ping.tick() => return Ok(Incoming::PingIsDue),
            };
            self.unanswered_pings = 0;
            if matches!(frame, Some(Ok(_))) && self.rate.check().is_err() {
                return Err(End::Close(Close::TOO_MANY_MESSAGES));
            }
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message = ClientMessage::parse(&text, &self.gate).map_err(End::Close)?;
                    return Ok(Incoming::Message(message));
                }
                Some(Ok(Message::Binary(_))) => {
                    return Err(End::Close(Close::bad_message("binary frame")));
                }
                // Pongs are signs of life, and pings are answered below us.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) => return Err(End::PeerCloses),
                Some(Err(error)) => return Err(end_of(&error)),
                None => return Err(End::Lost),
            }
        }
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: ServerMessage<'_>) -> Result<(), End> {
        self.write(Message::Text(message.text())).await
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
        let deadline = self.close_deadline;
        match end {
            End::Lost => {}
            // The reply to the peer's Close is queued; it is written by reading on.
            End::PeerCloses => drop(timeout(deadline, self.socket.recv()).await),
            End::Close(close) => {
                let handshake = async {
                    let frame = Message::Close(Some(close.frame()));
                    if self.socket.send(frame).await.is_err() {
                        return;
                    }
                    // Leaving with unread messages would reset the connection, and the peer might never
                    // see the code. So they are read and dropped until the peer has closed too.
                    while let Some(Ok(_)) = self.socket.recv().await {}
                };
                drop(timeout(deadline, handshake).await);
            }
        }
    }
}

/// Frames of any kind count: one that means nothing costs nearly as much to read.
fn rate(limits: &Limits) -> DefaultDirectRateLimiter {
    let a_second = u32::try_from(limits.messages_per_second).unwrap_or(u32::MAX);
    let a_second = NonZeroU32::new(a_second).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(Quota::per_second(a_second).allow_burst(a_second.saturating_mul(AT_ONCE)))
}

/// A failing connection, or a peer that sends what is no WebSocket frame or too large a one.
fn end_of(error: &axum::Error) -> End {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<std::io::Error>() {
            return End::Lost;
        }
        source = error.source();
    }
    End::Close(Close::UNREADABLE)
}
