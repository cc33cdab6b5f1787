//! The lines of an answer as they come, each within its time, and not more of them than an answer can have.

use std::time::Duration;

use async_stream::try_stream;
use futures_util::{Stream, StreamExt};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

use super::trouble::Trouble;

/// The longest event. A token's is some hundred bytes; a whole reply in one is still far shorter.
const LONGEST_EVENT: usize = 256 * 1024;

/// How much an answer may have in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Until when the first byte must be there.
    pub(super) first_byte_by: Instant,
    /// How long the next may take.
    pub(super) between_bytes: Duration,
    /// How many bytes there may be.
    pub(super) bytes: usize,
}

/// Cuts a body into lines, their ends included. A last line without an end gets one, and an empty one after it,
/// so that an event counts that was sent without what should follow it.
///
/// Byte order marks at the beginning are dropped: the parser of events would panic on one.
///
/// A line at a time, so that whatever reads them never reads anything twice, in whatever pieces it arrives.
pub(super) fn lines<B, E>(
    body: impl Stream<Item = Result<B, E>>,
    limits: Limits,
) -> impl Stream<Item = Result<Vec<u8>, Trouble>>
where
    B: AsRef<[u8]>,
{
    try_stream! {
        futures_util::pin_mut!(body);
        let mut by = limits.first_byte_by;
        let mut late = Trouble::Slow;
        let (mut event, mut total) = (0, 0);
        let mut line = Vec::new();
        let mut is_first = true;
        loop {
            let chunk = match timeout_at(by, body.next()).await {
                Err(_) => Err(late)?,
                Ok(None) => break,
                Ok(Some(Err(_))) => Err(Trouble::BrokeOff)?,
                Ok(Some(Ok(chunk))) => chunk,
            };
            let chunk = chunk.as_ref();
            by = Instant::now() + limits.between_bytes;
            late = Trouble::Silent;
            total += chunk.len();
            if total > limits.bytes {
                Err(Trouble::Unreadable)?;
            }
            for part in chunk.split_inclusive(|byte| *byte == b'\n') {
                event += part.len();
                if event > LONGEST_EVENT {
                    Err(Trouble::Unreadable)?;
                }
                line.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    if matches!(line.as_slice(), b"\n" | b"\r\n") {
                        event = 0;
                    }
                    if std::mem::take(&mut is_first) {
                        line = without_marks(line);
                    }
                    yield std::mem::take(&mut line);
                    // A chunk may have tens of thousands: others who share the thread are not to wait for all of them.
                    consume_budget().await;
                }
            }
        }
        if is_first {
            line = without_marks(line);
        }
        if !line.is_empty() {
            line.push(b'\n');
            yield line;
        }
        yield b"\n".to_vec();
    }
}

fn without_marks(mut line: Vec<u8>) -> Vec<u8> {
    while line.starts_with("\u{feff}".as_bytes()) {
        line.drain(..3);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_chunk_of_many_lines_leaves_room_for_others() {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = turns.clone();
        tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let second = Duration::from_secs(1);
        let limits = Limits {
            first_byte_by: Instant::now() + second,
            between_bytes: second,
            bytes: 1024 * 1024,
        };
        let chunk = ":\n\n".repeat(10_000);
        let body = stream::iter([Ok::<_, Infallible>(chunk)]);
        let lines = lines(body, limits);
        // The last is the empty line that ends what a body leaves open.
        assert_eq!(lines.count().await, 20_001);
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= 100, "others had {turns} turns");
    }
}
