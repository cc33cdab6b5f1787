//! Connections: how many, how they are set up, how long one waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::InstrumentationEvent;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;

use crate::error::{AppError, AppResult};

/// A connection to PostgreSQL.
pub type Connection = AsyncPgConnection;

/// How long a request waits for a connection, and a connection for PostgreSQL.
const PATIENCE: Duration = Duration::from_secs(5);

/// No statement of ours takes this long unless something is wrong; then it ends instead of piling up.
const LIMITS: &str = "set statement_timeout = '10s'; \
                      set lock_timeout = '5s'; \
                      set idle_in_transaction_session_timeout = '15s'";

/// The pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Connection>,
    statements: Arc<AtomicU64>,
}

impl Db {
    /// A pool of at most `size` connections, made when they are first needed.
    pub fn new(url: &str, size: usize) -> AppResult<Self> {
        let statements = Arc::new(AtomicU64::new(0));
        let counter = statements.clone();
        let mut config = ManagerConfig::default();
        // A connection that closed, or was left in a transaction, is noticed without asking PostgreSQL: a
        // query before each use would double the round trips of a small one.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |url| {
            let counter = counter.clone();
            async move {
                let mut conn = AsyncPgConnection::establish(url).await?;
                conn.batch_execute(LIMITS)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                    if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
                Ok(conn)
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(AppError::internal)?;
        Ok(Self { pool, statements })
    }

    /// A connection. `UNAVAILABLE` when there is none within 5 seconds.
    pub async fn connection(&self) -> AppResult<Object<Connection>> {
        self.pool
            .get()
            .await
            .map_err(|fault: PoolError| AppError::unavailable(fault))
    }

    /// Whether PostgreSQL answers.
    pub async fn ping(&self) -> AppResult<()> {
        let mut conn = self.connection().await?;
        diesel::sql_query("select 1").execute(&mut conn).await?;
        Ok(())
    }

    /// How many statements this process has sent, for measuring what an operation costs.
    pub fn statements(&self) -> u64 {
        // Spelled out: diesel gives a `load` to everything.
        AtomicU64::load(&self.statements, Ordering::Relaxed)
    }
}
