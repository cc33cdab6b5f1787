//! The runner: takes replies that nobody writes and has them written, many at a time.
//!
//! The bus wakes it; a sweep finds what a wake-up missed and what dead runners left behind.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::{debug, error, warn};

use super::engine::Engine;
use super::engines::Engines;
use super::openai::queue;
use super::{Patience, commands, writing};
use crate::app::App;
use crate::bus::{Listener, Subject};
use crate::domain::{ChatbotEngine, RunnerId};
use crate::panics::caught_in;
use crate::services::replies;

/// How many replies are written at a time: more than may wait for model servers (`bots::openai::queue`), so
/// that those of other engines always find a place.
const AT_ONCE: usize = 512;

const _: () = assert!(AT_ONCE >= queue::CALLS + queue::WAITING + 128);

/// How many are claimed at a time, so that several processes share them.
const BATCH: usize = 16;

/// How often the runner looks without being woken.
const SWEEP: Duration = Duration::from_secs(2);

/// Starts a runner, and the answering of commands; they end when the process is asked to.
pub fn start(app: &App) {
    start_with(app, Patience::default());
}

/// The same with another patience towards servers of others, for tests that can't wait for minutes.
pub fn start_with(app: &App, patience: Patience) {
    let engines = Arc::new(Engines::new(app.config(), &patience));
    app.tasks().spawn(run(app.clone(), engines));
    app.tasks().spawn(commands::run(app.clone(), patience));
}

/// The same with another engine in the place of one of ours, for tests of what a runner does about its engines.
pub fn start_with_engine(app: &App, engine: ChatbotEngine, made: Box<dyn Engine>) {
    let engines = Engines::new(app.config(), &Patience::default()).with(engine, made);
    app.tasks().spawn(run(app.clone(), Arc::new(engines)));
}

async fn run(app: App, engines: Arc<Engines>) {
    let runner = RunnerId::new();
    let mut wake_ups = app.bus().listen(Subject::Replies).await;
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    debug!(%runner, "runner started");
    while !app.stopping().is_cancelled() {
        let free = slots.available_permits().min(BATCH);
        let claimed = match free {
            0 => 0,
            _ => take_on(&app, &engines, runner, &slots, free).await,
        };
        // A full batch: there may be more.
        if claimed == free && free > 0 {
            continue;
        }
        tokio::select! {
            () = woken(&mut wake_ups) => {}
            () = sleep(SWEEP) => {}
            () = app.stopping().cancelled() => {}
        }
    }
    debug!(%runner, "runner ended");
}

/// Claims replies and starts a task for each; says how many.
async fn take_on(
    app: &App,
    engines: &Arc<Engines>,
    runner: RunnerId,
    slots: &Arc<Semaphore>,
    limit: usize,
) -> usize {
    let claims = match replies::claim(app, runner, limit).await {
        Ok(claims) => claims,
        Err(error) => {
            warn!(%runner, cause = error.cause_chain(), "runner can't claim");
            return 0;
        }
    };
    let count = claims.len();
    for claim in claims {
        // No more are claimed than there are slots, and only this task takes any.
        let slot = slots.clone().try_acquire_owned();
        let (app, engines) = (app.clone(), engines.clone());
        app.tasks().clone().spawn(async move {
            let _slot = slot;
            let (session, seq) = (claim.message.session_id, claim.message.seq);
            if let Err(panic) = caught_in(writing::write(&app, &engines, claim)).await {
                // Its lease runs out, and then it is taken up again or ends as interrupted.
                error!(%session, seq = seq.0, %panic, "writing a reply panicked");
            }
        });
    }
    count
}

/// Waits for a wake-up; those that came meanwhile count as one.
async fn woken(wake_ups: &mut Listener) {
    wake_ups.next().await;
    while wake_ups.next().now_or_never().is_some() {}
}
