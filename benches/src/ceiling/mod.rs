//! The ceilings: what the same work costs a program that does nothing else.
//!
//! One small server written by hand on axum, without GraphQL, sessions' feeds, limits or any other promise. It runs as a
//! process of its own, so that its CPU time is its own. Without a database it broadcasts bytes that it is given; with one
//! it checks tokens, stores messages and reads them.

mod durable;
mod newest;
mod pool;
mod reply;
mod rooms;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use pool::Pool;
use rooms::Rooms;

/// What the handlers share.
pub struct Shared {
    rooms: Rooms,
    pool: Option<Pool>,
    model: Option<SocketAddr>,
}

type State = axum::extract::State<Arc<Shared>>;

impl Shared {
    fn pool(&self) -> Result<&Pool, StatusCode> {
        self.pool.as_ref().ok_or(StatusCode::NOT_FOUND)
    }
}

/// Serves until it is ended.
pub async fn serve(
    listen: SocketAddr,
    database: Option<&str>,
    connections: usize,
    model: Option<SocketAddr>,
) -> Result<()> {
    let pool = match database {
        Some(database) => Some(Pool::new(database, connections).await?),
        None => None,
    };
    let shared = Shared {
        rooms: Rooms::default(),
        pool,
        model,
    };
    let router = Router::new()
        .route("/watch/{room}", get(watch::watch))
        .route("/publish/{room}", post(rooms::publish))
        .route("/reply/{room}", post(reply::begin))
        .route("/send/{session}", post(durable::send))
        .route("/newest/{session}", get(newest::newest))
        .with_state(Arc::new(shared));
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        // As Parlor does it: small messages must not wait for company.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router)
        .await
        .context("the ceiling stopped serving")
}

/// The token of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<&str, StatusCode> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)
}

/// A fault of ours or of the database.
fn broken<E: std::fmt::Display>(error: E) -> StatusCode {
    eprintln!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
