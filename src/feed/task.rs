//! The task behind a feed: from the bus and the log to its followers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{debug, warn};

use super::gaps::Gaps;
use super::ring::{MAX_BYTES, MAX_EVENTS};
use super::sequence::Sequence;
use super::texts::Heard as HeardText;
use super::{Feed, FeedEvent, Feeds};
use crate::bus::{Heard, Listener, Notice, Subject, TextPiece, WantedText};
use crate::db::log::{Entry, PageLimit};
use crate::db::messages::Message;
use crate::db::{log, messages, sessions};
use crate::domain::{Rev, Seq, SessionId, UserId};
use crate::error::AppResult;

/// How long a change may come late, overtaken by its successor on the way, before the log is asked.
pub(super) const OVERTAKING: Duration = Duration::from_millis(20);

/// How soon a log that could not be read is read again.
const RETRY: Duration = Duration::from_millis(250);

/// How often a feed looks at the log unasked. A change whose announcement was lost with whoever should have
/// made it is seen this late at the latest.
const LOOK: Duration = Duration::from_secs(15);

/// The same while what other processes announce may not arrive.
const LOOK_WHEN_UNSURE: Duration = Duration::from_secs(2);

/// How long a feed waits for another follower.
const GRACE: Duration = Duration::from_secs(5);

/// Entries that are told one by one when the log is asked. More, and followers read for themselves.
const MEND_LIMIT: PageLimit = PageLimit {
    entries: MAX_EVENTS / 2,
    bytes: MAX_BYTES / 2,
};

/// However the task ends, a panic included, nobody waits for it any more.
struct Burial {
    feeds: Feeds,
    session: SessionId,
    feed: Arc<Feed>,
}

impl Drop for Burial {
    fn drop(&mut self) {
        self.feeds.bury(self.session, &self.feed);
    }
}

struct Task {
    feeds: Feeds,
    session: SessionId,
    feed: Arc<Feed>,
    listener: Listener,
    sequence: Sequence,
    /// When to ask the log for what is missing.
    mend_at: Option<Instant>,
    /// Replies with a gap in their text.
    gaps: Gaps,
}

/// Runs until nobody follows, or the feeds are closed.
pub(super) async fn run(feeds: Feeds, session: SessionId, feed: Arc<Feed>) {
    let closed = feeds.closed.clone();
    let _burial = Burial {
        feeds: feeds.clone(),
        session,
        feed: feed.clone(),
    };
    let outdated = feed.outdated.clone();
    let life = async {
        let Some(mut task) = Task::open(feeds, session, feed).await else {
            return;
        };
        task.feed.ready.send_replace(true);
        task.follow_bus().await;
    };
    tokio::select! {
        () = life => {}
        () = outdated.cancelled() => {}
        () = closed.cancelled() => {}
    }
    debug!(%session, "feed ended");
}

impl Task {
    /// Listens, then reads where the log stands: a change between the two is heard and known.
    async fn open(feeds: Feeds, session: SessionId, feed: Arc<Feed>) -> Option<Self> {
        let listener = feeds.bus.listen(Subject::Session(session)).await;
        loop {
            match read_state(&feeds, session).await {
                Ok((head, under_way)) => {
                    feed.texts().reset(head, &under_way);
                    let task = Self {
                        sequence: Sequence::new(head),
                        mend_at: None,
                        gaps: Gaps::default(),
                        feeds,
                        session,
                        feed,
                        listener,
                    };
                    task.ask_for_all_text();
                    return Some(task);
                }
                Err(error) => {
                    warn!(%session, cause = error.cause_chain(), "feed can't read the log yet");
                    if feeds.retire(session, &feed) {
                        return None;
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn follow_bus(&mut self) {
        let mut idle = interval(GRACE);
        idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_idle = false;
        let feed = self.feed.clone();
        let mut unsure = self.feeds.bus.unsure();
        let mut looked_at = Instant::now();
        loop {
            let look = if *unsure.borrow_and_update() {
                LOOK_WHEN_UNSURE
            } else {
                LOOK
            };
            let mend = until(self.mend_at);
            let ask = until(self.gaps.next());
            let silence = until(self.feed.typing().next_end());
            tokio::select! {
                heard = self.listener.next() => match heard {
                    Heard::Notice(notice) => self.take(&notice),
                    Heard::Missed => {
                        self.mend_within(Duration::ZERO);
                        self.ask_for_all_text();
                    }
                },
                () = mend => self.mend().await,
                () = ask => self.ask_for_text().await,
                () = silence => {
                    let is_over = self.feed.typing().expire();
                    self.tell_typing(is_over);
                }
                _ = idle.tick() => {
                    let is_idle = self.feed.events.listeners() == 0;
                    if is_idle && was_idle && self.feeds.retire(self.session, &self.feed) {
                        return;
                    }
                    was_idle = is_idle;
                }
                () = sleep_until(looked_at + look) => {
                    looked_at = Instant::now();
                    self.mend_within(Duration::ZERO);
                }
                Ok(()) = unsure.changed() => {}
                () = feed.look.notified() => self.mend_within(Duration::ZERO),
            }
        }
    }

    fn take(&mut self, notice: &Notice) {
        match notice {
            Notice::Changed { messages, .. } => {
                self.announced(messages.iter().cloned().map(Entry::latest));
            }
            Notice::SessionChanged { session } => {
                self.announced([Entry::of_session(session.clone())]);
            }
            Notice::SessionDeleted { .. } => self.tell_of_the_end(),
            Notice::Text { piece, .. } => self.hear(piece),
            Notice::Typing { user, typing, .. } => self.hear_typing(*user, *typing),
            Notice::Look { .. } => self.mend_within(Duration::ZERO),
            Notice::CommandReplied { reply } => {
                self.feed.tell_command(reply.clone());
            }
            Notice::TextWanted { .. }
            | Notice::StopReplies { .. }
            | Notice::Stirred { .. }
            | Notice::SeatsChanged { .. }
            | Notice::LoginEnded { .. }
            | Notice::ReplyWaiting
            | Notice::CommandGiven { .. }
            | Notice::CommandAnswered { .. } => {}
        }
    }

    fn announced(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let next = self.sequence.announced(entries);
        self.tell(next);
        if self.sequence.has_hole() {
            self.mend_within(OVERTAKING);
        }
    }

    fn hear(&mut self, piece: &TextPiece) {
        let heard = self.feed.texts().hear(piece);
        match heard {
            HeardText::News(news) => {
                self.gaps.close(piece.seq);
                self.feed.tell_text(news);
            }
            HeardText::Nothing => {}
            HeardText::Gap => self.gaps.open(piece.seq),
        }
    }

    fn hear_typing(&self, user: UserId, typing: bool) {
        let is_news = self.feed.typing().hear(user, typing);
        self.tell_typing(is_news);
    }

    fn tell_typing(&self, is_news: bool) {
        if is_news {
            self.feed.tell(FeedEvent::Typing);
        }
    }

    fn tell(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        // Of several changes of the session the log has the last: it may hide that somebody lost their seat
        // before the others that are told here.
        if entries.iter().any(|entry| entry.message().is_none()) {
            self.feed.seats.change();
        }
        let authors: Vec<UserId> = entries.iter().filter_map(sender).collect();
        let mut texts = self.feed.texts();
        for entry in &entries {
            texts.see(entry);
        }
        drop(texts);
        self.feed.tell_entries(entries);
        // Who has sent a message has stopped typing it.
        for author in authors {
            self.hear_typing(author, false);
        }
    }

    /// The session is gone: whoever follows looks at the log, and finds none.
    fn tell_of_the_end(&mut self) {
        self.feed.seats.change();
        self.feed.events.tell(FeedEvent::LookAtLog);
    }

    fn mend_within(&mut self, delay: Duration) {
        let at = Instant::now() + delay;
        self.mend_at = Some(self.mend_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Fills what is missing from the log; tries again later if that can't be done now.
    async fn mend(&mut self) {
        self.mend_at = None;
        let mended = self.mend_entries().await;
        if let Err(error) = &mended {
            warn!(session = %self.session, cause = error.cause_chain(), "feed can't read the log");
        }
        if mended.is_err() || self.sequence.has_hole() {
            self.mend_within(RETRY);
        }
    }

    async fn mend_entries(&mut self) -> AppResult<()> {
        let mut conn = self.feeds.db.connection().await?;
        let missed =
            log::entries_after(&mut conn, self.session, self.sequence.head(), MEND_LIMIT).await?;
        // A log that only grows never ends before what was told of it.
        if missed.rows.is_empty() {
            let head = sessions::find_rev(&mut conn, self.session).await?;
            match head {
                Some(head) if head < self.sequence.head() => {
                    warn!(session = %self.session, "the log ends before what was told of it");
                    self.feeds.rewound.send_replace(self.feed.epoch);
                }
                Some(_) => {}
                None => self.tell_of_the_end(),
            }
        }
        drop(conn);
        if missed.is_last {
            let next = self.sequence.read(missed.rows);
            self.tell(next);
            return Ok(());
        }
        let (head, under_way) = read_state(&self.feeds, self.session).await?;
        self.feed.texts().reset(head, &under_way);
        let next = self.sequence.jump(head);
        self.feed.events.tell(FeedEvent::LookAtLog);
        self.tell(next);
        Ok(())
    }

    /// Asks whoever writes a reply for what is missing of it. Who does not answer may be dead, deaf or of an older
    /// version: from the second time on its row is read too, which has the text up to a checkpoint.
    async fn ask_for_text(&mut self) {
        for (seq, tries) in self.gaps.due() {
            let wanted = self.feed.texts().wanted(seq);
            let Some(wanted) = wanted else {
                self.gaps.close(seq);
                continue;
            };
            self.ask(wanted);
            if tries > 1
                && let Err(error) = self.read_text(seq).await
            {
                warn!(session = %self.session, cause = error.cause_chain(), "feed can't read a reply");
            }
        }
    }

    /// Asks once for what may be missing of any reply. Where nobody answers, the next piece shows whether there
    /// is a gap.
    fn ask_for_all_text(&self) {
        let all = self.feed.texts().all_wanted();
        for wanted in all {
            self.ask(wanted);
        }
    }

    fn ask(&self, wanted: WantedText) {
        let session = self.session;
        self.feeds
            .bus
            .publish(Notice::TextWanted { session, wanted });
    }

    async fn read_text(&mut self, seq: Seq) -> AppResult<()> {
        let mut conn = self.feeds.db.connection().await?;
        let row = messages::find(&mut conn, self.session, seq).await?;
        drop(conn);
        let row = row.filter(|row| row.status.is_under_way());
        let news = row.and_then(|row| self.feed.texts().mend(&row));
        if let Some(news) = news {
            self.feed.tell_text(news);
        }
        Ok(())
    }
}

/// Who sent the message that is born with this entry, if a person did.
fn sender(entry: &Entry) -> Option<UserId> {
    let message = entry.message()?;
    message.user_id.filter(|_| entry.place == message.added_rev)
}

/// The head of the log, and the replies under way not before it.
async fn read_state(feeds: &Feeds, session: SessionId) -> AppResult<(Rev, Vec<Message>)> {
    let mut conn = feeds.db.connection().await?;
    let head = sessions::find_rev(&mut conn, session).await?;
    let under_way = log::under_way(&mut conn, session).await?;
    Ok((head.unwrap_or(Rev::START), under_way))
}

/// Waits until then; for ever if there is no such time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
