//! One subscriber's walk along a session's log: attach, read the log, follow.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::forms::Forms;
use super::ring::Told;
use super::seats::{self, Gone, Reader};
use super::{Attachment, FeedEvent, Feeds, Fresh, FreshText};
use crate::db::log::{self, Entry, LogPage, News, PageLimit};
use crate::db::messages::Message;
use crate::db::sessions::{self, Session};
use crate::domain::{CommandReply, Rev, Seq, SessionId, UserId};
use crate::error::{AppError, AppResult};

/// How much is read from the log at a time. What a follower has read waits in it until its client takes it,
/// so this is what a slow one costs.
const PAGE: PageLimit = PageLimit {
    entries: 100,
    bytes: 128 * 1024,
};

/// Which of a session's changes a follower sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Every entry of the log, and the text of replies under way.
    Everything,
    /// Messages when they become final, each once, by `finished_rev`.
    Finished,
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what comes after this moment.
    Now,
    /// With what comes after this change.
    After(Rev),
}

/// One thing that a follower sees.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message was born, or became final for those who see finished messages only.
    Added(Sighting),
    /// A message that it has seen has changed.
    Changed(Sighting),
    /// The session itself has changed.
    SessionChanged {
        /// Where to continue from.
        place: Rev,
        /// The session.
        session: Arc<Session>,
    },
    /// A reply's text from `offset` (in Unicode scalar values) on.
    Text {
        /// Which reply.
        seq: Seq,
        /// How much of the text comes before.
        offset: usize,
        /// More of it.
        text: Arc<str>,
    },
    /// A command has come to its end.
    Command(Arc<CommandReply>),
    /// Somebody types now, or does no more.
    Typing {
        /// Who.
        user: UserId,
        /// Whether they do.
        typing: bool,
    },
    /// Everything up to this change was seen; what follows is live. Comes once.
    CaughtUp(Rev),
}

/// What a follower sees, and what can be made of it for all who see the same.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it sees.
    pub item: Item,
    /// Shared with everyone to whom the feed has told the same. Nothing if this follower sees it by itself: it was
    /// read from the log, or only a part of it is news.
    pub forms: Option<Arc<Forms>>,
}

impl From<Item> for Seen {
    fn from(item: Item) -> Self {
        Self { item, forms: None }
    }
}

/// A message, and where in the log it was seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Where to continue from.
    pub place: Rev,
    /// The message.
    pub message: Arc<Message>,
}

enum Phase {
    Detached,
    Reading(Attachment),
    Live(Attachment),
}

/// Sees every change of a session after its start exactly once and in order, however slow it is and
/// whatever the bus loses. One that falls off the feed's ring goes back to the log.
pub struct Follower {
    feeds: Feeds,
    session: SessionId,
    view: View,
    reader: Reader,
    /// The reader may not go on.
    gone: Option<Gone>,
    /// How many of the feed's changes of the session are known not to have taken the reader's seat.
    judged: u64,
    phase: Phase,
    /// Up to where all was seen; nothing until a walk that begins now knows where that is.
    position: Option<Rev>,
    has_caught_up: bool,
    /// People's messages that were seen at their birth as they are after a change yet to come. A place and a number
    /// each, until the walk comes to that change: those that were born and changed since its start are the most
    /// there can be, and how often one may change a message is limited. None are left when it has caught up.
    ahead: HashMap<Seq, Rev>,
    /// The session was seen as it is after this change of its own.
    details: Rev,
    /// How much was shown of each reply under way, and with which change this writing of it began.
    shown: HashMap<Seq, (Rev, usize)>,
    /// Who types, as far as was shown.
    typing: BTreeSet<UserId>,
    items: VecDeque<Seen>,
}

impl Follower {
    pub(super) fn new(
        feeds: Feeds,
        session: SessionId,
        start: Start,
        view: View,
        reader: Reader,
    ) -> Self {
        Self {
            feeds,
            session,
            view,
            reader,
            gone: None,
            judged: 0,
            phase: Phase::Detached,
            position: match start {
                Start::Now => None,
                Start::After(rev) => Some(rev),
            },
            has_caught_up: false,
            ahead: HashMap::new(),
            details: Rev::START,
            shown: HashMap::new(),
            typing: BTreeSet::new(),
            items: VecDeque::new(),
        }
    }

    /// Waits for what comes next, or for the end of the reader's right to see it: then nothing follows. After
    /// an error the same step can be tried again; nothing is lost.
    pub async fn next(&mut self) -> AppResult<Result<Seen, Gone>> {
        // What reads the database is in boxes: it takes room only while it does.
        loop {
            if self.is_unsure() {
                Box::pin(self.judge()).await?;
            }
            if let Some(gone) = self.gone {
                return Ok(Err(gone));
            }
            if let Some(item) = self.items.pop_front() {
                return Ok(Ok(item));
            }
            match &mut self.phase {
                Phase::Detached => {
                    let attachment = Box::pin(self.feeds.attach(self.session)).await?;
                    // What is read from the log is judged with it; what comes from the feed after that, by its changes.
                    self.judged = attachment.feed.seats.changes();
                    self.phase = Phase::Reading(attachment);
                }
                Phase::Reading(_) => Box::pin(self.read_page()).await?,
                Phase::Live(attachment) => match attachment.events.next().await {
                    Told::Event(FeedEvent::Entries(entries)) => self.see_live(&entries),
                    Told::Event(FeedEvent::Text(piece)) => self.hear(&piece),
                    Told::Event(FeedEvent::Command(reply, forms)) => self.see_command(reply, forms),
                    Told::Event(FeedEvent::Typing) => {
                        let people = attachment.feed.typing().people();
                        self.see_typing(people);
                    }
                    Told::Event(FeedEvent::LookAtLog) | Told::Missed => self.look_at_log(),
                    // Only a feed that broke ends while it is followed. Said, so that whoever waits here
                    // takes a breath before the next one.
                    Told::Closed => {
                        self.phase = Phase::Detached;
                        return Err(AppError::unavailable(anyhow::anyhow!("the feed has ended")));
                    }
                },
            }
        }
    }

    /// Whether the feed has told of a change since by which the reader may have lost their seat. Asked before anything
    /// is shown, however long ago it was read: what is shown with it is looked up only then.
    fn is_unsure(&self) -> bool {
        match &self.phase {
            Phase::Reading(attachment) | Phase::Live(attachment) => {
                attachment.feed.seats.changes() > self.judged
            }
            Phase::Detached => false,
        }
    }

    /// Looks whether they have.
    async fn judge(&mut self) -> AppResult<()> {
        if let Phase::Reading(attachment) | Phase::Live(attachment) = &self.phase {
            let seats = &attachment.feed.seats;
            let judged = seats.judge(&self.feeds.db, self.session, self.reader);
            (self.judged, self.gone) = judged.await?;
        }
        Ok(())
    }

    /// Reads the next changes from the log; after the last, the walk is live.
    async fn read_page(&mut self) -> AppResult<()> {
        let mut conn = self.feeds.db.connection().await?;
        let Some(position) = self.position else {
            let head = sessions::find_rev(&mut conn, self.session).await?;
            self.gone = seats::look(&mut conn, self.session, self.reader).await?;
            self.position = Some(head.unwrap_or(Rev::START));
            drop(conn);
            return self.go_live().await;
        };
        // The seat is looked up after the page, so that what was read may be shown. The log tells of the last
        // change of the session only, so it may have been lost before any entry.
        let is_last = match self.view {
            View::Everything => {
                let LogPage { rows, is_last } =
                    log::entries_after(&mut conn, self.session, position, PAGE).await?;
                self.gone = seats::look(&mut conn, self.session, self.reader).await?;
                for entry in rows {
                    self.see_entry(entry, None);
                }
                is_last
            }
            View::Finished => {
                let LogPage { rows, is_last } =
                    log::finished_after(&mut conn, self.session, position, PAGE).await?;
                self.gone = seats::look(&mut conn, self.session, self.reader).await?;
                for message in rows {
                    self.see_finished(Arc::new(message), None);
                }
                is_last
            }
        };
        drop(conn);
        if is_last && self.gone.is_none() {
            self.go_live().await?;
        }
        Ok(())
    }

    /// The log is read: shows the text so far of replies under way, and follows the feed from here on.
    async fn go_live(&mut self) -> AppResult<()> {
        let Phase::Reading(attachment) = &self.phase else {
            return Ok(());
        };
        let position = self.position.unwrap_or(Rev::START);
        if self.view == View::Everything {
            let (head, mut texts) = {
                let texts = attachment.feed.texts();
                let shown = |seq, begun_rev| match self.shown.get(&seq) {
                    Some((begun, length)) if *begun == begun_rev => *length,
                    _ => 0,
                };
                (texts.head(), texts.beyond(position, shown))
            };
            // The feed has yet to hear of what was read: a reply that it takes for under way may have ended,
            // and of one that is under way it may not know. The log does.
            if head < position {
                let mut conn = self.feeds.db.connection().await?;
                let mut under_way = log::under_way(&mut conn, self.session).await?;
                under_way.retain(|reply| reply.rev <= position);
                texts.retain(|text| {
                    let is_it =
                        |reply: &Message| (reply.seq, reply.rev) == (text.seq, text.begun_rev);
                    under_way.iter().any(is_it)
                });
                for reply in under_way {
                    self.shown.entry(reply.seq).or_insert((reply.rev, 0));
                }
            }
            for text in texts {
                self.show(
                    text.seq,
                    text.begun_rev,
                    text.offset,
                    text.text.into(),
                    None,
                );
            }
        }
        let mut people = BTreeSet::new();
        if let Phase::Reading(attachment) = std::mem::replace(&mut self.phase, Phase::Detached) {
            people = attachment.feed.typing().people();
            self.phase = Phase::Live(attachment);
        }
        if !std::mem::replace(&mut self.has_caught_up, true) {
            self.items.push_back(Item::CaughtUp(position).into());
            // A replay must not cost its room for as long as the walk lasts.
            self.items.shrink_to_fit();
        }
        self.see_typing(people);
        Ok(())
    }

    /// Reads what was missed. The feed is listened to all the while.
    fn look_at_log(&mut self) {
        if let Phase::Live(attachment) = std::mem::replace(&mut self.phase, Phase::Detached) {
            self.phase = Phase::Reading(attachment);
        }
    }

    fn see_live(&mut self, entries: &[Fresh]) {
        match self.view {
            View::Everything => {
                for fresh in entries {
                    self.see_entry(fresh.entry.clone(), Some(&fresh.forms));
                }
            }
            // By place, a message that was born early and became final late would come before one that
            // became final earlier.
            View::Finished => {
                let messages = entries.iter();
                let messages =
                    messages.filter_map(|fresh| Some((fresh.entry.message()?, &fresh.forms)));
                let mut finished: Vec<_> = messages.collect();
                finished.sort_by_key(|(message, _)| message.finished_rev);
                for (message, forms) in finished {
                    self.see_finished(Arc::clone(message), Some(forms));
                }
            }
        }
    }

    fn see(&mut self, item: Item, forms: Option<&Arc<Forms>>) {
        let forms = forms.cloned();
        self.items.push_back(Seen { item, forms });
    }

    /// Sees an entry, unless it was seen before.
    fn see_entry(&mut self, entry: Entry, forms: Option<&Arc<Forms>>) {
        if self.position >= Some(entry.place) {
            return;
        }
        self.position = Some(entry.place);
        match entry.news {
            News::Message(message) => self.see_message(entry.place, message, forms),
            News::Session(session) => self.see_session(entry.place, session, forms),
        }
    }

    fn see_session(&mut self, place: Rev, session: Arc<Session>, forms: Option<&Arc<Forms>>) {
        // One that was seen before as it is after this change comes once.
        if place <= self.details {
            return;
        }
        self.details = session.details_rev;
        self.see(Item::SessionChanged { place, session }, forms);
    }

    fn see_message(&mut self, place: Rev, message: Arc<Message>, forms: Option<&Arc<Forms>>) {
        let is_birth = place == message.added_rev;
        if is_birth && message.rev > place {
            self.ahead.insert(message.seq, message.rev);
        }
        // A message that was seen at its birth as it is after this change comes once.
        if !is_birth && self.ahead.remove(&message.seq) == Some(message.rev) {
            return;
        }
        if message.status.is_under_way() {
            let length = message.content.chars().count();
            self.shown.insert(message.seq, (message.rev, length));
        } else {
            self.shown.remove(&message.seq);
        }
        let sighting = Sighting { place, message };
        let item = if is_birth {
            Item::Added(sighting)
        } else {
            Item::Changed(sighting)
        };
        self.see(item, forms);
    }

    /// Sees a message that has become final, unless it was seen before.
    fn see_finished(&mut self, message: Arc<Message>, forms: Option<&Arc<Forms>>) {
        let finished = message.finished_rev;
        let Some(place) = finished.filter(|place| self.position < Some(*place)) else {
            return;
        };
        self.position = Some(place);
        self.see(Item::Added(Sighting { place, message }), forms);
    }

    fn see_command(&mut self, reply: Arc<CommandReply>, forms: Arc<Forms>) {
        if self.view == View::Everything {
            self.see(Item::Command(reply), Some(&forms));
        }
    }

    fn hear(&mut self, piece: &FreshText) {
        if self.view == View::Finished {
            return;
        }
        // Not shown: it has ended as far as this walk has seen, or is being written anew.
        let Some((begun_rev, shown)) = self.shown.get(&piece.seq).copied() else {
            return;
        };
        if begun_rev != piece.begun_rev {
            return;
        }
        match shown.checked_sub(piece.offset) {
            // What comes before it went when the ring was full. The feed has it all.
            None => self.look_at_log(),
            Some(0) => {
                let text = piece.text.clone();
                self.show(piece.seq, begun_rev, shown, text, Some(&piece.forms));
            }
            // Cut, it is this follower's own.
            Some(known) => {
                let fresh: String = piece.text.chars().skip(known).collect();
                self.show(piece.seq, begun_rev, shown, fresh.into(), None);
            }
        }
    }

    /// Shows what is different about who types.
    fn see_typing(&mut self, people: BTreeSet<UserId>) {
        if self.view == View::Finished {
            return;
        }
        let stopped = self.typing.difference(&people).map(|user| (*user, false));
        let begun = people.difference(&self.typing).map(|user| (*user, true));
        let news = stopped.chain(begun);
        self.items
            .extend(news.map(|(user, typing)| Item::Typing { user, typing }.into()));
        self.typing = people;
    }

    fn show(
        &mut self,
        seq: Seq,
        begun_rev: Rev,
        offset: usize,
        text: Arc<str>,
        forms: Option<&Arc<Forms>>,
    ) {
        let length = offset + text.chars().count();
        self.shown.insert(seq, (begun_rev, length));
        if !text.is_empty() {
            self.see(Item::Text { seq, offset, text }, forms);
        }
    }
}
