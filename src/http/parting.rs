//! When those who are connected must go, and what they may still say.
//!
//! A socket and a streamed response end for the same reasons. The subscriptions on them watch for these too, and
//! say their own last event (`services::watch`); so what carries them leaves them a moment for it.

use std::{future::pending, time::Duration};

use chrono::Utc;
use tokio::time::{Instant, sleep, sleep_until};

use super::Server;
use crate::{domain::Viewer, error::AppError};

/// Why somebody who is connected must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Their access token has expired.
    TokenExpired,
    /// Their login has ended.
    SignedOut,
    /// This process stops.
    Stopping,
}

impl Reason {
    /// Waits for the first reason. For somebody who is not signed in there is only one.
    pub(super) async fn to_go(server: &Server, viewer: &Viewer) -> Self {
        let expired = async {
            match viewer {
                Viewer::Person(person) => {
                    let left = person.expires_at - Utc::now();
                    sleep(left.to_std().unwrap_or_default()).await;
                }
                Viewer::Nobody | Viewer::Refused => pending().await,
            }
        };
        tokio::select! {
            () = server.app.stopping().cancelled() => Self::Stopping,
            () = server.endpoint.signed_out(viewer) => Self::SignedOut,
            () = expired => Self::TokenExpired,
        }
    }

    /// What is told to an operation that would begin now.
    pub(super) fn error(self) -> AppError {
        match self {
            Self::TokenExpired => AppError::Unauthenticated("The access token has expired."),
            Self::SignedOut => AppError::Unauthenticated("This login has ended."),
            Self::Stopping => AppError::unavailable(anyhow::anyhow!("the server is stopping")),
        }
    }
}

/// The last moments of a connection: new operations are refused, those under way may say their last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parting {
    /// Why.
    pub(super) reason: Reason,
    until: Instant,
}

impl Parting {
    /// Begins; it lasts this long at most.
    pub(super) fn new(reason: Reason, time: Duration) -> Self {
        Self {
            reason,
            until: Instant::now() + time,
        }
    }

    /// Waits until the last moment is over; for ever where none has begun.
    pub(super) async fn is_over(parting: Option<Self>) -> Reason {
        match parting {
            Some(parting) => {
                sleep_until(parting.until).await;
                parting.reason
            }
            None => pending().await,
        }
    }
}
