//! The opening of a socket (RFC 6455, section 4.2), and which sub-protocol is spoken on it.

use async_graphql_axum::GraphQLProtocol;
use axum::{
    RequestExt as _,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::close::Close;

/// The sub-protocol we speak. Its predecessor, `graphql-ws`, is not offered: it has no close codes to tell
/// one refusal from another and no pings, and its library is no longer maintained.
const SUB_PROTOCOL: &str = "graphql-transport-ws";

/// A socket that will be open once its response has been sent.
pub(super) struct Handshake {
    pub(super) connection: OnUpgrade,
    /// Why it is closed at once: a WebSocket close code can only be told on an open socket, so one whose
    /// sub-protocol is not acceptable is opened nevertheless. Browsers, which get no sub-protocol back, give up by
    /// themselves.
    pub(super) refused: Option<Close>,
}

/// Reads a request for a socket, and answers it. `None`: it is none.
pub(super) async fn accept(request: &mut Request) -> Option<(Handshake, Response)> {
    let mut response = create_response_with_body(request, Body::empty).ok()?;
    // It knows the predecessor too.
    let asked = request.extract_parts::<GraphQLProtocol>().await;
    let refused = match (offers(request.headers(), SUB_PROTOCOL), asked) {
        (true, _) => {
            let chosen = HeaderValue::from_static(SUB_PROTOCOL);
            response
                .headers_mut()
                .insert(SEC_WEBSOCKET_PROTOCOL, chosen);
            None
        }
        (false, Ok(_)) => Some(Close::LEGACY_SUB_PROTOCOL),
        (false, Err(_)) => Some(Close::NO_SUB_PROTOCOL),
    };
    let connection = hyper::upgrade::on(request);
    Some((
        Handshake {
            connection,
            refused,
        },
        response,
    ))
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut names = offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    names.any(|name| name.trim() == protocol)
}
