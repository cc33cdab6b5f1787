//! Many clients at once, and how they are opened and awaited.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How many clients open a connection at a time: more would stand in the line before the server, not in it.
const OPENING: usize = 64;

/// How long nothing may come before what is missing counts as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Runs `open` for each, some at a time; all results, or the first error.
pub async fn all<T, F: Future<Output = Result<T>>>(
    each: impl IntoIterator<Item = u32>,
    open: impl Fn(u32) -> F,
) -> Result<Vec<T>> {
    stream::iter(each.into_iter().map(open))
        .buffer_unordered(OPENING)
        .try_collect()
        .await
}

/// How much has come so far.
#[derive(Default)]
pub struct Progress {
    come: AtomicU64,
    moved: Notify,
}

impl Progress {
    /// One more.
    pub fn add(&self) {
        self.come.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    /// How many.
    pub fn come(&self) -> u64 {
        self.come.load(Ordering::Relaxed)
    }

    /// Waits until so many have come, or nothing has for long. Whether they have.
    pub async fn wait_for(&self, many: u64) -> bool {
        let mut moved_at = (self.come(), Instant::now());
        loop {
            // Listening first, so that what comes between the look and the wait is heard.
            let moved = self.moved.notified();
            let come = self.come();
            if come >= many {
                return true;
            }
            if come > moved_at.0 {
                moved_at = (come, Instant::now());
            } else if moved_at.1.elapsed() > SILENCE {
                return false;
            }
            let _ = timeout(SILENCE, moved).await;
        }
    }
}
