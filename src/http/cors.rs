//! Which web pages of other origins may call the API and read its answers (the Fetch standard's CORS protocol).
//! Those of the server's own need no leave.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::request_id;

/// What clients send beside the usual: Apollo's name their operation and themselves. Without leave for each, a
/// browser would not let the request out. Nothing here reads them.
const OF_CLIENTS: [&str; 6] = [
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "x-apollo-operation-id",
    "x-apollo-operation-name",
    "x-apollo-operation-type",
];

/// Lets pages of these origins in.
pub(super) fn layer(allowed: &[String]) -> CorsLayer {
    let origins = allowed
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    let headers = [header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE];
    let of_clients = OF_CLIENTS.into_iter().map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::list(headers.into_iter().chain(of_clients)))
        .expose_headers([header::RETRY_AFTER, request_id::HEADER])
        .max_age(Duration::from_secs(3600))
}
