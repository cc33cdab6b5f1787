//! One open inbox: attach, look at what changed since the cursor, follow.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::told::{PACE, Told};
use super::{Attachment, Inboxes, marks};
use crate::db::inbox::{self, Mark, Place, Stirring};
use crate::db::sessions::Session;
use crate::domain::{Horizon, SessionId, UserId};
use crate::error::AppResult;

/// How often it looks unasked. A change whose announcement was lost with whoever should have made it is told this late
/// at the latest.
const LOOK: Duration = Duration::from_secs(15);

/// The same while what other processes announce may not arrive.
const LOOK_WHEN_UNSURE: Duration = Duration::from_secs(2);

/// How many sessions a look finds at a time: ids only.
const PAGE: usize = 500;

/// How long what was read may wait to be told before it is looked whether it still is so.
const FRESH: Duration = Duration::from_millis(250);

/// How many sessions are read at a time. They are told before more are read.
const BATCH: usize = 20;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    Now,
    /// With what has happened since.
    After(Horizon),
}

/// The place to begin at has not been reached yet: it was of another copy of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead;

/// What is told, each with where to come back to.
#[derive(Clone, Debug)]
pub enum Item {
    /// A session that the person was not in, or not as far as they may know.
    Added(Horizon, Box<Session>),
    /// A session of theirs in which something has changed.
    Updated(Horizon, Box<Session>),
    /// A session that they are not in any more.
    Removed(Horizon, SessionId),
    /// All that had changed before the inbox was opened is told. Once.
    CaughtUp(Horizon),
}

/// An open inbox. It tells each session as it is when it is told, twice a second at most, and misses none in which
/// something has changed for good.
pub struct Follower {
    inboxes: Inboxes,
    user: UserId,
    start: Start,
    /// Nothing until it has begun.
    attachment: Option<Attachment>,
    /// Where to come back to: all that earlier transactions did was told.
    horizon: Horizon,
    has_caught_up: bool,
    /// Nothing before the first look.
    looked_at: Option<Instant>,
    has_missed: bool,
    look: Option<Look>,
    /// Marked, and not read since.
    marked: HashSet<SessionId>,
    told: Told,
    /// Read, and next to be told.
    items: VecDeque<(Mark, Item)>,
    /// When that was.
    read_at: Instant,
    unsure: watch::Receiver<bool>,
}

/// A look under way.
struct Look {
    /// What it has found and is not told.
    found: Vec<Stirring>,
    /// Where the next page begins; nothing if this was the last.
    next: Option<Place>,
    /// The last it has found.
    last: Option<Place>,
    /// Where it began: a seat that was given since is news, however many pages ago.
    began: Horizon,
    /// The horizon of its first page: what commits between two pages may stand before the second.
    horizon: Horizon,
}

impl Follower {
    pub(super) fn new(inboxes: Inboxes, user: UserId, start: Start) -> Self {
        Self {
            unsure: inboxes.parts.bus.unsure(),
            inboxes,
            user,
            start,
            attachment: None,
            horizon: Horizon(0),
            has_caught_up: false,
            looked_at: None,
            has_missed: false,
            look: None,
            marked: HashSet::new(),
            told: Told::default(),
            items: VecDeque::new(),
            read_at: Instant::now(),
        }
    }

    /// What comes next. After an error it may be asked again: nothing is lost by it.
    pub async fn next(&mut self) -> AppResult<Result<Item, Ahead>> {
        if self.attachment.is_none() {
            let attachment = self.begin().await?;
            self.attachment = Some(attachment);
            if self.has_caught_up {
                return Ok(Ok(Item::CaughtUp(self.horizon)));
            }
        }
        loop {
            self.take_marks();
            self.reconsider();
            if let Some((mark, item)) = self.items.pop_front() {
                if let Some(session) = item.session() {
                    self.told.tell(session, mark, Instant::now());
                }
                return Ok(Ok(item));
            }
            let ready = self.ready();
            if !ready.is_empty() {
                self.read(&ready).await?;
            } else if self.look.as_ref().is_some_and(|look| look.found.is_empty()) {
                match self.look_on().await? {
                    Ok(true) => return Ok(Ok(Item::CaughtUp(self.horizon))),
                    Ok(false) => {}
                    Err(ahead) => return Ok(Err(ahead)),
                }
            } else if self.look.is_none() && self.is_time_to_look() {
                self.look = Some(Look {
                    found: Vec::new(),
                    next: Some(Place::at(self.horizon)),
                    last: None,
                    began: self.horizon,
                    horizon: self.horizon,
                });
                self.has_missed = false;
            } else {
                self.wait().await;
            }
        }
    }

    /// Attaches before it looks, so that a change between the two is found twice here and told once.
    async fn begin(&mut self) -> AppResult<Attachment> {
        let attachment = self.inboxes.attach(self.user).await?;
        let _place = self.inboxes.parts.readers.acquire().await;
        let mut conn = self.inboxes.parts.db.connection().await?;
        attachment.watch(&inbox::sessions_of(&mut conn, self.user).await?);
        match self.start {
            Start::Now => {
                self.horizon = inbox::now(&mut conn, self.user).await?;
                self.has_caught_up = true;
                self.looked_at = Some(Instant::now());
            }
            Start::After(horizon) => self.horizon = horizon,
        }
        Ok(attachment)
    }

    /// Takes marks over, but no more than can be read soon: the rest stays where it is bounded.
    fn take_marks(&mut self) {
        if let Some(attachment) = &self.attachment
            && self.marked.len() < marks::MOST
        {
            let mut marks = attachment.slot.marks();
            self.marked.extend(marks.sessions.drain());
            self.has_missed |= std::mem::take(&mut marks.has_missed);
        }
    }

    /// Lets go of what was read and is not told yet, where it has changed since: its reader may have lost their seat by
    /// that. It is read again.
    fn reconsider(&mut self) {
        // What was read just now is told: a session that changes all the time is to be told of too.
        if self.items.is_empty() || self.read_at.elapsed() < FRESH {
            return;
        }
        if self.has_missed {
            self.marked
                .extend(self.items.drain(..).filter_map(|(_, item)| item.session()));
        }
        let marked = &self.marked;
        let is_as_read = |item: &Item| item.session().is_none_or(|id| !marked.contains(&id));
        self.items.retain(|(_, item)| is_as_read(item));
    }

    /// Some of the sessions that may be told now. What was told just as a look has found it is nothing new.
    fn ready(&mut self) -> Vec<SessionId> {
        let (now, told) = (Instant::now(), &self.told);
        let mut found = Vec::new();
        if let Some(look) = &mut self.look {
            look.found
                .retain(|found| !told.is_told(found.session, found.mark));
            found.extend(look.found.iter().map(|found| found.session));
        }
        let mut ready = Vec::new();
        for session in found.into_iter().chain(self.marked.iter().copied()) {
            let is_due = told.due(session).is_none_or(|due| due <= now);
            if is_due && !ready.contains(&session) {
                ready.push(session);
                if ready.len() == BATCH {
                    break;
                }
            }
        }
        ready
    }

    /// Reads these sessions, to be told next.
    async fn read(&mut self, ready: &[SessionId]) -> AppResult<()> {
        let Some(attachment) = &self.attachment else {
            return Ok(());
        };
        // First, so that what changes after it was read is marked.
        let new = attachment.watch(ready);
        let (seated, departed) = {
            let _place = self.inboxes.parts.readers.acquire().await;
            let mut conn = self.inboxes.parts.db.connection().await?;
            let seated = inbox::seated(&mut conn, self.user, ready).await?;
            let is_seated = |id: &SessionId| seated.iter().any(|(session, _)| session.id == *id);
            let others: Vec<SessionId> =
                ready.iter().copied().filter(|id| !is_seated(id)).collect();
            let departed = match others.as_slice() {
                [] => Vec::new(),
                others => inbox::departed(&mut conn, self.user, others).await?,
            };
            for other in others {
                attachment.unwatch(other);
            }
            (seated, departed)
        };
        self.read_at = Instant::now();
        let horizon = self.horizon;
        let since = self.look.as_ref().map_or(horizon, |look| look.began);
        for (session, mark) in seated {
            if self.told.is_told(session.id, mark) {
                continue;
            }
            // Who begins now reads the sessions that they are in.
            let is_new = match self.start {
                Start::After(_) if !new.contains(&session.id) => {
                    self.told.is_new(session.id, mark, since)
                }
                _ => new.contains(&session.id),
            };
            let item = match is_new {
                true => Item::Added(horizon, Box::new(session)),
                false => Item::Updated(horizon, Box::new(session)),
            };
            self.items.push_back((mark, item));
        }
        for (session, mark) in departed {
            if !self.told.is_told(session, mark) {
                self.items
                    .push_back((mark, Item::Removed(horizon, session)));
            }
        }
        for session in ready {
            self.marked.remove(session);
        }
        if let Some(look) = &mut self.look {
            look.found.retain(|found| !ready.contains(&found.session));
        }
        Ok(())
    }

    /// All that the look has found so far is told: reads on, or ends it. Says whether that caught up.
    async fn look_on(&mut self) -> AppResult<Result<bool, Ahead>> {
        let Some(look) = &mut self.look else {
            return Ok(Ok(false));
        };
        if let Some(next) = look.next {
            let _place = self.inboxes.parts.readers.acquire().await;
            let mut conn = self.inboxes.parts.db.connection().await?;
            let page = inbox::look(&mut conn, self.user, next, PAGE).await?;
            // Later ones are behind something that was found.
            if look.last.is_none() {
                if page.horizon < self.horizon {
                    return Ok(Err(Ahead));
                }
                look.horizon = page.horizon;
            } else {
                self.horizon = self.horizon.max(next.horizon().min(look.horizon));
            }
            look.last = page.stirrings.last().map(|last| last.place).or(look.last);
            look.next = look.last.filter(|_| page.stirrings.len() == PAGE);
            look.found = page.stirrings;
            return Ok(Ok(false));
        }
        if let Some(last) = look.last {
            self.horizon = self.horizon.max(last.horizon_behind().min(look.horizon));
        }
        self.look = None;
        let now = Instant::now();
        self.looked_at = Some(now);
        self.told.forget_before(self.horizon, now);
        Ok(Ok(!std::mem::replace(&mut self.has_caught_up, true)))
    }

    fn is_time_to_look(&self) -> bool {
        self.next_look() <= Instant::now()
    }

    /// After a loss soon, but not one look upon the other: whoever loses much may lose on and on.
    fn next_look(&self) -> Instant {
        let Some(looked_at) = self.looked_at else {
            return Instant::now();
        };
        let unsure = *self.unsure.borrow();
        looked_at
            + match (self.has_missed, unsure) {
                (true, _) => PACE,
                (false, true) => LOOK_WHEN_UNSURE,
                (false, false) => LOOK,
            }
    }

    /// Waits for a mark, for a session that may be told again, or until it is time to look.
    async fn wait(&mut self) {
        let Some(attachment) = &self.attachment else {
            return;
        };
        let found = self.look.iter().flat_map(|look| &look.found);
        let waiting = found
            .map(|found| found.session)
            .chain(self.marked.iter().copied());
        let due = waiting.filter_map(|session| self.told.due(session)).min();
        let look = self.look.is_none().then(|| self.next_look());
        let until = due.into_iter().chain(look).min();
        let until = until.unwrap_or_else(|| Instant::now() + LOOK);
        tokio::select! {
            () = attachment.slot.stirred.notified() => {}
            () = sleep_until(until) => {}
            Ok(()) = self.unsure.changed() => {}
        }
    }
}

impl Item {
    /// Whose it is.
    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Added(_, session) | Self::Updated(_, session) => Some(session.id),
            Self::Removed(_, session) => Some(*session),
            Self::CaughtUp(_) => None,
        }
    }
}
