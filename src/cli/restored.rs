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
    let mut keeper = EpochKeeper::new(url);
    let epoch = keeper.look().await.map_err(error::AppError::told)?;
    keeper.renew(epoch).await.map_err(error::AppError::told)?;
    Ok(())
}
