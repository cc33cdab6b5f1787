//! Turns what came of a request into an HTTP response.

use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::accept::Media;
use crate::http::answer::Refusal;

/// The operation ran. 200, also when fields failed: the answer has `data`.
pub(super) fn executed(media: Media, json: String) -> Response {
    respond(media, StatusCode::OK, json)
}

/// The request is well formed, and the operation did not run.
pub(super) fn refused(media: Media, refusal: &Refusal) -> Response {
    explained(media, status(media, refusal), refusal)
}

/// The request is not well formed.
pub(super) fn malformed(media: Media, status: StatusCode, refusal: &Refusal) -> Response {
    explained(media, status, refusal)
}

/// The status of a request error in a well-formed request.
///
/// Under `application/json` it is 200, the same for all: there the specification keeps other codes for what
/// is no GraphQL response, and clients of that type throw the body away with a code they don't know. Under
/// `application/graphql-response+json` it must be 4xx or 5xx, and says which kind (section "Status Codes");
/// so a token that has expired is 401 there, as any HTTP tool expects.
fn status(media: Media, refusal: &Refusal) -> StatusCode {
    match (media, refusal.code()) {
        (Media::Json, _) => StatusCode::OK,
        (_, "UNAUTHENTICATED") => StatusCode::UNAUTHORIZED,
        (_, "FORBIDDEN") => StatusCode::FORBIDDEN,
        (_, "RATE_LIMITED") => StatusCode::TOO_MANY_REQUESTS,
        (_, "UNAVAILABLE") => StatusCode::SERVICE_UNAVAILABLE,
        (_, "INTERNAL") => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A response without `data`, with the headers that some statuses ask for.
fn explained(media: Media, status: StatusCode, refusal: &Refusal) -> Response {
    let mut response = respond(media, status, refusal.json());
    let headers = response.headers_mut();
    match status {
        // RFC 9110, section 15.5.2, and RFC 6750, section 3.1.
        StatusCode::UNAUTHORIZED => {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        // RFC 9110, section 15.5.6.
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    if let Some(wait) = refusal.retry_after() {
        // Whole seconds, rounded up: a client that comes early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn respond(media: Media, status: StatusCode, json: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        // Answers depend on who asks and on the moment.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, Bytes::from(json)).into_response()
}
