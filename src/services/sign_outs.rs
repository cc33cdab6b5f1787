//! Hearing of logins that have ended without the bus: from the database, twice a second.
//!
//! Whoever ends a login announces it ([`logins`](super::logins)), and what it opened closes at once. That news may be
//! lost, and the command line has no bus to tell it on. What is kept open in this process closes within a second
//! all the same: half a second until the next look, and one small statement for the whole process.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use crate::bus::Notice;
use crate::db::ended_logins::EndedLogins;

/// How often one looks.
const LOOK: Duration = Duration::from_millis(500);

/// How often old notes are deleted. Every process does it; all but the first find nothing.
const TIDY: Duration = Duration::from_secs(600);

/// Tells those who wait in this process of every login that has ended, until the process is asked to end.
pub async fn keep_looking(app: App) {
    let mut ended = EndedLogins::new(app.db());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tidied = Instant::now();
    let mut is_blind = false;
    let life = async {
        loop {
            looks.tick().await;
            let mut looked = ended
                .look(|login| app.bus().tell_here(Notice::LoginEnded { login }))
                .await;
            if looked.is_ok() && tidied.elapsed() > TIDY {
                tidied = Instant::now();
                looked = ended.forget_old().await;
            }
            // Said once: it goes on for as long as the database is away.
            let was_blind = std::mem::replace(&mut is_blind, looked.is_err());
            if let Err(error) = looked
                && !was_blind
            {
                let cause = error.cause_chain();
                tracing::warn!(cause, "can't see which logins have ended");
            }
        }
    };
    app.stopping().run_until_cancelled(life).await;
}
