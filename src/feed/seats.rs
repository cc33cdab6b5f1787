//! Who may go on reading a session: asked anew after each change that may have taken somebody's seat, and
//! once for all followers of a feed. What is in no log is told under seats that are a second old at most.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::db::{Connection, Db, members, sessions};
use crate::domain::{SessionId, UserId};
use crate::error::AppResult;

/// For whom a follower reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody with a seat in the session, for as long as they have it.
    Member(UserId),
    /// Parlor itself, which shows nothing of it to anybody. Only the end of the session ends that.
    Parlor,
}

/// Why a reader may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// They have no seat in the session any more.
    Removed,
    /// The session was erased.
    Deleted,
}

/// How old what is known of the seats may be when something is told that has no place in the log.
const FRESH: Duration = Duration::from_secs(1);

/// The seats of a feed's session, as of its last change that its task knows of.
pub(super) struct Seats {
    known: Mutex<Known>,
    /// The number of changes once more: each follower looks at it for each event.
    changes: AtomicU64,
}

struct Known {
    /// How many changes there were that may have taken a seat.
    changes: u64,
    /// Since when this is known.
    since: Instant,
    /// Who has one, looked up when it is first asked after the change.
    members: Arc<OnceCell<HashSet<UserId>>>,
}

impl Seats {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::new(Known {
                changes: 0,
                since: Instant::now(),
                members: Arc::default(),
            }),
            changes: AtomicU64::new(0),
        }
    }

    /// Notes that the session has changed. Called before anything of the change is told to a follower.
    pub(super) fn change(&self) {
        self.begin_anew(&mut self.known());
    }

    /// Counts as a change if none was noted for a second. Called before anything is told that is in no log: the news
    /// of a removal may be lost, and where nothing is missing from the log, nobody looks for it.
    pub(super) fn keep_fresh(&self) {
        let mut known = self.known();
        if known.since.elapsed() >= FRESH {
            self.begin_anew(&mut known);
        }
    }

    /// How many changes there were.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Whether the reader may not go on after these changes; and how many they are.
    pub(super) async fn judge(
        &self,
        db: &Db,
        session: SessionId,
        reader: Reader,
    ) -> AppResult<(u64, Option<Gone>)> {
        let (changes, members) = {
            let known = self.known();
            (known.changes, known.members.clone())
        };
        // Asked after the change: whoever lost their seat by it is not found.
        let read = async || members::all_of(&mut *db.connection().await?, session).await;
        let members = members.get_or_try_init(read).await?;
        // No session is without people.
        let gone = match reader {
            _ if members.is_empty() => Some(Gone::Deleted),
            Reader::Member(user) if !members.contains(&user) => Some(Gone::Removed),
            Reader::Member(_) | Reader::Parlor => None,
        };
        Ok((changes, gone))
    }

    fn begin_anew(&self, known: &mut Known) {
        *known = Known {
            changes: known.changes + 1,
            since: Instant::now(),
            members: Arc::default(),
        };
        self.changes.store(known.changes, Ordering::Release);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the reader may not go on, as of now.
pub(super) async fn look(
    conn: &mut Connection,
    session: SessionId,
    reader: Reader,
) -> AppResult<Option<Gone>> {
    if let Reader::Member(user) = reader
        && members::is_member(conn, session, user).await?
    {
        return Ok(None);
    }
    Ok(match (sessions::find_rev(conn, session).await?, reader) {
        (None, _) => Some(Gone::Deleted),
        (Some(_), Reader::Member(_)) => Some(Gone::Removed),
        (Some(_), Reader::Parlor) => None,
    })
}
