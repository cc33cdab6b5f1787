//! What nobody asks for any more, done away with now and then by every server: what is left of accounts that were
//! shut to be erased, and logins that are long past.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::erasures;
use crate::app::App;
use crate::db::logins;
use crate::error::AppResult;

/// How often one looks; first when the process starts.
const SWEEP: Duration = Duration::from_secs(60);

/// Looks until the process is asked to end. What it can't do now it does later.
pub async fn keep_tidy(app: App) {
    let mut sweeps = interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let life = async {
        loop {
            sweeps.tick().await;
            for done in [
                erasures::finish_left(&app).await,
                forget_long_past_logins(&app).await,
            ] {
                if let Err(error) = done {
                    let cause = error.cause_chain();
                    tracing::warn!(cause, "what is left over stays for another minute");
                }
            }
        }
    };
    app.stopping().run_until_cancelled(life).await;
}

async fn forget_long_past_logins(app: &App) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    while logins::forget_long_past(&mut conn).await? > 0 {}
    Ok(())
}
