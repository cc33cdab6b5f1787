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

use super::{Server, Shared, client_address, identity, origin, request_id};
use crate::{api::RequestId, domain::ClientAddress, error::AppResult};
use close::{Close, End};
use wire::Wire;

/// The sub-protocol we speak. Its predecessor, `graphql-ws`, is not offered: it has no close codes to tell
/// one refusal from another and no pings, and its library is no longer maintained.
const SUB_PROTOCOL: &str = "graphql-transport-ws";

/// A frame, and a message of several frames, has at most this many bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

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
        let body = server.endpoint.refusal(origin::FOREIGN, id).json();
        let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        return (StatusCode::FORBIDDEN, headers, body.to_string()).into_response();
    }
    let token = identity::in_headers(request.headers()).map(|token| token.map(str::to_owned));
    let opening = Opening {
        id,
        address: client_address::of(&request),
        token,
    };
    let asked = request.extract_parts::<GraphQLProtocol>().await;
    let upgrade = match request.extract::<WebSocketUpgrade, _>().await {
        Ok(upgrade) => upgrade
            .protocols([SUB_PROTOCOL])
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_frame_size(MAX_MESSAGE_BYTES)
            .max_message_size(MAX_MESSAGE_BYTES),
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
            let wire = Wire::new(socket, &server.timings, server.endpoint.gate());
            match refused {
                Some(close) => wire.end(End::Close(close)).await,
                None => serve(wire, &server, opening).await,
            }
            drop(open);
        };
        connection.instrument(span)
    })
}

/// What the request that opened a socket told.
struct Opening {
    id: RequestId,
    address: ClientAddress,
    /// The token of its header, which browsers can't send.
    token: AppResult<Option<String>>,
}

async fn serve(mut wire: Wire, server: &Server, opening: Opening) {
    let end = match init::greet(&mut wire, server, opening).await {
        Ok(caller) => connection::converse(&mut wire, server, &caller).await,
        Err(end) => end,
    };
    tracing::debug!(?end, "socket ends");
    wire.end(end).await;
}
