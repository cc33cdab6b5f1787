//! `GET /downloads/<token>`: what a link of `exportMyData` or `exportSession` stands for.
//!
//! The body is read from the database as the connection takes it: a peer that reads slowly slows that down, and one
//! that reads nothing is hung up on. One that can't be finished breaks off in the middle of its encoding, and its
//! connection is reset (see `http::steady` for both), so that no client takes it for the whole: nor one that speaks HTTP/1.0,
//! which knows no encoding.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{Shared, graphql_http, request_id};
use crate::{error::AppError, services::downloads};

/// Where they are. What follows is a secret: it stands in no log (see `request_id`).
pub(super) const PREFIX: &str = "/downloads/";

/// The route.
pub(super) const ROUTE: &str = "/downloads/{token}";

pub(super) async fn get(
    State(server): State<Shared>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let opened = downloads::open(&server.app, &token);
    let opened = timeout(server.timings.operation, opened).await;
    let opened = opened.unwrap_or_else(|late| Err(AppError::unavailable(late)));
    let download = match opened {
        Ok(download) => download,
        Err(error) => {
            let status = status(&error);
            let refusal = server.endpoint.refusal(error, request_id::of(&request));
            return graphql_http::malformed(status, &refusal);
        }
    };
    let headers = [
        (header::CONTENT_TYPE, download.content_type().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", download.file_name()),
        ),
        (header::CACHE_CONTROL, "no-store, no-transform".to_owned()),
    ];
    let guards = [
        // Saved, never shown: and if a browser shows it after all, nothing in it runs.
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    let pieces = download.pieces(&server.app);
    let body = Body::from_stream(pieces.map(|piece| {
        piece.inspect_err(|error| {
            let cause = error.cause_chain();
            tracing::info!(code = error.code(), cause, "a download broke off");
        })
    }));
    (headers, guards, body).into_response()
}

fn status(error: &AppError) -> StatusCode {
    match error {
        AppError::NotFound(_) => StatusCode::NOT_FOUND,
        AppError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        AppError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
