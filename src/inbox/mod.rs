//! Inboxes: who watches all of their sessions here, and what is stirring in them.
//!
//! One task hears of every change in every session, a few bytes each, for as long as somebody here has an inbox open.
//! A change in a session that none of them is in costs one look into a map. The others are marked in the inboxes that
//! they matter to, and each inbox reads for itself what has become of them: state and no events, so a hundred changes
//! that come before it looks are one.
//!
//! An [`Follower`] is one open inbox: attach, look at what changed since its cursor, follow. What it is not told, it
//! finds when it looks again.

mod follower;
mod hearing;
mod marks;
mod told;
mod watched;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use follower::{Ahead, Follower, Item, Start};
use marks::Marks;
use watched::Watched;

use crate::bus::Bus;
use crate::db::Db;
use crate::domain::{SessionId, UserId};
use crate::error::{AppError, AppResult};

/// How many inboxes read at once. A message to a thousand people, or a loss on the bus, makes them queue up here and
/// not before the database's pool, where requests wait.
const READERS: usize = 4;

/// The inboxes that are open in this process. Cheap to clone.
#[derive(Clone)]
pub struct Inboxes {
    parts: Arc<Parts>,
}

struct Parts {
    db: Db,
    bus: Bus,
    open: Mutex<Open>,
    readers: Semaphore,
    tasks: TaskTracker,
    closed: CancellationToken,
}

/// The inboxes there are, and the task that hears for them.
#[derive(Default)]
struct Open {
    watched: Watched,
    /// Whether it hears yet; nothing if there is no task.
    hearing: Option<Arc<watch::Sender<bool>>>,
}

/// An open inbox, as those see it who tell it something.
struct Slot {
    user: UserId,
    marks: Mutex<Marks>,
    /// Something was marked.
    stirred: Notify,
}

/// A follower's end of a slot.
struct Attachment {
    inboxes: Inboxes,
    slot: Arc<Slot>,
}

impl Inboxes {
    /// None is open yet.
    pub fn new(db: Db, bus: Bus) -> Self {
        Self {
            parts: Arc::new(Parts {
                db,
                bus,
                open: Mutex::default(),
                readers: Semaphore::new(READERS),
                tasks: TaskTracker::new(),
                closed: CancellationToken::new(),
            }),
        }
    }

    /// Opens a person's inbox. Whoever calls this has proved who asks.
    pub fn follow(&self, user: UserId, start: Start) -> Follower {
        Follower::new(self.clone(), user, start)
    }

    /// How many are open.
    pub fn followers(&self) -> usize {
        self.open().watched.slots().count()
    }

    /// Has every inbox look at what it may have missed: the database was away.
    pub fn look(&self) {
        self.open().watched.miss();
    }

    /// Ends the task that hears, and waits until it is gone.
    pub async fn close(&self) {
        self.parts.closed.cancel();
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
    }

    /// Opens a slot. When this returns, every later change in a session that is watched for it, and of its person's
    /// seats, marks it.
    async fn attach(&self, user: UserId) -> AppResult<Attachment> {
        let slot = Arc::new(Slot {
            user,
            marks: Mutex::default(),
            stirred: Notify::new(),
        });
        let mut hears = {
            let mut open = self.open();
            open.watched.add(&slot);
            let hearing = open.hearing.get_or_insert_with(|| hearing::begin(self));
            hearing.subscribe()
        };
        // Before anything is waited for, so that a slot nobody waits for any more is taken away.
        let attachment = Attachment {
            inboxes: self.clone(),
            slot,
        };
        let is_heard = hears.wait_for(|hears| *hears);
        tokio::select! {
            _ = is_heard => Ok(attachment),
            () = self.parts.closed.cancelled() => {
                Err(AppError::unavailable(anyhow::anyhow!("the inboxes are closed")))
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.parts
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn mark(&self, session: SessionId) {
        self.marks().add(session);
        self.stirred.notify_one();
    }

    fn miss(&self) {
        self.marks().miss();
        self.stirred.notify_one();
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attachment {
    /// Has changes in these sessions mark the slot, and gives those that did not so far. What changed before has to
    /// be read after this.
    fn watch(&self, sessions: &[SessionId]) -> Vec<SessionId> {
        self.inboxes.open().watched.watch(&self.slot, sessions)
    }

    /// No longer.
    fn unwatch(&self, session: SessionId) {
        self.inboxes.open().watched.unwatch(&self.slot, session);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.inboxes.open().watched.remove(&self.slot);
    }
}
