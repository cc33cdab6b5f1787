//! One reply from the model server, with all that may be tried for it.

use std::sync::Arc;

use reqwest::Client;
use tokio::time::{Instant, sleep, timeout_at};

use super::answer::Answer;
use super::breaker::{Breaker, Passage};
use super::lines::Limits;
use super::server;
use super::trouble::Trouble;
use crate::bots::Patience;
use crate::config::OpenAi;
use crate::domain::MAX_MESSAGE_BYTES;

/// How often a request may be sent, the first time included.
const TRIES: u32 = 3;

/// No token is this long on average, in any language: text beyond it comes from a server that does not keep to
/// the tokens it was allowed.
const BYTES_PER_TOKEN: usize = 16;

/// What the events around a token may take.
const STREAM_BYTES_PER_TOKEN: usize = 2048;

/// The server, and how it does.
pub(super) struct Upstream {
    pub(super) server: OpenAi,
    pub(super) client: Client,
    pub(super) breaker: Arc<Breaker>,
    pub(super) patience: Patience,
}

/// A reply under way. Dropped, it ends the connection, and with it the server's work.
pub(super) struct Call {
    answer: Answer,
    /// What has come before anybody asked for it: the first piece.
    first: Option<String>,
    passage: Passage,
    end_by: Instant,
    bytes_left: usize,
}

impl Call {
    /// Asks until a reply begins, or there is no more sense in it.
    pub(super) async fn begin(upstream: &Upstream, body: &[u8]) -> Result<Self, Trouble> {
        let mut passage = upstream.breaker.pass().ok_or(Trouble::Resting)?;
        let end_by = Instant::now() + upstream.patience.whole;
        let begun = timeout_at(end_by, begin_patiently(upstream, body)).await;
        match begun.unwrap_or(Err(Trouble::Slow)) {
            Ok((first, answer)) => {
                passage.worked();
                let tokens = upstream.server.reply;
                Ok(Self {
                    answer,
                    first,
                    passage,
                    end_by,
                    bytes_left: MAX_MESSAGE_BYTES.min(tokens.saturating_mul(BYTES_PER_TOKEN)),
                })
            }
            Err(trouble) => {
                note(&mut passage, trouble);
                Err(trouble)
            }
        }
    }

    /// The next piece; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Trouble> {
        if self.bytes_left == 0 {
            return Err(Trouble::TooLong);
        }
        let piece = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => timeout_at(self.end_by, self.answer.next())
                .await
                .unwrap_or(Err(Trouble::TimeUp)),
        };
        match piece {
            Ok(Some(mut text)) => {
                if text.len() > self.bytes_left {
                    text.truncate(text.floor_char_boundary(self.bytes_left));
                    self.bytes_left = 0;
                } else {
                    self.bytes_left -= text.len();
                }
                Ok(Some(text))
            }
            Ok(None) => Ok(None),
            Err(trouble) => {
                note(&mut self.passage, trouble);
                Err(trouble)
            }
        }
    }
}

/// A refusal shows that the server is there.
fn note(passage: &mut Passage, trouble: Trouble) {
    if trouble.is_outage() {
        passage.failed();
    } else {
        passage.worked();
    }
}

/// Tries again as long as that may help: nothing of the reply has been seen by anybody yet.
async fn begin_patiently(
    upstream: &Upstream,
    body: &[u8],
) -> Result<(Option<String>, Answer), Trouble> {
    let mut pause = upstream.patience.retry;
    for _ in 1..TRIES {
        let trouble = match begin_once(upstream, body).await {
            Ok(begun) => return Ok(begun),
            Err(trouble) => trouble,
        };
        match trouble.another_try() {
            Some(Some(asked_for)) if asked_for <= upstream.patience.longest_retry => {
                sleep(asked_for.max(pause)).await;
            }
            Some(None) => sleep(pause).await,
            _ => return Err(trouble),
        }
        pause *= 2;
    }
    begin_once(upstream, body).await
}

/// Asks once and waits for the first text, or an end without any.
async fn begin_once(upstream: &Upstream, body: &[u8]) -> Result<(Option<String>, Answer), Trouble> {
    let patience = &upstream.patience;
    // The connection has a time of its own.
    let first_byte_by = Instant::now() + patience.connect + patience.first_byte;
    let asked = server::ask(&upstream.client, &upstream.server, body);
    let response = timeout_at(first_byte_by, asked)
        .await
        .unwrap_or(Err(Trouble::Slow))?;
    let limits = Limits {
        first_byte_by,
        between_bytes: patience.between_bytes,
        bytes: upstream
            .server
            .reply
            .saturating_mul(STREAM_BYTES_PER_TOKEN)
            .saturating_add(1024 * 1024),
    };
    let mut answer = Answer::new(response.bytes_stream(), limits, patience.tail);
    let first = answer.next().await?;
    Ok((first, answer))
}
