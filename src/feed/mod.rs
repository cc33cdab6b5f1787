//! Feeds: one per session per process, for as long as somebody here watches the session.
//!
//! A feed puts what the bus says into the log's order, fills what the bus lost from the log, and keeps the
//! text of replies under way. A [`Follower`] is one subscriber's walk: attach to the feed, read the log
//! from a cursor, then follow. It attaches before it reads, so that a change between the two is seen twice
//! here and once by the client.

mod follower;
mod forms;
mod gaps;
mod makers;
mod ring;
mod seats;
mod sequence;
mod task;
mod texts;
mod typing;

use std::collections::{HashMap, hash_map};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use follower::{Follower, Item, Seen, Sighting, Start, View};
use forms::Shelf;
pub use forms::{Form, Forms, Found, Made, Making};
pub use makers::Maker;
use makers::Makers;
use ring::{Listener, Ring, Weighed};
use seats::Seats;
pub use seats::{Gone, Reader};
use texts::Texts;
pub use typing::Profile;
use typing::Typing;

use crate::bus::{Bus, TextPiece};
use crate::db::Db;
use crate::db::log::Entry;
use crate::domain::{CommandReply, Epoch, Rev, Seq, SessionId, UserId};
use crate::error::{AppError, AppResult};

/// The feeds of this process. Cheap to clone.
#[derive(Clone)]
pub struct Feeds {
    db: Db,
    bus: Bus,
    open: Arc<Mutex<Open>>,
    makers: Makers,
    tasks: TaskTracker,
    closed: CancellationToken,
    /// The epoch whose log was last found wanting.
    rewound: Arc<watch::Sender<Epoch>>,
}

/// The feeds there are.
struct Open {
    /// Whose logs those read that are opened from now on.
    epoch: Epoch,
    feeds: HashMap<SessionId, Arc<Feed>>,
}

/// What followers of one session share with its task.
struct Feed {
    session: SessionId,
    /// The epoch that its log belongs to.
    epoch: Epoch,
    makers: Makers,
    tasks: TaskTracker,
    events: Ring<FeedEvent>,
    /// What followers have made of its events.
    shelf: Arc<Shelf>,
    texts: Mutex<Texts>,
    typing: Mutex<Typing>,
    seats: Seats,
    ready: watch::Sender<bool>,
    /// Fires when its log is no longer the one it began with.
    outdated: CancellationToken,
    /// Asks it to look at the log.
    look: Notify,
}

/// What a feed tells its followers, in order.
#[derive(Clone)]
enum FeedEvent {
    /// Entries of the log, in order. Those of one event may have been read from it after the fact: then the
    /// messages are as they were at the last of them.
    Entries(Arc<[Fresh]>),
    /// More text of a reply, following on what the feed told before.
    Text(Arc<FreshText>),
    /// A command has come to its end. Told to those who follow now, and to nobody again.
    Command(Arc<CommandReply>, Arc<Forms>),
    /// Somebody types now, or does no more: see who does.
    Typing,
    /// Too much was missed to be told one by one: read the log.
    LookAtLog,
}

impl FeedEvent {
    /// Whether it has no place in the log: where the news of a removal was lost, no hole shows that.
    fn is_unlogged(&self) -> bool {
        match self {
            Self::Text(_) | Self::Command(..) | Self::Typing => true,
            Self::Entries(_) | Self::LookAtLog => false,
        }
    }
}

/// An entry of the log as it is told, and what followers make of it.
struct Fresh {
    entry: Entry,
    forms: Arc<Forms>,
}

/// More text of a reply as it is told, and what followers make of it.
struct FreshText {
    seq: Seq,
    begun_rev: Rev,
    offset: usize,
    text: Arc<str>,
    forms: Arc<Forms>,
}

/// A follower's end of a feed.
struct Attachment {
    feed: Arc<Feed>,
    events: Listener<FeedEvent>,
}

impl Feeds {
    /// No feeds yet.
    pub fn new(db: Db, bus: Bus, epoch: Epoch) -> Self {
        Self {
            db,
            bus,
            open: Arc::new(Mutex::new(Open {
                epoch,
                feeds: HashMap::new(),
            })),
            makers: Makers::default(),
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
            rewound: Arc::new(watch::Sender::new(epoch)),
        }
    }

    /// A walk along a session's log. Whoever calls this has proved that the reader may read it; the walk ends
    /// when they may no longer.
    pub fn follow(&self, session: SessionId, start: Start, view: View, reader: Reader) -> Follower {
        Follower::new(self.clone(), session, start, view, reader)
    }

    /// Has somebody make what there is to make of what is seen in a session, for as long as they live.
    pub fn have_made(&self, session: SessionId, maker: Weak<dyn Maker>) {
        self.makers.add(session, maker);
    }

    /// Forgets makers of a session who are gone.
    pub fn forget_makers(&self, session: SessionId) {
        self.makers.prune(session);
    }

    /// How many follow a session here; nothing if it has no feed.
    pub fn followers(&self, session: SessionId) -> Option<usize> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.feeds.get(&session).map(|feed| feed.events.listeners())
    }

    /// Whether somebody types in a session, as far as is known here: where nobody follows it, nothing is.
    pub fn is_typing(&self, session: SessionId, user: UserId) -> bool {
        self.profile_of_typist(session, user).is_some()
    }

    /// Where those who watch a session here note who this person is, if they type there as far as is known here.
    pub fn profile_of_typist(&self, session: SessionId, user: UserId) -> Option<Profile> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.feeds.get(&session)?.typing().profile(user)
    }

    /// Ends every feed and waits until they are gone.
    pub async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends the feeds there are: the log is another one. Those who follow one go on with the next.
    pub fn begin_anew(&self, epoch: Epoch) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.epoch = epoch;
        for feed in open.feeds.values() {
            feed.outdated.cancel();
        }
    }

    /// Has every feed look at its log: the database was away, and may be another one now.
    pub fn look(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in open.feeds.values() {
            feed.look.notify_one();
        }
    }

    /// Changes when a feed finds that its log ends before what it has told of it, an older copy: to the epoch
    /// that the feed was opened in.
    pub fn rewound(&self) -> watch::Receiver<Epoch> {
        self.rewound.subscribe()
    }

    /// Joins the session's feed, which is opened if need be. When this returns, every later change will
    /// reach the attachment.
    async fn attach(&self, session: SessionId) -> AppResult<Attachment> {
        let (feed, events) = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let epoch = open.epoch;
            let feed = match open.feeds.entry(session) {
                hash_map::Entry::Occupied(entry) => entry.get().clone(),
                hash_map::Entry::Vacant(entry) => entry.insert(self.open(session, epoch)).clone(),
            };
            // Under the lock, so that a feed that retires sees its new follower.
            let events = feed.events.listen();
            (feed, events)
        };
        let mut ready = feed.ready.subscribe();
        let is_ready = ready.wait_for(|ready| *ready);
        tokio::select! {
            _ = is_ready => {}
            () = self.closed.cancelled() => {
                return Err(AppError::unavailable(anyhow::anyhow!("the feeds are closed")));
            }
        }
        Ok(Attachment { feed, events })
    }

    fn open(&self, session: SessionId, epoch: Epoch) -> Arc<Feed> {
        let feed = Arc::new(Feed {
            session,
            epoch,
            makers: self.makers.clone(),
            tasks: self.tasks.clone(),
            events: Ring::new(),
            shelf: Arc::default(),
            texts: Mutex::new(Texts::new()),
            typing: Mutex::default(),
            seats: Seats::new(),
            ready: watch::Sender::new(false),
            outdated: CancellationToken::new(),
            look: Notify::new(),
        });
        self.tasks
            .spawn(task::run(self.clone(), session, feed.clone()));
        feed
    }

    /// Forgets a feed unless somebody follows it. Says whether it did.
    fn retire(&self, session: SessionId, feed: &Arc<Feed>) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = feed.events.listeners() == 0;
        if is_idle
            && open
                .feeds
                .get(&session)
                .is_some_and(|open| Arc::ptr_eq(open, feed))
        {
            open.feeds.remove(&session);
        }
        is_idle
    }

    /// Forgets a feed whose task has ended, and sends those who still follow it to the log and to the next.
    fn bury(&self, session: SessionId, feed: &Arc<Feed>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open
            .feeds
            .get(&session)
            .is_some_and(|open| Arc::ptr_eq(open, feed))
        {
            open.feeds.remove(&session);
        }
        drop(open);
        feed.ready.send_replace(true);
        feed.events.close();
    }
}

impl Weighed for FeedEvent {
    fn bytes(&self) -> usize {
        match self {
            Self::Entries(entries) => entries.iter().map(|fresh| fresh.entry.bytes()).sum(),
            Self::Text(piece) => size_of::<FreshText>() + piece.text.len(),
            Self::Command(reply, _) => {
                let texts = [&reply.command, &reply.argument, &reply.content];
                let failure = reply.failure.as_ref().map_or(0, String::len);
                let texts: usize = texts.iter().map(|text| text.len()).sum();
                size_of::<CommandReply>() + texts + failure
            }
            Self::Typing | Self::LookAtLog => 0,
        }
    }

    fn is_ephemeral(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Typing)
    }
}

impl Feed {
    fn typing(&self) -> std::sync::MutexGuard<'_, Typing> {
        self.typing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn texts(&self) -> std::sync::MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_entries(self: &Arc<Self>, entries: Vec<Entry>) {
        let fresh = entries.into_iter().map(|entry| Fresh {
            entry,
            forms: self.shelf.forms(),
        });
        self.tell(FeedEvent::Entries(fresh.collect()));
    }

    fn tell_text(self: &Arc<Self>, piece: TextPiece) {
        self.tell(FeedEvent::Text(Arc::new(FreshText {
            seq: piece.seq,
            begun_rev: piece.begun_rev,
            offset: piece.offset,
            text: piece.text.into(),
            forms: self.shelf.forms(),
        })));
    }

    fn tell_command(self: &Arc<Self>, reply: CommandReply) {
        let forms = self.shelf.forms();
        self.tell(FeedEvent::Command(Arc::new(reply), forms));
    }

    /// Tells followers, and wakes them once what they all want of it is made.
    fn tell(self: &Arc<Self>, event: FeedEvent) {
        if event.is_unlogged() {
            self.seats.keep_fresh();
        }
        match self.makers.make(self.session, &event) {
            Some(making) => {
                self.events.put(event);
                let wake = Wake(self.clone());
                self.tasks.spawn(async move {
                    let _wake = wake;
                    making.await;
                });
            }
            None => self.events.tell(event),
        }
    }
}

/// Wakes a feed's followers when dropped, whatever has come in between.
struct Wake(Arc<Feed>);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.events.wake();
    }
}
