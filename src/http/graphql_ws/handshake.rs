//! The opening of a socket (RFC 6455, section 4.2), and which sub-protocol is spoken on it.

use async_graphql_axum::GraphQLProtocol;
use axum::{
    RequestExt as _,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{
            CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
            SEC_WEBSOCKET_VERSION, UPGRADE,
        },
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

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

/// The version of the protocol that is spoken, which is the only one there is.
pub(super) const VERSION: &str = "13";

/// Why a request for a socket can't be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It asks for another version than [`VERSION`].
    Version,
    /// It lacks something, or has it in another form than it must.
    Form,
}

/// Reads a request for a socket, and answers it.
pub(super) async fn accept(request: &mut Request) -> Result<(Handshake, Response), Wrong> {
    let accepted = [
        (CONNECTION, "Upgrade".to_owned()),
        (UPGRADE, "websocket".to_owned()),
        (SEC_WEBSOCKET_ACCEPT, accepted_key(request)?),
    ];
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, accepted).into_response();
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
    Ok((
        Handshake {
            connection,
            refused,
        },
        response,
    ))
}

/// Checks a request as section 4.2.1 has it; what answers its key.
fn accepted_key(request: &Request) -> Result<String, Wrong> {
    let headers = request.headers();
    let is_upgrade = request.method() == Method::GET
        && request.version() >= Version::HTTP_11
        && lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &UPGRADE, "websocket");
    if !is_upgrade {
        return Err(Wrong::Form);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        return Err(Wrong::Version);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).ok_or(Wrong::Form)?;
    match BASE64_STANDARD.decode(key) {
        Ok(bytes) if bytes.len() == 16 => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(Wrong::Form),
    }
}

/// The value of a header that must be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a header that is a list, over however many lines, has this in it, in small or large letters.
pub(super) fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    entries(headers, name).any(|entry| entry.eq_ignore_ascii_case(wanted))
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    entries(headers, &SEC_WEBSOCKET_PROTOCOL).any(|entry| entry == protocol)
}

fn entries<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter();
    let lines = lines.filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
