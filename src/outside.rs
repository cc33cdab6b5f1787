//! Calls to servers that are not Parlor's: the manners that all of them share.
//!
//! What is sent goes to the host that the operator named or nowhere, and no more is read of an answer than it
//! can rightly have. Deadlines are the callers'.

use std::time::Duration;

use reqwest::{Client, Response, redirect};

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A client that follows no redirect, uses no proxy and unpacks nothing.
///
/// # Errors
///
/// This machine has no certificates to trust.
pub fn client(connect: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The whole body of an answer; nothing if it breaks off or has more than `most` bytes.
pub async fn read_body(mut response: Response, most: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > most {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}
