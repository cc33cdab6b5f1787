//! How long an operation may take.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When an operation must have answered. Every execution carries one as data. Cheap to clone; all clones are the
/// same deadline.
#[derive(Clone, Debug)]
pub struct Deadline(Arc<Mutex<Option<Instant>>>);

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(Arc::new(Mutex::new(Some(Instant::now() + time))))
    }

    /// Puts it off: the client has asked to wait so much longer.
    pub(super) fn extend(&self, time: Duration) {
        self.change(|at| at.map(|at| at + time));
    }

    /// Takes it away: what is waited for from now on comes when it comes.
    pub(super) fn lift(&self) {
        self.change(|_| None);
    }

    /// Waits until it has passed, as it stands then.
    pub async fn passed(&self) {
        loop {
            match self.change(|at| at) {
                Some(at) if at <= Instant::now() => return,
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        }
    }

    fn change(&self, with: impl FnOnce(Option<Instant>) -> Option<Instant>) -> Option<Instant> {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at = with(*at);
        *at
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn it_passes_unless_it_is_put_off_or_lifted() {
        Deadline::after(Duration::ZERO).passed().await;
        let later = Deadline::after(Duration::ZERO);
        later.clone().extend(Duration::from_secs(3600));
        assert!(later.passed().now_or_never().is_none());
        let never = Deadline::after(Duration::ZERO);
        never.clone().lift();
        assert!(never.passed().now_or_never().is_none());
    }
}
