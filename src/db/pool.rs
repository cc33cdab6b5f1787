//! Connections: how many, how they are set up, how long one waits for them, and how they go back.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Object, Pool};
use diesel::connection::InstrumentationEvent;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connect::connect;
use super::line::Lines;
use super::pulse::{Noted, Pulse};
use crate::error::{AppError, AppResult};

/// A connection to PostgreSQL.
pub type Connection = AsyncPgConnection;

/// How long a request waits for a connection, be it for somebody else's or for a new one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many may wait for each connection. The last of them is served in time only if everybody before it
/// needs less than 50 milliseconds, many times what a request of ours takes; behind them it is hopeless.
const WAITERS_PER_CONNECTION: usize = 100;

/// The pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Lines>,
    pulse: Pulse,
    url: Arc<str>,
    statements: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    _until_dropped: Arc<DropGuard>,
}

/// A connection of the pool, until dropped.
///
/// It goes back clean or not at all: one that is dropped in the middle of a statement or of a transaction is
/// closed, which ends both, and the pool makes another when it is needed. One whose PostgreSQL does not answer any
/// more is closed while it is held (`db::pulse`): what was asked over it is `UNAVAILABLE`.
pub struct Pooled {
    /// Taken when dropped only.
    conn: Option<Object<Lines>>,
    asking: Arc<AtomicBool>,
    _noted: Noted,
}

impl Db {
    /// A pool of at most `size` connections, made when they are first needed.
    ///
    /// Must be called where tasks can be spawned: one watches over the connections until the pool is dropped.
    pub fn new(url: &str, size: usize) -> AppResult<Self> {
        let lines = Lines::to(url).map_err(AppError::internal)?;
        let pool = Pool::builder(lines)
            .max_size(size)
            .build()
            .map_err(AppError::internal)?;
        let (pulse, dropped) = (Pulse::default(), CancellationToken::new());
        let watch = pulse.clone().watch(url.to_owned());
        tokio::spawn(dropped.clone().run_until_cancelled_owned(watch));
        Ok(Self {
            pool,
            pulse,
            url: url.into(),
            statements: Arc::default(),
            waiting: Arc::default(),
            most_waiting: size * WAITERS_PER_CONNECTION,
            _until_dropped: Arc::new(dropped.drop_guard()),
        })
    }

    /// A connection. `UNAVAILABLE` when there is none within 5 seconds, and at once when so many wait for one
    /// already that there is no hope for it.
    pub async fn connection(&self) -> AppResult<Pooled> {
        let _place = Place::take(&self.waiting, self.most_waiting).ok_or_else(|| {
            AppError::unavailable(anyhow::anyhow!("too many wait for a connection"))
        })?;
        // In a box, as elsewhere on a request's way: whatever waits for it would be as large, and is moved about.
        let conn = timeout(PATIENCE, Box::pin(self.pool.get()))
            .await
            .map_err(|_| AppError::unavailable(anyhow::anyhow!("no connection within 5 seconds")))?
            .map_err(AppError::unavailable)?;
        let noted = self.pulse.note(conn.cut().clone());
        Ok(Pooled::new(conn, noted, &self.statements))
    }

    /// A connection beside the pool, for what looks at the database all its life.
    pub(super) async fn connect_apart(&self) -> AppResult<Connection> {
        connect(&self.url).await.map_err(AppError::unavailable)
    }

    /// Whether PostgreSQL answers.
    pub async fn ping(&self) -> AppResult<()> {
        let mut conn = self.connection().await?;
        diesel::sql_query("select 1").execute(&mut *conn).await?;
        Ok(())
    }

    /// How many statements this process has sent, for measuring what an operation costs.
    pub fn statements(&self) -> u64 {
        // Spelled out: diesel gives a `load` to everything.
        AtomicU64::load(&self.statements, Ordering::Relaxed)
    }
}

/// A place among those who wait, until dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    /// Nothing if `most` wait already.
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (before < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pooled {
    /// Whether nothing can be asked over it any more: PostgreSQL is gone, or was told to end it.
    pub fn is_lost(&mut self) -> bool {
        self.conn.as_mut().is_none_or(|conn| conn.is_broken())
    }

    fn new(mut conn: Object<Lines>, noted: Noted, statements: &Arc<AtomicU64>) -> Self {
        let asking = Arc::new(AtomicBool::new(false));
        let (is_asking, counter) = (asking.clone(), statements.clone());
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => {
                counter.fetch_add(1, Ordering::Relaxed);
                is_asking.store(true, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { .. } => is_asking.store(false, Ordering::Relaxed),
            _ => {}
        });
        let conn = Some(conn);
        Self {
            conn,
            asking,
            _noted: noted,
        }
    }
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect(TAKEN_WHEN_DROPPED)
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        self.conn.as_mut().expect(TAKEN_WHEN_DROPPED)
    }
}

const TAKEN_WHEN_DROPPED: &str = "taken when dropped only";

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else {
            return;
        };
        let is_asking = AtomicBool::load(&self.asking, Ordering::Relaxed);
        if is_asking || conn.is_broken() {
            drop(Object::take(conn));
        }
    }
}
