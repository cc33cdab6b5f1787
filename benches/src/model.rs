//! A model server that says numbered words at a steady pace, as OpenAI's stream does: what replies cost, without a model.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

/// Milliseconds of the clock by which words are stamped. All processes of a run read the same one.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Serves until it is ended. Each reply has so many words.
pub async fn serve(listen: SocketAddr, words: u64, pace: Duration) -> Result<()> {
    let router = Router::new()
        .route(
            "/v1/models",
            get(|| async { r#"{"object":"list","data":[{"id":"bench","object":"model"}]}"# }),
        )
        .route(
            "/v1/chat/completions",
            // The request is taken whole, and what it says does not matter.
            post(move |_: Bytes| async move { reply(words, pace) }),
        );
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router)
        .await
        .context("the model server stopped")
}

fn reply(words: u64, pace: Duration) -> Response {
    let began = Instant::now();
    let events = stream::unfold(1_u64, move |n| async move {
        if n > words + 1 {
            return None;
        }
        let event = if n > words {
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
             data: [DONE]\n\n"
                .to_owned()
        } else {
            let steps = u32::try_from(n).unwrap_or(u32::MAX);
            sleep_until(began + pace.saturating_mul(steps)).await;
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{n:04}:{} \"}}}}]}}\n\n",
                now()
            )
        };
        Some((Ok::<_, Infallible>(Bytes::from(event)), n + 1))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    (headers, Body::from_stream(events)).into_response()
}
