//! Bounds how many calls to the model server are under way, and how many replies wait for theirs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::trouble::Trouble;

/// How many calls are under way at a time.
pub(in crate::bots) const CALLS: usize = 128;

/// How many replies wait for a call of theirs. With those under way they must stay fewer than the replies that
/// a runner takes on, or chatbots of other engines would wait for this server too.
pub(in crate::bots) const WAITING: usize = 256;

/// How many conversations are read at a time. Everybody shares the database's connections, and when many replies
/// begin at once their memories must not take them all.
const READING: usize = 2;

/// The queue before a server.
pub(super) struct Queue {
    calls: Arc<Semaphore>,
    reading: Semaphore,
    waiting: Semaphore,
    patience: Duration,
}

impl Queue {
    /// One in which nobody waits longer than this.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(CALLS)),
            reading: Semaphore::new(READING),
            waiting: Semaphore::new(WAITING),
            patience,
        }
    }

    /// Waits for the right to read one conversation. Nobody keeps it for longer than the database's own deadlines.
    pub(super) async fn reading(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes the semaphore.
        self.reading.acquire().await.ok()
    }

    /// Waits for the right to one call, which ends when it is dropped.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        if let Ok(turn) = self.calls.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Trouble::Crowded)?;
        let turn = timeout(self.patience, self.calls.clone().acquire_owned()).await;
        // Nobody closes the semaphore.
        turn.ok().and_then(Result::ok).ok_or(Trouble::Crowded)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    async fn filled(patience: Duration) -> (Queue, Vec<OwnedSemaphorePermit>) {
        let queue = Queue::new(patience);
        let mut calls = Vec::new();
        for _ in 0..CALLS {
            calls.push(queue.turn().await.unwrap());
        }
        (queue, calls)
    }

    #[tokio::test]
    async fn calls_and_those_who_wait_are_bounded() {
        let (queue, mut calls) = filled(Duration::from_secs(60)).await;
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(queue.turn())).collect();
        for turn in &mut waiting {
            assert!(turn.now_or_never().is_none());
        }
        assert_eq!(queue.turn().await.unwrap_err(), Trouble::Crowded);
        calls.pop();
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_is_bearable() {
        let (queue, _calls) = filled(Duration::from_millis(1)).await;
        assert_eq!(queue.turn().await.unwrap_err(), Trouble::Crowded);
    }
}
