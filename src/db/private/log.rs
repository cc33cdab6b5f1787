//! What PostgreSQL says, passed on to Parlor's log.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many of the newest lines are kept for an error's message.
const KEPT: usize = 12;

/// PostgreSQL's log: read to its end by a thread of its own, so that the server never waits for a
/// reader.
#[derive(Debug)]
pub(super) struct ServerLog {
    newest: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl ServerLog {
    /// Reads `stderr` until all who write to it have ended, then calls `at_end`.
    ///
    /// The postmaster and all its children hold it, so its end tells that the last of them is gone.
    pub(super) fn follow(
        stderr: impl Read + Send + 'static,
        at_end: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let newest = Arc::new(Mutex::new(VecDeque::with_capacity(KEPT)));
        let kept = Arc::clone(&newest);
        let reader = thread::Builder::new()
            .name("postgres-log".to_owned())
            .spawn(move || {
                for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                    pass_on(&line);
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    if kept.len() == KEPT {
                        kept.pop_front();
                    }
                    kept.push_back(line);
                }
                at_end();
            })?;
        Ok(Self { newest, reader })
    }

    /// The newest lines, for a message. To be asked when the server has ended.
    pub(super) fn last_words(&self) -> String {
        // The last line may still be in the pipe. A child that outlives the server keeps the pipe
        // open, so the wait has an end.
        super::postmaster::wait_until(Duration::from_secs(1), || self.reader.is_finished());
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_empty() {
            return "nothing".to_owned();
        }
        Vec::from_iter(newest.iter().map(String::as_str)).join(" / ")
    }
}

/// PostgreSQL reports each client's mistakes as errors, which that client reports too: only what
/// concerns the server as a whole is worth a person's attention.
fn pass_on(line: &str) {
    if line.starts_with("PANIC:") {
        tracing::error!(target: "parlor::postgres", "{line}");
    } else {
        tracing::debug!(target: "parlor::postgres", "{line}");
    }
}
