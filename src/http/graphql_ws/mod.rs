//! graphql-transport-ws: many operations on one WebSocket
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! A connection is one task that owns its operations. It reads [`Wire`], first until the peer
//! has said who it is ([`init`]), then for as long as it lives ([`connection`]).

mod close;
mod connection;
mod init;
mod operations;
mod protocol;
mod wire;

use async_graphql_axum::GraphQLProtocol;
use axum::{
    RequestExt as _,
    extract::{Request, WebSocketUpgrade},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
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
use close::{Close, End};
use wire::Wire;

/// The sub-protocol we speak. Its predecessor, `graphql-ws`, is not offered: it has no close codes to tell
/// one refusal from another and no pings, and its library is no longer maintained.
const SUB_PROTOCOL: &str = "graphql-transport-ws";

/// The size of the buffer that each connection reads into. Most connections are idle most of the time, and
/// the usual 128 KiB would be nearly all that they cost. Larger messages make it grow while they are read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(request: &Request) -> bool {
    request
        .headers()
        .get_all(header::UPGRADE)
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
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
    let opening = Opening {
        id,
        address,
        place,
        token,
    };
    let asked = request.extract_parts::<GraphQLProtocol>().await;
    let frame_bytes = server.app.config().limits.frame_bytes;
    let frame_bytes = usize::try_from(frame_bytes).unwrap_or(usize::MAX);
    let line = request.extensions().get::<Line>().cloned();
    let upgrade = match request.extract::<WebSocketUpgrade, _>().await {
        Ok(upgrade) => upgrade
            .protocols([SUB_PROTOCOL])
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_frame_size(frame_bytes)
            .max_message_size(server.endpoint.gate().body_bytes()),
        Err(rejection) => return rejection.into_response(),
    };
    // A WebSocket close code can only be told on an open socket, so one whose sub-protocol is not
    // acceptable is opened nevertheless. Browsers, which get no sub-protocol back, give up by themselves.
    let refused = match (upgrade.selected_protocol().is_some(), asked) {
        (true, _) => None,
        (false, Ok(_)) => Some(Close::LEGACY_SUB_PROTOCOL),
        (false, Err(_)) => Some(Close::NO_SUB_PROTOCOL),
    };
    let open = server.sockets.token();
    // Taken here: the connection's task is not a child of this one.
    let span = Span::current();
    upgrade.on_upgrade(move |socket| {
        let connection = async move {
            // The socket's own deadline says why it closes.
            if let Some(line) = &line {
                line.deadline.lift();
            }
            let wire = Wire::new(socket, &server);
            match refused {
                Some(close) => wire.end(End::Close(close)).await,
                None => serve(wire, &server, opening).await,
            }
            drop((open, line));
        };
        connection.instrument(span)
    })
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

async fn serve(mut wire: Wire, server: &Server, opening: Opening) {
    let end = match init::greet(&mut wire, server, opening).await {
        Ok((caller, _seat)) => connection::converse(&mut wire, server, &caller).await,
        Err(end) => end,
    };
    tracing::debug!(?end, "socket ends");
    wire.end(end).await;
}

/// Whether a text is a message that a client may send.
#[cfg(feature = "fuzzing")]
pub(super) fn is_message(text: &str, gate: &super::gate::Gate) -> bool {
    protocol::ClientMessage::parse(text, gate).is_ok()
}
