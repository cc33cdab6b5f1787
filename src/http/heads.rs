//! How long a connection may take for its next request.
//!
//! Between two requests a connection may rest. From the first byte of a head on, the rest of it has as long as that of
//! the first request had. hyper's own deadline begins with the rest and cannot tell the two apart.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{sync::watch, time::timeout};

use super::Timings;

/// Where a connection stands. Cheap to clone.
#[derive(Clone)]
pub(super) struct Heads(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A head is on its way. The first is from the beginning.
    Head,
    /// A request is being answered.
    Busy,
    /// Nothing is on its way, but perhaps the end of the last answer.
    Rest,
    /// An answer broke off.
    Broken,
}

impl Heads {
    /// A connection that has just begun.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Phase::Head))
    }

    /// Bytes have come in.
    pub(super) fn heard(&self) {
        self.0.send_if_modified(|phase| {
            let begins = *phase == Phase::Rest;
            if begins {
                *phase = Phase::Head;
            }
            begins
        });
    }

    /// Bytes have gone out: the connection rests from now on, not from when the last of them were made.
    pub(super) fn said(&self) {
        self.0.send_if_modified(|phase| *phase == Phase::Rest);
    }

    /// A head is whole. Its request is being answered until what this gives is dropped.
    pub(super) fn asked(&self) -> Answering {
        self.0.send_replace(Phase::Busy);
        Answering(self.clone())
    }

    /// Whether an answer broke off.
    pub(super) fn are_broken(&self) -> bool {
        *self.0.borrow() == Phase::Broken
    }

    /// Returns when the connection has taken too long.
    pub(super) async fn overdue(&self, timings: &Timings) {
        let mut phase = self.0.subscribe();
        loop {
            let patience = match *phase.borrow_and_update() {
                Phase::Head => timings.head,
                Phase::Rest => timings.idle,
                // A broken one ends by itself.
                Phase::Busy | Phase::Broken => Duration::MAX,
            };
            if timeout(patience, phase.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// A request that is being answered.
pub(super) struct Answering(Heads);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|phase| {
            let ends = *phase == Phase::Busy;
            if ends {
                *phase = Phase::Rest;
            }
            ends
        });
    }
}

/// The body of the answer: with it the answer ends.
pub(super) struct AnswerBody {
    inner: Body,
    answering: Answering,
}

impl AnswerBody {
    pub(super) fn new(inner: Body, answering: Answering) -> Self {
        Self { inner, answering }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Err(_))) = frame {
            self.answering.0.0.send_replace(Phase::Broken);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    fn timings() -> Timings {
        Timings {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            ..Timings::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_wherever_it_stands_and_rest_another() {
        let (heads, timings) = (Heads::new(), timings());
        let mut overdue = Box::pin(heads.overdue(&timings));
        let mut is_overdue = async |after: u64| {
            let waiting = overdue.as_mut().now_or_never().is_some();
            advance(Duration::from_secs(after)).await;
            waiting || overdue.as_mut().now_or_never().is_some()
        };
        assert!(!is_overdue(9).await, "the first head");
        let answering = heads.asked();
        assert!(
            !is_overdue(3_600).await,
            "an answer takes as long as it takes"
        );
        drop(answering);
        assert!(!is_overdue(59).await, "at rest");
        heads.said();
        assert!(!is_overdue(59).await, "at rest since the last bytes left");
        heads.heard();
        assert!(!is_overdue(9).await, "the next head");
        heads.heard();
        assert!(is_overdue(2).await, "it was due, whatever else came");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_leaves_a_broken_connection() {
        for breaks in [false, true] {
            let heads = Heads::new();
            let pieces = [Ok("a"), Err(std::io::Error::other("broken"))];
            let pieces = pieces.into_iter().take(1 + usize::from(breaks));
            let body = Body::from_stream(futures_util::stream::iter(pieces));
            let body = Body::new(AnswerBody::new(body, heads.asked()));
            let whole = axum::body::to_bytes(body, 10).await;
            assert_eq!((whole.is_err(), heads.are_broken()), (breaks, breaks));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_rests_too_long_is_overdue() {
        let heads = Heads::new();
        drop(heads.asked());
        let began = tokio::time::Instant::now();
        heads.overdue(&timings()).await;
        assert_eq!(began.elapsed().as_secs(), 60);
    }
}
