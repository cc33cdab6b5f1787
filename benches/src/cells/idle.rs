//! Connections that do nothing: what each of them keeps in memory.
//!
//! A process of its own, freshly started, is asked for this: one that has worked keeps memory for later, which would hide
//! what connections take.

use std::sync::Arc;

use anyhow::Result;
use tokio::task::JoinSet;

use super::gather::Progress;
use super::{Bench, Figure, Measure, Outcome, gather};
use crate::load::{Socket, Target, Who};
use crate::meter::{Metered, memory};
use crate::names::Kind;
use crate::process::Process;
use crate::world;

/// Over how many sessions they are spread.
const SESSIONS: u32 = 100;

/// Connected before the first reading, so that what is made once does not count.
const BEFORE: u32 = 50;

/// Measures.
pub async fn run(bench: &Bench<'_>, busy: &Target) -> Result<Outcome> {
    let name = format!("idle-{:?}-{:?}", busy.who, busy.size).to_lowercase();
    let process = match busy.who {
        Who::Parlor => {
            let url = bench.world(busy.size).database_url();
            world::parlor(bench.setup, &name, |command| {
                command.env("DATABASE_URL", url);
            })
            .await?
        }
        _ => world::ceiling(bench.setup, &name, None).await?,
    };
    let outcome = measure(bench, busy, &process).await;
    process.stop().await;
    outcome
}

async fn measure(bench: &Bench<'_>, busy: &Target, process: &Process) -> Result<Outcome> {
    let server = Metered::Process(process.pid());
    let target = Target {
        address: process.address(),
        server,
        ..busy.clone()
    };
    let broken = Arc::new(Progress::default());
    let mut tasks = JoinSet::new();
    let mut readings = Vec::new();
    let connections = bench.plan.idle;
    for batch in [0..BEFORE, 0..connections] {
        let open = |n| target.watch(Kind::Session.id(n % SESSIONS));
        for socket in gather::all(batch, open).await? {
            tasks.spawn(listen(socket, broken.clone()));
        }
        server.settle().await?;
        readings.push(memory(process.pid())?);
    }
    let grown = readings[1].saturating_sub(readings[0]);
    let mut outcome = Outcome::default();
    // A connection that ended, or was told something, was not idle.
    outcome.verdict.wrong = broken.come();
    outcome.verdict.good = u64::from(BEFORE + connections) - broken.come();
    outcome.figures.push(Figure {
        work: format!("idle, {connections} connections"),
        measure: Measure::Memory("connection"),
        value: grown as f64 / 1024.0 / f64::from(connections),
    });
    tasks.shutdown().await;
    Ok(outcome)
}

/// Keeps one open, answering its pings.
async fn listen(mut socket: Socket, broken: Arc<Progress>) {
    let _ = socket.next().await;
    broken.add();
}
