//! `parlor reset`: deletes all data, after asking.

use std::io::{self, BufRead, Write};

use super::database;
use crate::config::{Config, Database};
use crate::db;

/// Takes every migration back and runs them anew: an empty database, with the chatbot of the house.
pub(super) async fn run(config: &Config, yes: bool) -> anyhow::Result<()> {
    let place = match &config.database {
        Database::Private { .. } => format!("in {}", config.data_dir.display()),
        Database::Url(_) => "in the database that DATABASE_URL names".to_owned(),
    };
    if !yes && !agreed(&place)? {
        println!("Nothing was deleted.");
        return Ok(());
    }
    let database = database::open(config).await?;
    let emptied = empty(database.url()).await;
    database.close().await;
    emptied?;
    println!(
        "All data {place} is gone. Clients hold tokens and cursors that mean nothing any more."
    );
    Ok(())
}

async fn empty(url: &str) -> Result<(), db::MigrationError> {
    // First up, so that a database newer than the program is refused rather than half taken apart.
    db::migrate(url).await?;
    db::revert_all(url).await?;
    db::migrate(url).await?;
    Ok(())
}

fn agreed(place: &str) -> io::Result<bool> {
    print!("This deletes every account, session and message {place}. Type yes to go on: ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
