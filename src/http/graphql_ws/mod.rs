//! graphql-transport-ws: many operations on one WebSocket
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! A connection is one task that owns its operations. It reads [`Wire`], first until the peer
//! has said who it is ([`init`]), then for as long as it lives ([`connection`]).

mod close;
mod connection;
mod frames;
mod handshake;
mod init;
mod operations;
mod protocol;
mod wire;

use axum::{
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tracing::{Instrument as _, Span};

use super::{
    Server, Shared, client_address, graphql_http, guests::Line, identity, origin, request_id,
};
use crate::{
    api::RequestId,
    app::Place,
    domain::ClientAddress,
    error::{AppError, AppResult},
};
use close::End;
use handshake::Wrong;
use wire::Wire;

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(request: &Request) -> bool {
    handshake::lists(request.headers(), &header::UPGRADE, "websocket")
}

/// Opens a socket.
pub(super) async fn upgrade(server: Shared, mut request: Request) -> Response {
    let id = request_id::of(&request);
    if !origin::may_connect(request.headers(), &server.app.config().allowed_origins) {
        return not_opened(&server, StatusCode::FORBIDDEN, origin::FOREIGN, id);
    }
    let address = client_address::of(&request);
    let place = match server.guests.at_address(address) {
        Ok(place) => place,
        Err(error) => return not_opened(&server, StatusCode::TOO_MANY_REQUESTS, error, id),
    };
    let token = identity::in_headers(request.headers()).map(|token| token.map(str::to_owned));
    // In a box, as all that is over soon: it must not take room in the task for as long as the socket is open.
    let opening = Box::new(Opening {
        id,
        address,
        place,
        token,
    });
    let line = request.extensions().get::<Line>().cloned();
    let (handshake, response) = match handshake::accept(&mut request).await {
        Ok(accepted) => accepted,
        Err(Wrong::Form) => {
            let told = "This is no WebSocket handshake (RFC 6455, section 4.2.1).";
            let error = AppError::bad_input("upgrade", told);
            return not_opened(&server, StatusCode::BAD_REQUEST, error, id);
        }
        Err(Wrong::Version) => return other_version(&server, id),
    };
    let served = server.clone();
    let connection = async move {
        let connection = match handshake.connection.await {
            Ok(connection) => connection,
            Err(error) => return tracing::debug!(%error, "a socket was not opened"),
        };
        // The socket's own deadline says why it closes.
        if let Some(line) = &line {
            line.deadline.lift();
        }
        let wire = Box::pin(Wire::new(connection, &served)).await;
        let wire = Box::new(wire);
        match handshake.refused {
            Some(close) => Box::pin(wire.end(End::Close(close))).await,
            None => serve(wire, &served, opening).await,
        }
        drop(line);
    };
    // The connection's task is not a child of this one.
    server.sockets.spawn(connection.instrument(Span::current()));
    response
}

/// What the request that opened a socket told.
struct Opening {
    id: RequestId,
    address: ClientAddress,
    /// The socket's among those of its address.
    place: Place<ClientAddress>,
    /// The token of its header, which browsers can't send.
    token: AppResult<Option<String>>,
}

fn not_opened(server: &Server, status: StatusCode, error: AppError, id: RequestId) -> Response {
    graphql_http::malformed(status, &server.endpoint.refusal(error, id))
}

/// Says which version would do (RFC 6455, section 4.2.2; RFC 9110, section 15.5.22).
fn other_version(server: &Server, id: RequestId) -> Response {
    let told = "A WebSocket of version 13 is spoken here (RFC 6455).";
    let error = AppError::bad_input("Sec-WebSocket-Version", told);
    let refusal = not_opened(server, StatusCode::UPGRADE_REQUIRED, error, id);
    let would_do = [
        (header::SEC_WEBSOCKET_VERSION, handshake::VERSION),
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "upgrade"),
    ];
    (would_do, refusal).into_response()
}

async fn serve(mut wire: Box<Wire>, server: &Server, opening: Box<Opening>) {
    let end = match Box::pin(init::greet(&mut wire, server, *opening)).await {
        Ok((caller, _seat)) => connection::converse(&mut wire, server, &caller).await,
        Err(end) => end,
    };
    tracing::debug!(?end, "socket ends");
    Box::pin(wire.end(end)).await;
}

/// Whether a text is a message that a client may send.
#[cfg(feature = "fuzzing")]
pub(super) fn is_message(text: &str, gate: &super::gate::Gate) -> bool {
    protocol::ClientMessage::parse(text, gate).is_ok()
}
