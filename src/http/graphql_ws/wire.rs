//! The WebSocket under a connection: messages in and out, deadlines, signs of life, and the end.

use std::{pin::pin, task::Poll, time::Duration};

use axum::body::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, poll};
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
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    close::{Close, End},
    frames::Counted,
    protocol::{ClientMessage, ServerMessage},
};
use crate::{
    http::{Server, endpoint::Endpoint},
    seldom::Seldom,
};

/// The size of the buffer that each connection reads into. Most connections are idle most of the time, and
/// the usual 128 KiB would be nearly all that they cost. Larger messages make it grow while they are read. It is
/// also what is cleared for each look whether something has come, which every event takes.
const READ_BUFFER_BYTES: usize = 512;

/// So many bytes of messages that are ready at once are written together. With what the kernel keeps, and one message
/// more, this is all that is held for a peer.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// This many pings in a row without a sign of life, and the peer is gone.
const PINGS_UNTIL_GONE: u32 = 2;

type Socket = WebSocketStream<Counted<TokioIo<Upgraded>>>;

/// One end of a WebSocket.
///
/// Whoever waits in [`send`](Self::send) or [`flush`](Self::flush) does nothing else meanwhile, so that a peer that
/// reads slowly slows down what is made for it, and nothing piles up: what is ready is written through to the
/// kernel before anything else is made, and the kernel keeps little (`http::listen` says how much). So no
/// further bound is set on the write buffer: whoever [feeds](Self::feed) it stops when it [has no
/// room](Self::has_room), so that it holds [a little](WRITE_BUFFER_BYTES) and one message.
pub(super) struct Wire {
    socket: Socket,
    endpoint: Endpoint,
    /// Frames of any kind count: one that means nothing costs nearly as much to read.
    too_many: Seldom<WaitForCancellationFutureOwned>,
    write_deadline: Duration,
    /// Bytes of messages that were fed since the last flush.
    fed: usize,
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

/// Whether the peer took it at once, or the task has rested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    AtOnce,
    Later,
}

impl Wire {
    pub(super) async fn new(connection: Upgraded, server: &Server) -> Self {
        let timings = &server.timings;
        let limits = &server.app.config().limits;
        let frame_bytes = usize::try_from(limits.frame_bytes).unwrap_or(usize::MAX);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_frame_size(Some(frame_bytes))
            .max_message_size(Some(server.endpoint.gate().body_bytes()));
        let counted = Counted::new(TokioIo::new(connection), limits.messages_per_second);
        let too_many = Seldom::new(counted.too_many().clone().cancelled_owned());
        let socket = WebSocketStream::from_raw_socket(counted, Role::Server, Some(config)).await;
        let mut ping = interval_at(Instant::now() + timings.ping, timings.ping);
        // After a long write, one ping is due, not all that were missed.
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            endpoint: server.endpoint.clone(),
            too_many,
            write_deadline: timings.write,
            fed: 0,
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
                () = &mut self.too_many => return Err(End::Close(Close::TOO_MANY_MESSAGES)),
                frame = self.socket.next() => frame,
                _ = self.ping.tick() => return Ok(Incoming::PingIsDue),
            };
            self.unanswered_pings = 0;
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message = ClientMessage::parse(&text, self.endpoint.gate());
                    let message = message.map_err(End::Close)?;
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
        self.feed(message).await?;
        self.flush().await.map(drop)
    }

    /// Sends a message together with what follows, by the next [`flush`](Self::flush) at the latest.
    pub(super) async fn feed(&mut self, message: ServerMessage<'_>) -> Result<(), End> {
        let text = message.text();
        self.fed += text.len();
        self.write(async |socket| socket.feed(Message::Text(text)).await)
            .await
            .map(drop)
    }

    /// Whether more may be fed before a flush.
    pub(super) fn has_room(&self) -> bool {
        self.fed < WRITE_BUFFER_BYTES
    }

    /// Writes what was fed.
    pub(super) async fn flush(&mut self) -> Result<Written, End> {
        self.fed = 0;
        self.write(async |socket| socket.flush().await).await
    }

    /// Asks the peer for a sign of life, unless it has owed one for too long.
    pub(super) async fn ping(&mut self) -> Result<(), End> {
        if self.unanswered_pings >= PINGS_UNTIL_GONE {
            return Err(End::Close(Close::SILENT));
        }
        self.unanswered_pings += 1;
        self.write(async |socket| socket.send(Message::Ping(Bytes::new())).await)
            .await
            .map(drop)
    }

    async fn write(
        &mut self,
        how: impl AsyncFnOnce(&mut Socket) -> Result<(), Error>,
    ) -> Result<Written, End> {
        let mut writing = pin!(how(&mut self.socket));
        // Nearly always the kernel takes it at once: then there is no deadline to keep.
        if let Poll::Ready(written) = poll!(&mut writing) {
            return written.map(|()| Written::AtOnce).map_err(|_| End::Lost);
        }
        match timeout(self.write_deadline, writing).await {
            Ok(Ok(())) => Ok(Written::Later),
            Ok(Err(_)) => Err(End::Lost),
            Err(_) => Err(End::Close(Close::SLOW_CONSUMER)),
        }
    }

    /// The closing handshake (RFC 6455, section 7.1), as far as the peer takes part in it.
    pub(super) async fn end(mut self: Box<Self>, end: End) {
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
