//! Clients that were away and come back at once, each with the cursor of the last it saw.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::timeout;

use super::{Bench, Figure, Measure, Outcome, Watched, each, gather};
use crate::check::{Verdict, Watch};
use crate::load::{Event, Target, Who, content, event, number};
use crate::names::Kind;
use crate::plan::MISSED;

/// How long one may take to get all it missed, when all come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures.
pub async fn run(bench: &Bench<'_>, target: &Target) -> Result<Outcome> {
    let clients = bench.plan.returning;
    let session = Kind::Session.id(1);
    let mut line = target.line(0).await?;
    let cursor = match target.who {
        Who::Parlor => target.cursor(&mut line, session).await?,
        _ => {
            let database = bench.world(target.size).connect().await?;
            let row = database
                .query_one("select rev from sessions where id = $1", &[&session])
                .await?;
            row.get::<_, i64>(0).to_string()
        }
    };
    for n in 1..=MISSED {
        target.say(&mut line, session, &content(n)).await?;
    }

    let watched = Watched::start(Some(target.server), target.database).await?;
    let cursor = cursor.as_str();
    let verdicts = gather::all(0..clients, |_| async move {
        timeout(PATIENCE, come_back(target, cursor))
            .await
            .context("not caught up in time")?
    });
    let mut outcome = Outcome::default();
    for verdict in verdicts.await? {
        outcome.verdict += verdict;
    }
    let (server, database) = watched.stop()?;
    for (measure, seconds) in [
        (Measure::ServerCpu("client"), server),
        (Measure::BothCpu("client"), server + database),
    ] {
        outcome.figures.push(Figure {
            work: format!("resume, {clients} clients at once"),
            measure,
            value: each(seconds, clients.into()),
        });
    }
    Ok(outcome)
}

/// One of them: connects, gets what it missed, and leaves when it is told that this was all.
async fn come_back(target: &Target, cursor: &str) -> Result<Verdict> {
    let session = Kind::Session.id(1);
    let began = Instant::now();
    let mut socket = target.watch_after(session, Some(cursor)).await?;
    let mut watch = Watch::new();
    loop {
        let frame = socket.next().await.context("closed before the end")?;
        let frame = frame.as_bytes();
        match (event(frame), number(frame)) {
            (Event::Added, Some(n)) => watch.see(n, began.elapsed()),
            (Event::CaughtUp, _) => return Ok(watch.close(MISSED)),
            _ => watch.see_wrong(),
        }
    }
}
