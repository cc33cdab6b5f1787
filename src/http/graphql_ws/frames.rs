//! Counts frames as they come in, before anything is made of them.
//!
//! A message in many pieces is one message, however many they are, and pieces may be empty. So frames are counted
//! where they still are bytes: two bytes and a little more tell how long each is (RFC 6455, section 5.2).

use std::{
    io,
    num::NonZeroU32,
    pin::Pin,
    task::{Context, Poll},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// After a rest, this many seconds' worth of frames may come at once: a client that comes back begins all its
/// subscriptions anew.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

/// The bytes of one socket, from the first frame on.
pub(super) struct Counted<S> {
    inner: S,
    reader: Reader,
    rate: DefaultDirectRateLimiter,
    too_many: CancellationToken,
    /// Nobody counts any more: what comes is read only to be dropped.
    uncounted: bool,
}

impl<S> Counted<S> {
    /// Lets so many frames a second through. With one too many it fires [`too_many`](Self::too_many), and gives
    /// nothing more until [`uncount`](Self::uncount).
    pub(super) fn new(inner: S, a_second: u64) -> Self {
        let a_second = u32::try_from(a_second).unwrap_or(u32::MAX);
        let a_second = NonZeroU32::new(a_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(a_second);
        Self {
            inner,
            reader: Reader::default(),
            rate: RateLimiter::direct(quota.allow_burst(a_second.saturating_mul(AT_ONCE))),
            too_many: CancellationToken::new(),
            uncounted: false,
        }
    }

    /// Fires when there was one too many.
    pub(super) fn too_many(&self) -> &CancellationToken {
        &self.too_many
    }

    /// Lets everything through from now on.
    pub(super) fn uncount(&mut self) {
        self.uncounted = true;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.uncounted {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        if self.too_many.is_cancelled() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let frames = self.reader.read(&buffer.filled()[before..]);
        if (0..frames).any(|_| self.rate.check().is_err()) {
            self.too_many.cancel();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Where in the frames the next byte stands.
#[derive(Default)]
struct Reader {
    /// What there is of a frame's head.
    head: Vec<u8>,
    /// What is left of a frame's payload.
    payload: u64,
}

impl Reader {
    /// Reads on; how many heads came to their end.
    fn read(&mut self, mut bytes: &[u8]) -> usize {
        let mut frames = 0;
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let here = usize::try_from(self.payload).unwrap_or(usize::MAX);
                let here = here.min(bytes.len());
                self.payload -= here as u64;
                bytes = &bytes[here..];
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some(payload) = payload_behind(&self.head) {
                frames += 1;
                self.payload = payload;
                self.head.clear();
            }
        }
        frames
    }
}

/// How long the payload is behind a whole head.
fn payload_behind(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else {
        return None;
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, extended) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        short => (short.into(), 0),
    };
    (rest.len() == extended + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };

    use super::*;

    fn bytes(lengths: &[usize]) -> Vec<u8> {
        let mut all = Vec::new();
        for length in lengths {
            let kind = OpCode::Data(Data::Continue);
            let mut frame = Frame::message(vec![0xff; *length], kind, false);
            frame.header_mut().mask = Some([1, 2, 3, 4]);
            frame.format(&mut all).unwrap();
        }
        all
    }

    proptest! {
        #[test]
        fn every_frame_is_counted_however_its_bytes_come(
            lengths in prop::collection::vec(prop_oneof![Just(0_usize), 0..200_usize, 60_000..70_000_usize], 0..20),
            step in 1..9_000_usize,
        ) {
            let all = bytes(&lengths);
            let mut reader = Reader::default();
            let frames: usize = all.chunks(step).map(|piece| reader.read(piece)).sum();
            prop_assert_eq!(frames, lengths.len());
            prop_assert!(reader.head.is_empty() && reader.payload == 0);
        }

        #[test]
        fn any_bytes_are_read(all in prop::collection::vec(any::<u8>(), 0..300)) {
            Reader::default().read(&all);
        }
    }
}
