//! `parlor restored`: says that the database was replaced by an older copy.

use super::database;
use crate::config::Config;
use crate::db::epoch::EpochKeeper;
use crate::{db, error};

/// Makes a new epoch: every cursor that clients hold is unknown from here on.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let database = database::open(config).await?;
    let renewed = renew(database.url()).await;
    database.close().await;
    renewed?;
    println!("Clients will read their sessions anew. Servers that run notice it within seconds.");
    Ok(())
}

async fn renew(url: &str) -> anyhow::Result<()> {
    // A copy may be older than the program.
    db::migrate(url).await?;
    EpochKeeper::new(url)
        .renew()
        .await
        .map_err(error::AppError::told)?;
    Ok(())
}
