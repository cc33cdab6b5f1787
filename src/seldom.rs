//! Waiting for what hardly ever comes, beside what comes all the time.
//!
//! Whoever waits for several things looks at each whenever one of them stirs. Here what has not stirred is not looked
//! at, so that a reason to end costs nothing while there is none.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A future that is polled when it asked for that, and not otherwise.
pub struct Seldom<F> {
    inner: Pin<Box<F>>,
    outer: Arc<AtomicWaker>,
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
}

/// Tells whether something has stirred since it was looked at, and wakes who waits for that.
pub struct Bell {
    rung: AtomicBool,
    /// Who waits; several bells may wake the same.
    outer: Arc<AtomicWaker>,
}

impl Bell {
    /// One that has rung: what hangs on it is to be looked at once, so that it can ask for more.
    pub fn new(outer: Arc<AtomicWaker>) -> Arc<Self> {
        Arc::new(Self {
            rung: AtomicBool::new(true),
            outer,
        })
    }

    /// Whether it has rung since this was asked last.
    pub fn take(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    /// Has it looked at again, without waking anybody.
    pub fn keep(&self) {
        self.rung.store(true, Ordering::Release);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.keep();
        self.outer.wake();
    }
}

impl<F: Future> Seldom<F> {
    /// Waits for `future`.
    pub fn new(future: F) -> Self {
        let outer = Arc::new(AtomicWaker::new());
        let bell = Bell::new(outer.clone());
        Self {
            outer,
            inner: Box::pin(future),
            waker: bell.clone().into(),
            bell,
        }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Before looking, so that a ring between the two wakes whoever waits here now.
        self.outer.register(cx.waker());
        if !self.bell.take() {
            return Poll::Pending;
        }
        let Self { inner, waker, .. } = &mut *self;
        inner.as_mut().poll(&mut Context::from_waker(waker))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{FutureExt as _, future};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_has_not_stirred_is_not_looked_at() {
        let (send, mut receive) = oneshot::channel::<()>();
        let mut polls = 0;
        let mut waiting = Seldom::new(future::poll_fn(|cx| {
            polls += 1;
            receive.poll_unpin(cx)
        }));
        for _ in 0..100 {
            assert!((&mut waiting).now_or_never().is_none());
        }
        send.send(()).unwrap();
        assert!((&mut waiting).now_or_never().is_some());
        drop(waiting);
        assert_eq!(polls, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_whoever_waits_for_it_last() {
        let mut waiting = Seldom::new(tokio::time::sleep(Duration::from_secs(1)));
        // Somebody else looked first.
        assert!((&mut waiting).now_or_never().is_none());
        let late = Duration::from_secs(10);
        tokio::time::timeout(late, waiting).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_there_at_once_is_given_at_once() {
        assert_eq!(Seldom::new(async { 7 }).await, 7);
    }
}
