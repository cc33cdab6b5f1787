//! A connection whose peer must go on taking what is written to it.
//!
//! hyper writes when the peer takes, and waits for ever when it does not; what is held for the peer meanwhile,
//! an answer or a subscription, would be held for ever too. Here a write that gets nowhere ends the connection.
//! And one whose answer broke off is cut, not closed.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::heads::Heads;

/// The connection `inner`, with a deadline for each write to get anywhere.
pub(super) struct Steady<S: Cut> {
    inner: S,
    deadline: Duration,
    lifted: Lifted,
    /// Told of all that comes and goes.
    heads: Heads,
    /// Runs while a write gets nowhere.
    stuck: Option<Pin<Box<Sleep>>>,
}

/// Takes the deadline away. A WebSocket has one of its own, and says why it closes.
#[derive(Clone, Default)]
pub(super) struct Lifted(Arc<AtomicBool>);

impl Lifted {
    pub(super) fn lift(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What can be ended so that the other side knows that something is missing.
pub(super) trait Cut {
    /// Does so as soon as it is dropped.
    fn cut(&self);
}

impl Cut for TcpStream {
    fn cut(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "could not set SO_LINGER");
        }
    }
}

/// Where HTTP says how long an answer is, or that a piece is its last, one that breaks off shows by itself. To HTTP/1.0
/// the end of the connection is the end of the answer: it must not look as if all was said.
impl<S: Cut> Drop for Steady<S> {
    fn drop(&mut self) {
        if self.heads.are_broken() {
            self.inner.cut();
        }
    }
}

impl<S: Cut> Steady<S> {
    pub(super) fn new(inner: S, deadline: Duration, lifted: Lifted, heads: Heads) -> Self {
        Self {
            inner,
            deadline,
            lifted,
            heads,
            stuck: None,
        }
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || self.lifted.0.load(Ordering::Relaxed) {
            self.stuck = None;
            return written;
        }
        let deadline = self.deadline;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(deadline)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// A write that may take something off.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.heads.said();
        }
        self.judge(cx, written)
    }
}

impl<S: Cut + AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heads.heard();
        }
        read
    }
}

impl<S: Cut + AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;
    use crate::http::Timings;

    impl Cut for DuplexStream {
        fn cut(&self) {}
    }

    fn patient(near: DuplexStream, deadline: Duration) -> Steady<DuplexStream> {
        Steady::new(near, deadline, Lifted::default(), Heads::new())
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_not_waited_for() {
        let (near, _far) = duplex(8);
        let mut steady = patient(near, Duration::from_millis(10));
        let error = steady.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_that_takes_something_is_and_then_the_deadline_begins_anew() {
        let (near, mut far) = duplex(8);
        let mut steady = patient(near, Duration::from_secs(3600));
        assert!(steady.write_all(&[0; 9]).now_or_never().is_none());
        assert!(steady.stuck.is_some());
        far.read_exact(&mut [0; 8]).await.unwrap();
        steady.write_all(&[0; 8]).await.unwrap();
        assert!(steady.stuck.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn only_bytes_that_leave_prolong_a_rest() {
        let timings = Timings {
            idle: Duration::from_secs(60),
            ..Timings::default()
        };
        for (writes, rests_on) in [(true, true), (false, false)] {
            let (near, _far) = duplex(8);
            let heads = Heads::new();
            let mut steady = Steady::new(near, timings.write, Lifted::default(), heads.clone());
            drop(heads.asked());
            let mut overdue = Box::pin(heads.overdue(&timings));
            assert!(overdue.as_mut().now_or_never().is_none());
            advance(Duration::from_secs(59)).await;
            if writes {
                steady.write_all(b"a").await.unwrap();
            }
            steady.flush().await.unwrap();
            assert!(overdue.as_mut().now_or_never().is_none());
            advance(Duration::from_secs(2)).await;
            assert_eq!(overdue.as_mut().now_or_never().is_none(), rests_on);
        }
    }

    #[tokio::test]
    async fn a_lifted_deadline_is_none() {
        let (near, _far) = duplex(8);
        let lifted = Lifted::default();
        let mut steady = Steady::new(near, Duration::ZERO, lifted.clone(), Heads::new());
        lifted.lift();
        assert!(steady.write_all(&[0; 9]).now_or_never().is_none());
        assert!(steady.stuck.is_none());
    }
}
