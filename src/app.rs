//! The running program's parts, made in one place and handed down.

mod places;
mod rates;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{AccessTokens, Passwords, Purpose, RefreshTokens, Sealer};
use crate::bus::Bus;
use crate::config::{Config, Secret};
use crate::db::{Db, epoch};
use crate::domain::{Cursor, Rev, SessionId, UserId};
use crate::error::AppResult;
use crate::feed::Feeds;
pub use places::{Place, Places};
pub use rates::{Deed, Rates};

/// Everything that lives as long as the process. Cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
}

struct Parts {
    config: Config,
    db: Db,
    bus: Bus,
    feeds: Feeds,
    passwords: Passwords,
    access_tokens: AccessTokens,
    refresh_tokens: RefreshTokens,
    sealer: Sealer,
    waits: Places<UserId>,
    rates: Rates,
    epoch: i64,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Builds the program's parts on a database that is up to date.
    pub async fn start(config: Config, database_url: &str, secret: &Secret) -> AppResult<Self> {
        let db = Db::new(database_url, config.database_pool)?;
        let epoch = epoch::get(&mut *db.connection().await?).await?;
        let bus = Bus::in_process();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let app = Self {
            parts: Arc::new(Parts {
                feeds: Feeds::new(db.clone(), bus.clone()),
                passwords: Passwords::new(cores)?,
                access_tokens: AccessTokens::new(secret),
                refresh_tokens: RefreshTokens::new(secret),
                sealer: Sealer::new(secret),
                waits: Places::new(config.limits.waits_per_person),
                rates: Rates::new(&config.rates),
                stopping: CancellationToken::new(),
                tasks: TaskTracker::new(),
                config,
                db,
                bus,
                epoch,
            }),
        };
        let (sweeping, stopping) = (app.clone(), app.stopping().clone());
        let sweep = async move { sweeping.rates().keep_small().await };
        app.tasks().spawn(stopping.run_until_cancelled_owned(sweep));
        Ok(app)
    }

    /// What the operator decided.
    pub fn config(&self) -> &Config {
        &self.parts.config
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    /// The bus to other processes.
    pub fn bus(&self) -> &Bus {
        &self.parts.bus
    }

    /// The feeds of the sessions that somebody watches here.
    pub fn feeds(&self) -> &Feeds {
        &self.parts.feeds
    }

    /// Hashes and checks passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.parts.passwords
    }

    /// Makes and checks access tokens.
    pub fn access_tokens(&self) -> &AccessTokens {
        &self.parts.access_tokens
    }

    /// Makes refresh tokens.
    pub fn refresh_tokens(&self) -> &RefreshTokens {
        &self.parts.refresh_tokens
    }

    /// Who holds back how many answers at once.
    pub fn waits(&self) -> &Places<UserId> {
        &self.parts.waits
    }

    /// Counts how often anything is done.
    pub fn rates(&self) -> &Rates {
        &self.parts.rates
    }

    /// Seals what clients hold.
    pub fn sealer(&self) -> &Sealer {
        &self.parts.sealer
    }

    /// Fires when the process has been asked to end: take on nothing new and come to an end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.parts.stopping
    }

    /// Owns the tasks that must end before the process does: runners, connections.
    pub fn tasks(&self) -> &TaskTracker {
        &self.parts.tasks
    }

    /// A place in a session's log, as clients hold it.
    pub fn seal_cursor(&self, session: SessionId, rev: Rev) -> String {
        let cursor = Cursor {
            epoch: self.parts.epoch,
            session,
            rev,
        };
        self.sealer().seal(Purpose::Log, &cursor.to_bytes())
    }

    /// The place in this session's log that a client's cursor stands for; nothing if it is forged, of
    /// another session or from before a backup was restored.
    pub fn open_cursor(&self, session: SessionId, text: &str) -> Option<Rev> {
        let bytes = self.sealer().open(Purpose::Log, text)?;
        let cursor = Cursor::from_bytes(&bytes)?;
        (cursor.epoch == self.parts.epoch && cursor.session == session).then_some(cursor.rev)
    }
}
