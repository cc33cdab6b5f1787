//! The task that hears of changes for all open inboxes of this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use super::Inboxes;
use crate::bus::Subject;

/// How long it waits for another inbox when none is open.
const GRACE: Duration = Duration::from_secs(5);

/// However the task ends, a panic included, the next inbox that is opened begins another.
struct End {
    inboxes: Inboxes,
    hears: Arc<watch::Sender<bool>>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut open = self.inboxes.open();
        if open
            .hearing
            .as_ref()
            .is_some_and(|hearing| Arc::ptr_eq(hearing, &self.hears))
        {
            open.hearing = None;
            // If any is open, it looks for itself now and then.
            open.watched.miss();
        }
    }
}

/// Begins to hear. Says whether it does yet.
pub(super) fn begin(inboxes: &Inboxes) -> Arc<watch::Sender<bool>> {
    let hears = Arc::new(watch::Sender::new(false));
    let end = End {
        inboxes: inboxes.clone(),
        hears: hears.clone(),
    };
    let closed = inboxes.parts.closed.clone();
    inboxes
        .parts
        .tasks
        .spawn(closed.run_until_cancelled_owned(async move { hear(end).await }));
    hears
}

async fn hear(end: End) {
    let inboxes = &end.inboxes;
    let mut listener = inboxes.parts.bus.listen(Subject::Inboxes).await;
    end.hears.send_replace(true);
    let mut idle = interval(GRACE);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_idle = false;
    loop {
        tokio::select! {
            heard = listener.next() => inboxes.open().watched.tell(&heard),
            _ = idle.tick() => {
                let mut open = inboxes.open();
                let is_idle = open.watched.slots().next().is_none();
                if is_idle && was_idle {
                    open.hearing = None;
                    debug!("no inbox is open any more");
                    return;
                }
                was_idle = is_idle;
            }
        }
    }
}
