//! The beginning of a connection: `connection_init`, and who that makes the peer.

use std::future::pending;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::{
    Opening,
    close::{Close, End},
    protocol::{ClientMessage, ServerMessage},
    wire::{Incoming, Wire},
};
use crate::{
    api::RequestId,
    domain::Viewer,
    error::{AppError, AppResult},
    http::{Server, endpoint::Caller, guests::Seat, identity},
};

/// Waits for `connection_init`, finds out who it is and acknowledges.
///
/// The socket is listened to while the peer's identity is looked up, as the protocol wants it: a `subscribe`
/// that does not wait for the acknowledgement is 4401, a second `connection_init` is 4429.
pub(super) async fn greet(
    wire: &mut Wire,
    server: &Server,
    opening: Opening,
) -> Result<(Caller, Seat), End> {
    let Opening {
        id: request_id,
        address,
        place,
        token,
    } = opening;
    let deadline = Instant::now() + server.timings.init;
    let stopping = server.app.stopping();
    // `None` once it is used: that is how a second `connection_init` is told from the first.
    let mut header = Some(token);
    let mut identified: BoxFuture<'_, AppResult<Viewer>> = pending().boxed();
    loop {
        let incoming = tokio::select! {
            viewer = &mut identified => {
                let viewer = viewer.map_err(|error| End::Close(refused(server, error, request_id)))?;
                let seat = server.guests.seat(place, &viewer);
                let seat = seat.map_err(|_| End::Close(Close::TOO_MANY_SOCKETS))?;
                wire.send(ServerMessage::ConnectionAck).await?;
                let caller = Caller {
                    viewer,
                    address,
                    request_id,
                };
                return Ok((caller, seat));
            }
            incoming = wire.receive() => incoming?,
            () = sleep_until(deadline) => return Err(End::Close(Close::NO_INIT)),
            () = stopping.cancelled() => return Err(End::Close(Close::RESTART)),
        };
        match incoming {
            Incoming::PingIsDue => wire.ping().await?,
            Incoming::Message(ClientMessage::Ping(payload)) => {
                wire.send(ServerMessage::Pong(payload)).await?;
            }
            Incoming::Message(ClientMessage::Pong | ClientMessage::Complete { .. }) => {}
            Incoming::Message(ClientMessage::Subscribe { .. }) => {
                return Err(End::Close(Close::NOT_YET_ACKNOWLEDGED));
            }
            Incoming::Message(ClientMessage::ConnectionInit(payload)) => {
                let header = header.take().ok_or(End::Close(Close::SECOND_INIT))?;
                identified = identify(server, payload.unwrap_or_default(), header).boxed();
            }
        }
    }
}

/// The payload's token, or else that of the request which opened the socket.
async fn identify(
    server: &Server,
    payload: Map<String, Value>,
    header: AppResult<Option<String>>,
) -> AppResult<Viewer> {
    let token = match identity::in_payload(&payload)? {
        Some(token) => Some(token.to_owned()),
        None => header?,
    };
    server.endpoint.identify(token.as_deref()).await
}

/// 4403 tells that the token is no good. What is our own trouble must not: clients throw their token away
/// on 4403.
fn refused(server: &Server, error: AppError, request_id: RequestId) -> Close {
    let close = match &error {
        AppError::Unavailable { .. } | AppError::RateLimited { .. } => Close::TRY_AGAIN,
        AppError::Internal(_) => Close::INTERNAL,
        refusal => return Close::forbidden(refusal.to_string()),
    };
    // There is no answer to put it in, but making one is what writes the cause to the log.
    drop(server.endpoint.refusal(error, request_id));
    close
}
