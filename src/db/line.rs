//! One connection of the pool and the task that carries its bytes, so that it can be cut from outside.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::{Config, NoTls};
use tokio_util::sync::{CancellationToken, DropGuard};

/// No statement of ours takes this long unless something is wrong; then it ends instead of piling up.
const LIMITS: &str = "set statement_timeout = '10s'; \
                      set lock_timeout = '5s'; \
                      set idle_in_transaction_session_timeout = '15s'";

/// PostgreSQL looks once a second whether anybody is left to answer to: a statement that nobody waits for any
/// more, and the locks it holds, end with the connection, also after a crash of ours.
const LOOK_FOR_US: &str = "set client_connection_check_interval = '1s'";

/// How long the network may leave what was sent unconfirmed before the connection counts as broken.
const UNCONFIRMED: Duration = Duration::from_secs(10);

/// A connection. Dropped or cut, it is gone at once, also in the middle of a statement: who waits for an answer
/// is told that it is closed.
pub(super) struct Line {
    conn: AsyncPgConnection,
    cut: CancellationToken,
    _until_dropped: DropGuard,
}

impl Line {
    async fn open(config: &Config) -> ConnectionResult<Self> {
        let (client, bytes) = config.connect(NoTls).await.map_err(refused)?;
        let cut = CancellationToken::new();
        // From here on, so that it ends too if nobody waits for the rest of this.
        let until_dropped = cut.clone().drop_guard();
        // What it ends with is told to whoever asks over it.
        tokio::spawn(cut.clone().run_until_cancelled_owned(bytes));
        let mut conn = AsyncPgConnection::try_from(client).await?;
        conn.batch_execute(LIMITS)
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        // Not every system that PostgreSQL runs on lets it; there, statements end by their limits.
        if let Err(error) = conn.batch_execute(LOOK_FOR_US).await {
            tracing::debug!(%error, "PostgreSQL can't tell when a client has gone");
        }
        Ok(Self {
            conn,
            cut,
            _until_dropped: until_dropped,
        })
    }

    /// What cuts it.
    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Whether nothing can be asked over it any more, or not before what was begun is ended.
    pub(super) fn is_broken(&mut self) -> bool {
        self.cut.is_cancelled() || self.conn.is_broken()
    }
}

fn refused(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}

impl Deref for Line {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.conn
    }
}

impl DerefMut for Line {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.conn
    }
}

/// Makes lines for the pool.
pub(super) struct Lines(Config);

impl Lines {
    /// To the database at this address.
    pub(super) fn to(url: &str) -> Result<Self, tokio_postgres::Error> {
        let mut config: Config = url.parse()?;
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNCONFIRMED);
        }
        Ok(Self(config))
    }
}

impl Manager for Lines {
    type Type = Line;
    type Error = ConnectionError;

    async fn create(&self) -> ConnectionResult<Line> {
        Line::open(&self.0).await
    }

    /// One that closed is noticed without asking PostgreSQL: a query before each use would double the round trips
    /// of a small one.
    async fn recycle(&self, line: &mut Line, _: &Metrics) -> RecycleResult<ConnectionError> {
        match line.is_broken() {
            true => Err(RecycleError::message("broken")),
            false => Ok(()),
        }
    }
}
