//! The running program's parts, made in one place and handed down.

mod errands;
mod places;
mod rates;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{AccessTokens, Passwords, Purpose, RefreshTokens, Sealer};
use crate::bus::Bus;
use crate::config::{Config, Secret};
use crate::db::Db;
use crate::db::epoch::EpochKeeper;
use crate::domain::{Cursor, Epoch, Horizon, InboxCursor, Rev, SessionId, UserId};
use crate::error::{AppError, AppResult};
use crate::feed::Feeds;
use crate::inbox::Inboxes;
pub use errands::{Errand, Errands};
pub use places::{Place, Places};
pub use rates::{Deed, Rates};

/// How soon a database that has become another one is noticed.
const LOOK: Duration = Duration::from_secs(2);

/// How many downloads one person has under way at once.
const DOWNLOADS_PER_PERSON: u64 = 2;

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
    inboxes: Inboxes,
    passwords: Passwords,
    access_tokens: AccessTokens,
    refresh_tokens: RefreshTokens,
    sealer: Sealer,
    epoch: watch::Sender<Epoch>,
    waits: Places<UserId>,
    downloads: Places<UserId>,
    rates: Rates,
    errands: Errands,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Builds the program's parts on a database that is up to date.
    pub async fn start(config: Config, database_url: &str, secret: &Secret) -> AppResult<Self> {
        let db = Db::new(database_url, config.database_pool)?;
        let mut keeper = EpochKeeper::new(database_url);
        let epoch = keeper.look().await?;
        let bus = match &config.nats {
            // Named by epoch, so that a copy of a database does not hear what is said in the original.
            Some(url) => Bus::over_nats(url, epoch.0).map_err(AppError::internal)?,
            None => Bus::in_process(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let app = Self {
            parts: Arc::new(Parts {
                feeds: Feeds::new(db.clone(), bus.clone(), epoch),
                inboxes: Inboxes::new(db.clone(), bus.clone()),
                passwords: Passwords::new(cores)?,
                access_tokens: AccessTokens::new(secret),
                refresh_tokens: RefreshTokens::new(secret),
                sealer: Sealer::new(secret),
                waits: Places::new(config.limits.waits_per_person),
                downloads: Places::new(DOWNLOADS_PER_PERSON),
                rates: Rates::new(&config.rates),
                errands: Errands::new(),
                stopping: CancellationToken::new(),
                tasks: TaskTracker::new(),
                config,
                db,
                bus,
                epoch: watch::Sender::new(epoch),
            }),
        };
        app.tasks().spawn(keep_epoch(app.clone(), keeper));
        let (sweeping, stopping) = (app.clone(), app.stopping().clone());
        let sweep = async move { sweeping.rates().keep_small().await };
        app.tasks().spawn(stopping.run_until_cancelled_owned(sweep));
        let (hearing, stopping) = (app.clone(), app.stopping().clone());
        let hear = async move { hearing.errands().hear(hearing.bus()).await };
        app.tasks().spawn(stopping.run_until_cancelled_owned(hear));
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

    /// The inboxes that are open here.
    pub fn inboxes(&self) -> &Inboxes {
        &self.parts.inboxes
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

    /// Who downloads how much at once.
    pub fn downloads(&self) -> &Places<UserId> {
        &self.parts.downloads
    }

    /// Counts how often anything is done.
    pub fn rates(&self) -> &Rates {
        &self.parts.rates
    }

    /// The commands that are known here.
    pub fn errands(&self) -> &Errands {
        &self.parts.errands
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

    /// The epoch that what is read from now on belongs to.
    pub fn epoch(&self) -> Epoch {
        *self.parts.epoch.borrow()
    }

    /// Waits until this epoch is over: cursors given out in it stand for nothing any more.
    pub async fn epoch_ended(&self, epoch: Epoch) {
        let mut now = self.parts.epoch.subscribe();
        // An error would mean that the sender is gone, which lives as long as this does.
        let _ = now.wait_for(|now| *now != epoch).await;
    }

    /// A place in a session's log that was read in this epoch, as clients hold it.
    pub fn seal_cursor(&self, epoch: Epoch, session: SessionId, rev: Rev) -> String {
        let cursor = Cursor {
            epoch,
            session,
            rev,
        };
        self.sealer().seal(Purpose::Log, &cursor.to_bytes())
    }

    /// The place in this session's log that a client's cursor stands for in this epoch; nothing if it is forged,
    /// of another session or of another epoch.
    pub fn open_cursor(&self, epoch: Epoch, session: SessionId, text: &str) -> Option<Rev> {
        let bytes = self.sealer().open(Purpose::Log, text)?;
        let cursor = Cursor::from_bytes(&bytes)?;
        (cursor.epoch == epoch && cursor.session == session).then_some(cursor.rev)
    }

    /// A place in what happens around somebody's sessions that was read in this epoch, as clients hold it.
    pub fn seal_inbox_cursor(&self, epoch: Epoch, user: UserId, horizon: Horizon) -> String {
        let cursor = InboxCursor {
            epoch,
            user,
            horizon,
        };
        self.sealer().seal(Purpose::Inbox, &cursor.to_bytes())
    }

    /// The place that a client's cursor of this person's inbox stands for in this epoch; nothing if it is forged, of
    /// somebody else or of another epoch.
    pub fn open_inbox_cursor(&self, epoch: Epoch, user: UserId, text: &str) -> Option<Horizon> {
        let bytes = self.sealer().open(Purpose::Inbox, text)?;
        let cursor = InboxCursor::from_bytes(&bytes)?;
        (cursor.epoch == epoch && cursor.user == user).then_some(cursor.horizon)
    }

    /// Goes over to another epoch, which ends every walk of the old one.
    fn begin_epoch(&self, epoch: Epoch) {
        if self.epoch() == epoch {
            return;
        }
        tracing::warn!("the database is another copy: every live client is told to read anew");
        self.bus().move_to(epoch.0);
        // Feeds know of revs that are given out again. Those who follow them attach to new ones.
        self.feeds().begin_anew(epoch);
        self.parts.epoch.send_replace(epoch);
    }
}

/// Looks after the epoch until the process is asked to end.
async fn keep_epoch(app: App, mut keeper: EpochKeeper) {
    let life = async {
        let mut was_away = false;
        let mut rewound = app.feeds().rewound();
        loop {
            let found = tokio::select! {
                () = sleep(LOOK) => keeper.look().await,
                Ok(()) = rewound.changed() => {
                    let wanting = *rewound.borrow_and_update();
                    keeper.renew(wanting).await
                }
            };
            match found {
                Ok(epoch) => {
                    app.begin_epoch(epoch);
                    if std::mem::take(&mut was_away) {
                        app.feeds().look();
                        app.inboxes().look();
                    }
                }
                Err(error) => {
                    was_away = true;
                    tracing::debug!(cause = error.cause_chain(), "the epoch can't be looked at");
                }
            }
        }
    };
    app.stopping().run_until_cancelled(life).await;
}
