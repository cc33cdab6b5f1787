//! Tells a PostgreSQL that answers nobody, frozen or out of reach without a word, from one that is slow.
//!
//! A statement may take its time, and PostgreSQL ends it when it takes too long. One that has stopped ends nothing:
//! whoever waits for it would wait for ever, and hold a connection. So while a connection is held for long, PostgreSQL
//! is asked whether it is there, over a new one. Any answer will do, a refusal too. Without one, every connection that
//! is held is cut.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::connect::connect;

/// How long a connection is held before it is looked into.
const LONG: Duration = Duration::from_secs(2);

/// How long PostgreSQL may take to say that it is there. With `LONG` and `LOOK` less than the 5 seconds that a
/// request waits at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked for connections that are held for long.
const LOOK: Duration = Duration::from_millis(250);

/// The connections that are held, and since when. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Pulse {
    held: Arc<Mutex<HashMap<u64, Held>>>,
    next: Arc<AtomicU64>,
}

struct Held {
    since: Instant,
    cut: CancellationToken,
}

/// Ends the noting of a connection when dropped.
pub(super) struct Noted {
    pulse: Pulse,
    number: u64,
}

impl Pulse {
    /// Notes that a connection is held from now on.
    pub(super) fn note(&self, cut: CancellationToken) -> Noted {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        self.held().insert(number, Held { since, cut });
        Noted {
            pulse: self.clone(),
            number,
        }
    }

    /// Watches over the connections for as long as this runs.
    pub(super) async fn watch(self, url: String) {
        loop {
            sleep(LOOK).await;
            let oldest = self.held_since();
            if oldest.is_none_or(|since| since.elapsed() < LONG) {
                continue;
            }
            let asked_at = Instant::now();
            if timeout(PATIENCE, connect(&url)).await.is_ok() {
                sleep(LONG).await;
                continue;
            }
            let cut = self.cut_all_before(asked_at);
            warn!(
                connections = cut,
                "PostgreSQL does not answer: connections are cut"
            );
        }
    }

    /// Since when the connection is held that is held the longest.
    fn held_since(&self) -> Option<Instant> {
        self.held().values().map(|held| held.since).min()
    }

    /// Cuts the connections that are held since before that; says how many.
    fn cut_all_before(&self, time: Instant) -> usize {
        let mut cut = 0;
        for held in self.held().values().filter(|held| held.since <= time) {
            held.cut.cancel();
            cut += 1;
        }
        cut
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.pulse.held().remove(&self.number);
    }
}
