//! Writing one reply: from the engine to those who watch, and into the log.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

use super::engine::{Failure, Pieces};
use super::engines::Engines;
use crate::app::App;
use crate::bus::{Heard, Notice, Subject};
use crate::db::messages::Message;
use crate::db::replies::Claim;
use crate::domain::MessageStatus;
use crate::error::{AppError, AppResult};
use crate::services::replies::{self, Lost};

/// Text is held back this long, so that what comes at once is shown at once.
const COALESCE: Duration = Duration::from_millis(25);

/// The text so far is kept at most this often, and only once it has grown by an eighth: so all checkpoints
/// of a reply together write a few times its length, however long it gets.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// How long a reply may go on after the process was asked to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often a reply is begun before it counts as impossible.
const MAX_ATTEMPTS: i16 = 3;

/// How often, a second apart, the end of a reply is written before it is left to the lease.
const END_TRIES: u32 = 10;

const INTERRUPTED: &str = "The reply was interrupted.";
const IMPOSSIBLE: &str = "The reply could not be written.";

/// Writes a claimed reply to its end. Whatever happens, the row ends too: here, or when the lease does.
pub(super) async fn write(app: &App, engines: &Engines, claim: Claim) {
    let reply = claim.message.clone();
    let outcome = Writing::new(app, claim.clone()).run(engines).await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(Lost)) => {
            info!(session = %reply.session_id, seq = reply.seq.0, "reply taken over or ended by another");
            if let Err(error) = replies::tell_of_end(app, &claim).await {
                let cause = error.cause_chain();
                warn!(session = %reply.session_id, cause, "an end was not told of");
            }
        }
        Err(error) => warn!(
            session = %reply.session_id,
            seq = reply.seq.0,
            cause = error.cause_chain(),
            "reply left to its lease"
        ),
    }
}

/// A reply being written.
struct Writing<'a> {
    app: &'a App,
    claim: Claim,
    text: String,
    /// How much of the text was shown: bytes, and Unicode scalar values.
    shown: (usize, usize),
    /// From where on somebody lacks what was shown.
    wanted: Option<usize>,
    /// How much of it was kept. Nothing before the first checkpoint.
    kept: Option<usize>,
    /// When that was last tried.
    kept_at: Instant,
    /// When the lease was last held for longer, by a checkpoint or without one.
    held_at: Instant,
}

/// How the engine came to an end.
enum Finish {
    Complete,
    Failed(Failure),
    Lost,
    /// A person wants it to end.
    Cancelled,
    /// The process ends first.
    Stopped,
}

/// What news of the session mean for the reply.
enum Concern {
    None,
    /// Somebody lacks what was shown, from there on.
    Repeat(usize),
    /// It is to end with what was shown.
    Stop,
    /// Somebody has ended it, or has it written anew, or it was erased with its session.
    Ended,
    /// Something was missed: the lease tells.
    Unknown,
}

impl<'a> Writing<'a> {
    fn new(app: &'a App, claim: Claim) -> Self {
        Self {
            app,
            claim,
            text: String::new(),
            shown: (0, 0),
            wanted: None,
            kept: None,
            kept_at: Instant::now(),
            held_at: Instant::now(),
        }
    }

    async fn run(mut self, engines: &Engines) -> AppResult<Result<(), Lost>> {
        // A runner before this one showed text and died. Text that was seen is not taken back.
        if self.claim.message.status == MessageStatus::Streaming {
            self.text.clone_from(&self.claim.message.content);
            return self.fail(INTERRUPTED).await;
        }
        if self.claim.tries > MAX_ATTEMPTS {
            return self.fail(IMPOSSIBLE).await;
        }
        let assignment = match replies::assignment(self.app, &self.claim).await {
            Ok(assignment) => assignment,
            Err(error) => return self.give_up(error).await,
        };
        if assignment.chatbot.deleted_at.is_some() {
            return self.fail("This chatbot was deleted.").await;
        }
        let engine = engines.of(assignment.chatbot.engine);
        let finish = self.follow(engine.reply(self.app, assignment)).await;
        match finish {
            Finish::Complete if self.text.is_empty() => {
                self.fail("The chatbot had nothing to say.").await
            }
            Finish::Complete => {
                let content = std::mem::take(&mut self.text);
                let end = || replies::complete(self.app, &self.claim, content.clone());
                persist(end).await
            }
            Finish::Failed(Failure::Told(failure)) => self.fail(&failure).await,
            Finish::Failed(Failure::Fault(error)) if self.kept.is_none() => {
                self.give_up(error).await
            }
            Finish::Failed(Failure::Fault(_)) => self.fail(INTERRUPTED).await,
            Finish::Lost => Ok(Err(Lost)),
            Finish::Cancelled => {
                persist(|| replies::stop(self.app, &self.claim, self.text.clone())).await
            }
            Finish::Stopped if self.kept.is_none() => {
                replies::release(self.app, &self.claim).await?;
                Ok(Ok(()))
            }
            Finish::Stopped => self.fail(INTERRUPTED).await,
        }
    }

    /// Shows and keeps what the engine says until it ends.
    async fn follow(&mut self, mut pieces: Pieces) -> Finish {
        let stopping = self.app.stopping().clone();
        let stopped = async {
            stopping.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::pin!(stopped);
        let session = Subject::Session(self.claim.message.session_id);
        let mut news = self.app.bus().listen(session).await;
        let mut show_at: Option<Instant> = None;
        // Twice in vain, and the claim still holds.
        let renewal = self.app.config().reply_lease / 3;
        loop {
            let show = async {
                match show_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let held = tokio::select! {
                piece = pieces.next() => match piece {
                    Some(Ok(piece)) => {
                        self.text.push_str(&piece);
                        show_at.get_or_insert_with(|| Instant::now() + COALESCE);
                        continue;
                    }
                    Some(Err(failure)) => return self.show_rest(Finish::Failed(failure)).await,
                    None => return self.show_rest(Finish::Complete).await,
                },
                () = show => {
                    show_at = None;
                    self.show().await
                }
                heard = news.next() => match self.concern(&heard) {
                    Concern::None => continue,
                    // Said with what comes next, once for all who ask meanwhile.
                    Concern::Repeat(from) => {
                        self.wanted = Some(self.wanted.map_or(from, |wanted| wanted.min(from)));
                        show_at.get_or_insert_with(|| Instant::now() + COALESCE);
                        continue;
                    }
                    Concern::Stop => return self.show_rest(Finish::Cancelled).await,
                    Concern::Ended => return Finish::Lost,
                    Concern::Unknown => self.hold().await,
                },
                () = sleep_until(self.held_at + renewal) => self.hold().await,
                () = &mut stopped => return Finish::Stopped,
            };
            if held == Err(Lost) {
                return Finish::Lost;
            }
        }
    }

    /// What news of the session mean for this reply. Leaving drops the engine's stream, and with it whatever
    /// call it makes.
    fn concern(&self, heard: &Heard) -> Concern {
        let reply = &self.claim.message;
        let Heard::Notice(notice) = heard else {
            return Concern::Unknown;
        };
        let is_later = |message: &Message| message.seq == reply.seq && message.rev > reply.rev;
        match notice.as_ref() {
            Notice::TextWanted { wanted, .. }
                if wanted.seq == reply.seq && wanted.begun_rev == reply.rev =>
            {
                Concern::Repeat(wanted.from)
            }
            Notice::StopReplies { seqs, .. } if seqs.contains(&reply.seq) => Concern::Stop,
            Notice::Changed { messages, .. } if messages.iter().any(is_later) => Concern::Ended,
            Notice::SessionDeleted { .. } => Concern::Ended,
            _ => Concern::None,
        }
    }

    async fn show_rest(&mut self, finish: Finish) -> Finish {
        match self.show().await {
            Ok(()) => finish,
            Err(Lost) => Finish::Lost,
        }
    }

    /// Shows what was not shown yet, and again what somebody lacks; keeps the text first if it is the first or
    /// has grown enough.
    async fn show(&mut self) -> Result<(), Lost> {
        let wanted = self.wanted.take();
        let (bytes, characters) = self.shown;
        if self.text.len() > bytes && self.is_to_be_kept() {
            self.keep().await?;
        }
        // Without the first checkpoint nobody after this runner would know that text was shown.
        if self.kept.is_none() {
            return Ok(());
        }
        let fresh = &self.text[bytes..];
        let total = characters + fresh.chars().count();
        let (offset, told) = match wanted.filter(|from| *from < characters) {
            Some(from) => (from, self.text.chars().skip(from).collect()),
            None => (characters, fresh.to_owned()),
        };
        self.shown = (self.text.len(), total);
        if !told.is_empty() {
            replies::show(self.app, &self.claim, offset, told);
        }
        Ok(())
    }

    fn is_to_be_kept(&self) -> bool {
        match self.kept {
            None => true,
            Some(kept) => {
                self.kept_at.elapsed() >= CHECKPOINT && self.text.len() >= kept + kept / 8
            }
        }
    }

    async fn keep(&mut self) -> Result<(), Lost> {
        let kept = replies::checkpoint(self.app, &self.claim, &self.text).await;
        self.kept_at = Instant::now();
        if self.note(kept)? {
            self.kept = Some(self.text.len());
        }
        Ok(())
    }

    async fn hold(&mut self) -> Result<(), Lost> {
        let renewed = replies::renew(self.app, &self.claim).await;
        self.note(renewed).map(drop)
    }

    /// Whether the database took it. A database out of reach is no reason to stop before the lease ends.
    fn note(&mut self, outcome: AppResult<Result<(), Lost>>) -> Result<bool, Lost> {
        self.held_at = Instant::now();
        match outcome {
            Ok(held) => held.map(|()| true),
            Err(error) => {
                let cause = error.cause_chain();
                warn!(session = %self.claim.message.session_id, cause, "reply not kept yet");
                Ok(false)
            }
        }
    }

    /// Nobody saw anything: another attempt may go better where something did not answer. A fault of our own would
    /// be met again, after a lease each time.
    async fn give_up(&self, error: AppError) -> AppResult<Result<(), Lost>> {
        if matches!(error, AppError::Unavailable { .. }) {
            return Err(error);
        }
        warn!(
            session = %self.claim.message.session_id,
            seq = self.claim.message.seq.0,
            cause = error.cause_chain(),
            "reply can't be written"
        );
        self.fail(IMPOSSIBLE).await
    }

    async fn fail(&self, failure: &str) -> AppResult<Result<(), Lost>> {
        persist(|| replies::fail(self.app, &self.claim, self.text.clone(), failure)).await
    }
}

/// Writes the end of a reply, again while the database is out of reach.
async fn persist<F>(mut end: impl FnMut() -> F) -> AppResult<Result<(), Lost>>
where
    F: Future<Output = AppResult<Result<(), Lost>>>,
{
    for _ in 1..END_TRIES {
        match timeout(Duration::from_secs(5), end()).await {
            Ok(Err(AppError::Unavailable { .. })) | Err(_) => sleep(Duration::from_secs(1)).await,
            Ok(outcome) => return outcome,
        }
    }
    end().await
}
