//! Brings the database up to date, one process at a time.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connect::connect;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Any number, as long as nobody else locks it in the same database: "parlor" as bytes.
const LOCK: &str = "select pg_advisory_lock(123546061008754)";

/// The database can't be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database has migrations that this program does not know.
    #[error(
        "The database is newer than this program: it has the migration {found}, and the newest one \
         known here is {known}. Run the newer program, or restore a backup from before."
    )]
    TooNew {
        /// The database's newest.
        found: String,
        /// The program's newest.
        known: String,
    },
    /// PostgreSQL can't be reached.
    #[error("The database can't be reached")]
    Connection(#[from] diesel::ConnectionError),
    /// A migration failed; what it did was undone.
    #[error("A migration failed: {0}")]
    Failed(String),
}

/// Runs what is missing and says how many migrations that were.
///
/// Processes that start together wait for each other. A database newer than the program is left alone.
pub async fn migrate(url: &str) -> Result<usize, MigrationError> {
    with_harness(url, |harness| {
        let applied = harness.applied_migrations().map_err(failed)?;
        let known = newest_migration();
        if let Some(found) = applied.iter().map(ToString::to_string).max()
            && found > known
        {
            return Err(MigrationError::TooNew { found, known });
        }
        let ran = harness.run_pending_migrations(MIGRATIONS).map_err(failed)?;
        Ok(ran.len())
    })
    .await
}

/// Takes every migration back, newest first: all data is gone.
pub async fn revert_all(url: &str) -> Result<(), MigrationError> {
    with_harness(url, |harness| {
        harness.revert_all_migrations(MIGRATIONS).map_err(failed)?;
        Ok(())
    })
    .await
}

/// The version of the newest migration that this program knows.
pub fn newest_migration() -> String {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .max()
        .unwrap_or_default()
}

/// Runs `work` on a connection of its own that holds the lock; closing it lets the lock go.
async fn with_harness<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> Result<T, MigrationError>
    + Send
    + 'static,
) -> Result<T, MigrationError> {
    let mut conn = connect(url).await?;
    conn.batch_execute(LOCK)
        .await
        .map_err(|error| failed(error.into()))?;
    // The harness blocks its thread, so it gets one that may be blocked.
    tokio::task::spawn_blocking(move || work(&mut AsyncMigrationHarness::new(conn)))
        .await
        .map_err(|panic| MigrationError::Failed(panic.to_string()))?
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> MigrationError {
    MigrationError::Failed(error.to_string())
}
