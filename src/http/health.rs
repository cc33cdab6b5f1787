//! What a balancer asks: is the process alive, and should it get traffic.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::Shared;

/// How long the database may take to answer before this process counts as not ready.
const DATABASE_DEADLINE: Duration = Duration::from_secs(2);

/// `GET /health/live`: 200 while the process can answer at all.
pub(super) async fn live() -> Response {
    report(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /health/ready`: 200 when requests can be served, else 503 with what is missing.
///
/// A bus that is away is told and is no reason to send requests elsewhere: everything still works, live feeds two
/// seconds late, and a balancer that took out every server when NATS ends would make an outage of that.
pub(super) async fn ready(State(server): State<Shared>) -> Response {
    if server.app.stopping().is_cancelled() {
        return report(
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"unavailable","because":"stopping"}"#,
        );
    }
    match timeout(DATABASE_DEADLINE, server.app.db().ping()).await {
        Ok(Ok(())) if *server.app.bus().deaf().borrow() => {
            report(StatusCode::OK, r#"{"status":"degraded","because":"bus"}"#)
        }
        Ok(Ok(())) => report(StatusCode::OK, r#"{"status":"ok"}"#),
        Ok(Err(_)) | Err(_) => report(
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"unavailable","because":"database"}"#,
        ),
    }
}

fn report(status: StatusCode, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
