//! Watches over the connection: says when it is deaf, and tells those who listen when they missed something.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::Link;
use super::others::BEAT;

/// How often it looks without being told that something happened: events may be dropped.
const LOOK: Duration = Duration::from_millis(500);

/// How long it waits for the first connection before it says that there is none.
const FIRST: Duration = Duration::from_secs(3);

/// Everyone is told of others' losses at most this often, because everyone then looks at the log.
const LOSSES: Duration = Duration::from_millis(250);

/// How the connection stands. The client's own counts: its events only wake the keeper.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    is_up: bool,
    connects: u64,
}

/// Runs until the link is closed.
pub(super) async fn run(link: Link) {
    let began = Instant::now();
    let parts = &*link.parts;
    // The connection whose subscriptions NATS is known to have taken note of.
    let mut whole: Option<Standing> = None;
    let mut has_complained = false;
    let mut overruns = 0;
    let mut losses_from = Instant::now();
    let mut beat_at = Instant::now();
    loop {
        let now = standing(&link);
        if whole.is_some_and(|known| known != now) {
            whole = None;
            parts.deaf.send_replace(true);
            // Nobody can be heard now, and whoever is there later will be.
            parts.others.forget();
            parts.outbox.note_disconnect();
            parts.local.tell_all_missed();
        }
        if whole.is_none() && now.is_up && link.is_whole().await && standing(&link) == now {
            whole = Some(now);
            parts.deaf.send_replace(false);
            // Subscriptions stand: what comes after this is heard, what came before may not have been.
            parts.local.tell_all_missed();
            parts.outbox.wake();
            info!("the bus is there: processes hear of each other's changes");
            has_complained = false;
        }
        if whole.is_none() && !has_complained && (now.connects > 0 || began.elapsed() >= FIRST) {
            warn!("the bus is away: live feeds look at the log every two seconds until it is back");
            has_complained = true;
        }
        if whole.is_some() && beat_at <= Instant::now() {
            link.make_heard(true).await;
            beat_at = Instant::now() + BEAT;
        }
        set(
            &parts.unsure,
            whole.is_none() || parts.others.is_one_missing(),
        );
        let overruns_now = parts.overruns.load(Ordering::Relaxed);
        if std::mem::replace(&mut overruns, overruns_now) != overruns_now {
            parts.local.tell_all_missed();
        }
        let others_lost = async {
            sleep_until(losses_from).await;
            parts.others_lost.notified().await;
        };
        tokio::select! {
            () = parts.stirred.notified() => {}
            () = sleep(LOOK) => {}
            () = others_lost => {
                losses_from = Instant::now() + LOSSES;
                parts.local.tell_all_missed();
            }
        }
    }
}

/// Wakes those who watch only if it is news.
fn set(flag: &watch::Sender<bool>, value: bool) {
    flag.send_if_modified(|now| std::mem::replace(now, value) != value);
}

fn standing(link: &Link) -> Standing {
    let client = &link.parts.client;
    Standing {
        is_up: client.connection_state() == State::Connected,
        connects: client.statistics().connects.load(Ordering::Relaxed),
    }
}
