//! The end of visits whose guests don't come back: every process looks now and then, and takes a few at a time.
//!
//! A guest is erased as if they had left, after a day if nothing was ever said in their visit.

use std::time::Duration;

use diesel_async::AsyncConnection;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::db::{guests, members as seats};
use crate::domain::{Seq, SessionId, UserId};
use crate::error::AppResult;
use crate::services::members;

/// How often one looks.
const LOOK: Duration = Duration::from_secs(600);

/// After how many days a guest is forgotten in whose visit nothing was said.
const SILENT_DAYS: i32 = 1;

/// How many are read at a time.
const BATCH: i64 = 100;

/// Erases guests who have been away for too long, until the process is asked to end. Looks at once, and then now and
/// then.
pub async fn keep_clearing(app: App) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let life = async {
        loop {
            looks.tick().await;
            match clear(&app).await {
                Ok(0) => {}
                Ok(guests) => tracing::info!(guests, "guests who had been away were erased"),
                Err(error) => {
                    let cause = error.cause_chain();
                    tracing::warn!(cause, "guests who are away can't be erased now");
                }
            }
        }
    };
    app.stopping().run_until_cancelled(life).await;
}

/// Erases all who are away now. Says how many.
pub async fn clear(app: &App) -> AppResult<usize> {
    let days = app.config().guest_days;
    let mut erased = 0;
    loop {
        let mut conn = app.db().connection().await?;
        let mut away = guests::away(&mut conn, days, BATCH).await?;
        away.extend(guests::silently_away(&mut conn, SILENT_DAYS, BATCH).await?);
        drop(conn);
        let mut some = 0;
        for (guest, visit) in away {
            some += usize::from(erase(app, guest, visit, days).await?);
        }
        erased += some;
        // Those that are left were erased by another process, or have come back.
        if some == 0 {
            return Ok(erased);
        }
    }
}

/// Erases a guest, unless they have come back meanwhile. Says whether it did.
async fn erase(app: &App, guest: UserId, visit: SessionId, days: i32) -> AppResult<bool> {
    let mut conn = app.db().connection().await?;
    let left = conn
        .transaction(async |conn| {
            let Some(seat) = seats::lock_seat(conn, visit, guest).await? else {
                return Ok(None);
            };
            let is_silent = seat.session().last_seq == Seq(0);
            let days = if is_silent { SILENT_DAYS } else { days };
            if !guests::is_away(conn, guest, days).await? {
                return Ok(None);
            }
            members::end_visit(conn, &seat).await.map(Some)
        })
        .await?;
    let is_erased = left.is_some();
    if let Some(left) = left {
        members::announce_left(app, left);
    }
    Ok(is_erased)
}
