//! Each request, and each socket, has an id: in its answer, in every line of the log, in `INTERNAL` errors.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;
use uuid::Uuid;

use super::downloads;
use crate::api::RequestId;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id of our own. One that came with it is not believed: ids that callers choose can
/// collide, or carry what the log should not hold.
pub(super) async fn assign(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        path = told(request.uri().path()),
    );
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The path, for the log. That of a download lets whoever reads it have the download.
fn told(path: &str) -> &str {
    match path.starts_with(downloads::PREFIX) {
        true => downloads::PREFIX,
        false => path,
    }
}

/// The id that [`assign`] gave.
pub(super) fn of(request: &Request) -> RequestId {
    request
        .extensions()
        .get::<RequestId>()
        .copied()
        .unwrap_or_else(|| RequestId(Uuid::now_v7()))
}
