//! Reads a GraphQL request from an HTTP body or from an address.

use axum::{
    body::Body,
    extract::{Query, Request},
    http::{HeaderMap, StatusCode, Uri, header},
};
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::accept::is_utf8;
use crate::{
    error::{AppError, AppResult},
    http::{
        Timings,
        gate::Gate,
        parameters::{self, Parameters},
    },
};

/// A request that is not a well-formed GraphQL request over HTTP. It has the same status whatever media
/// type the answer has.
pub(super) struct Malformed {
    pub(super) status: StatusCode,
    pub(super) error: AppError,
}

impl From<AppError> for Malformed {
    fn from(error: AppError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
        }
    }
}

/// The parameters in a body of JSON.
pub(super) async fn from_body(
    request: Request,
    timings: &Timings,
    gate: &Gate,
) -> Result<Parameters, Malformed> {
    require_json(request.headers())?;
    let body = match timeout(timings.body, collect(request.into_body(), timings, gate)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return Err(unread_body(status, gate)),
        Err(_) => return Err(unread_body(StatusCode::REQUEST_TIMEOUT, gate)),
    };
    gate.check_json(&body)?;
    let wrong = |message| AppError::bad_input("body", message);
    match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) => Ok(parameters::read(object)?),
        // Batching is no part of the specification, and a way around limits that count requests.
        Ok(Value::Array(_)) => Err(wrong("Send one operation in one request: no array.").into()),
        Ok(_) => Err(wrong("The body must be a JSON object.").into()),
        Err(_) => Err(wrong("The body is not JSON.").into()),
    }
}

/// The whole body, or the status that says why not. Pieces must keep coming.
async fn collect(body: Body, timings: &Timings, gate: &Gate) -> Result<Vec<u8>, StatusCode> {
    let mut pieces = body.into_data_stream();
    let mut body = Vec::new();
    loop {
        match timeout(timings.body_pause, pieces.next()).await {
            Ok(Some(Ok(piece))) if body.len() + piece.len() <= gate.body_bytes() => {
                body.extend_from_slice(&piece);
            }
            Ok(Some(Ok(_))) => return Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Some(Err(_))) => return Err(StatusCode::BAD_REQUEST),
            Ok(None) => return Ok(body),
            Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

/// Only `application/json` in UTF-8 and as it is.
///
/// This also keeps other sites' pages out: a browser sends this type across origins only after it has asked
/// (a CORS preflight), while the types of HTML forms and of `text/plain` need no asking.
fn require_json(headers: &HeaderMap) -> Result<(), Malformed> {
    let unsupported = |message| Malformed {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        error: AppError::bad_input("content-type", message),
    };
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let in_utf8 = parts
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| is_utf8(charset));
    if !is_json || !in_utf8 {
        return Err(unsupported("The body must be application/json in UTF-8."));
    }
    let as_it_is = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding == "identity");
    if !as_it_is {
        return Err(unsupported("The body must not be compressed."));
    }
    Ok(())
}

fn unread_body(status: StatusCode, gate: &Gate) -> Malformed {
    let unread = |message| AppError::bad_input("body", message);
    let error = match status {
        StatusCode::PAYLOAD_TOO_LARGE => gate.too_long(),
        StatusCode::REQUEST_TIMEOUT => unread("The body took too long to arrive."),
        _ => unread("The body could not be read."),
    };
    Malformed { status, error }
}

/// The parameters in the query part of an address. `variables` and `extensions` are JSON in there.
pub(super) fn from_address(uri: &Uri, gate: &Gate) -> AppResult<Parameters> {
    let unreadable = || AppError::bad_input("query", "The address can't be read.");
    let Query(pairs) =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| unreadable())?;
    let mut object = Map::new();
    for (name, text) in pairs {
        let value = match name.as_str() {
            "operationName" if text.is_empty() => Value::Null,
            "variables" => json_in(&text, "variables", gate)?,
            "extensions" => json_in(&text, "extensions", gate)?,
            _ => Value::String(text),
        };
        if object.insert(name, value).is_some() {
            return Err(AppError::bad_input(
                "query",
                "A parameter may stand in the address only once.",
            ));
        }
    }
    parameters::read(object)
}

fn json_in(text: &str, name: &'static str, gate: &Gate) -> AppResult<Value> {
    gate.check_json(text.as_bytes())?;
    serde_json::from_str(text)
        .map_err(|_| AppError::bad_input(name, format!("`{name}` must be JSON.")))
}
