//! A connection outside the pool, for what a command does before or without one.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncConnection;
use tokio::time::timeout;

use super::Connection;

/// How long PostgreSQL may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects, or says why that can't be done. Its errors hold no password.
pub(super) async fn connect(url: &str) -> ConnectionResult<Connection> {
    let connected = timeout(PATIENCE, Connection::establish(url)).await;
    connected.unwrap_or_else(|_| {
        let told = format!("no answer within {} seconds", PATIENCE.as_secs());
        Err(ConnectionError::BadConnection(told))
    })
}
