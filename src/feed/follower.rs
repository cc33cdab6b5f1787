//! One subscriber's walk along a session's log: attach, read the log, follow.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio::sync::broadcast::error::RecvError;

use super::{Attachment, FeedEvent, Feeds};
use crate::bus::TextPiece;
use crate::db::messages::Message;
use crate::db::{log, sessions};
use crate::domain::{Rev, Seq, SessionId};
use crate::error::AppResult;

/// How many changes are read from the log at a time.
const PAGE: i64 = 100;

/// Which changes a follower sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All of them, by rev, and the text of replies under way.
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

/// What a follower sees.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message that it has not seen before.
    Added(Message),
    /// A message that it has seen has changed.
    Changed(Message),
    /// A reply's text from `offset` (in Unicode scalar values) on.
    Text {
        /// Which reply.
        seq: Seq,
        /// How much of the text comes before.
        offset: usize,
        /// More of it.
        text: String,
    },
    /// Everything up to this change was seen; what follows is live. Comes once.
    CaughtUp(Rev),
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
    phase: Phase,
    /// Up to where all was seen; nothing until a walk that begins now knows where that is.
    position: Option<Rev>,
    has_caught_up: bool,
    /// While the log is read: where reading began, and what was seen since.
    read_from: Rev,
    read: HashSet<Seq>,
    /// How much was shown of each reply under way.
    shown: HashMap<Seq, usize>,
    items: VecDeque<Item>,
}

impl Follower {
    pub(super) fn new(feeds: Feeds, session: SessionId, start: Start, view: View) -> Self {
        Self {
            feeds,
            session,
            view,
            phase: Phase::Detached,
            position: match start {
                Start::Now => None,
                Start::After(rev) => Some(rev),
            },
            has_caught_up: false,
            read_from: Rev::START,
            read: HashSet::new(),
            shown: HashMap::new(),
            items: VecDeque::new(),
        }
    }

    /// Waits for what comes next. After an error the same step can be tried again; nothing is lost.
    pub async fn next(&mut self) -> AppResult<Item> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            match &mut self.phase {
                Phase::Detached => {
                    let attachment = self.feeds.attach(self.session).await?;
                    self.phase = Phase::Reading(attachment);
                    self.read.clear();
                    self.read_from = self.position.unwrap_or(Rev::START);
                }
                Phase::Reading(_) => self.read_page().await?,
                Phase::Live(attachment) => match attachment.receiver.recv().await {
                    Ok(FeedEvent::Changes(changes)) => self.see_live(&changes),
                    Ok(FeedEvent::Text(piece)) => self.hear(&piece),
                    Ok(FeedEvent::LookAtLog) | Err(RecvError::Lagged(_) | RecvError::Closed) => {
                        self.phase = Phase::Detached;
                    }
                },
            }
        }
    }

    /// Reads the next changes from the log; after the last, the walk is live.
    async fn read_page(&mut self) -> AppResult<()> {
        let mut conn = self.feeds.db.connection().await?;
        let Some(position) = self.position else {
            let head = sessions::find_rev(&mut conn, self.session).await?;
            self.position = Some(head.unwrap_or(Rev::START));
            self.read_from = self.position.unwrap_or(Rev::START);
            drop(conn);
            self.go_live();
            return Ok(());
        };
        let page = match self.view {
            View::Everything => log::changes_after(&mut conn, self.session, position, PAGE).await?,
            View::Finished => log::finished_after(&mut conn, self.session, position, PAGE).await?,
        };
        drop(conn);
        let is_last = page.len() < PAGE as usize;
        for message in page {
            let is_known = message.added_rev <= self.read_from || self.read.contains(&message.seq);
            self.read.insert(message.seq);
            self.see(message, is_known);
        }
        if is_last {
            self.go_live();
        }
        Ok(())
    }

    fn go_live(&mut self) {
        let Phase::Reading(attachment) = std::mem::replace(&mut self.phase, Phase::Detached) else {
            return;
        };
        if self.view == View::Everything {
            let texts = attachment
                .feed
                .texts()
                .beyond(|seq| self.shown.get(&seq).copied().unwrap_or(0));
            for (seq, offset, text) in texts {
                // The log already told how it ended, and the feed has yet to hear of it.
                let has_ended = self.read.contains(&seq) && !self.shown.contains_key(&seq);
                if !has_ended {
                    self.show(seq, offset, text);
                }
            }
        }
        self.read = HashSet::new();
        self.phase = Phase::Live(attachment);
        if !std::mem::replace(&mut self.has_caught_up, true) {
            let position = self.position.unwrap_or(Rev::START);
            self.items.push_back(Item::CaughtUp(position));
        }
    }

    fn see_live(&mut self, changes: &[Message]) {
        let known = self.position.unwrap_or(Rev::START);
        match self.view {
            View::Everything => {
                for message in changes.iter().filter(|message| message.rev > known) {
                    self.see(message.clone(), message.added_rev <= known);
                }
            }
            // Changes are in order of rev: a message edited since it became final may come after one
            // that became final later.
            View::Finished => {
                let mut finished: Vec<_> = changes
                    .iter()
                    .filter(|message| message.finished_rev > Some(known))
                    .collect();
                finished.sort_unstable_by_key(|message| message.finished_rev);
                for message in finished {
                    self.see(message.clone(), false);
                }
            }
        }
    }

    fn see(&mut self, message: Message, is_known: bool) {
        match self.view {
            View::Everything => {
                self.position = Some(message.rev);
                if message.status.is_under_way() {
                    self.shown
                        .insert(message.seq, message.content.chars().count());
                } else {
                    self.shown.remove(&message.seq);
                }
                self.items.push_back(if is_known {
                    Item::Changed(message)
                } else {
                    Item::Added(message)
                });
            }
            View::Finished => {
                self.position = self.position.max(message.finished_rev);
                self.items.push_back(Item::Added(message));
            }
        }
    }

    fn hear(&mut self, piece: &TextPiece) {
        if self.view == View::Finished {
            return;
        }
        // Not shown: it has ended as far as this walk has seen.
        let Some(shown) = self.shown.get(&piece.seq).copied() else {
            return;
        };
        let Some(known) = shown.checked_sub(piece.offset) else {
            // Can't be, as the feed tells text without gaps; if it is, the feed has it all.
            self.phase = Phase::Detached;
            return;
        };
        let fresh: String = piece.text.chars().skip(known).collect();
        self.show(piece.seq, shown, fresh);
    }

    fn show(&mut self, seq: Seq, offset: usize, text: String) {
        self.shown.insert(seq, offset + text.chars().count());
        if !text.is_empty() {
            self.items.push_back(Item::Text { seq, offset, text });
        }
    }
}
