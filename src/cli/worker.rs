//! `parlor worker`: the chatbots in a process of their own.

use anyhow::bail;
use tracing::info;

use super::database;
use super::serve::drain;
use super::signals::Signals;
use crate::app::App;
use crate::config::{Config, Database};
use crate::error::AppError;
use crate::{bots, db};

/// Writes replies until the process is asked to end.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let mut missing = Vec::new();
    if !matches!(config.database, Database::Url(_)) {
        missing.push("DATABASE_URL (the servers' database)");
    }
    if config.nats.is_none() {
        missing.push("PARLOR_NATS_URL (the bus on which servers hear what is written)");
    }
    if !missing.is_empty() {
        bail!(
            "A worker needs {}. A server without workers writes replies itself.",
            missing.join(" and ")
        );
    }
    let database = database::open(&config).await?;
    let ran = db::migrate(database.url()).await?;
    if ran > 0 {
        info!(migrations = ran, "the database is up to date");
    }
    let secret = database::secret(&config)?;
    let app = App::start(config, database.url(), &secret)
        .await
        .map_err(AppError::told)?;
    bots::start(&app);
    signals.stop(&app);
    println!("Parlor {} writes replies", env!("CARGO_PKG_VERSION"));
    app.stopping().cancelled().await;
    drain(&app).await;
    info!("stopped");
    Ok(())
}
