//! Clients that send as fast as they are answered, each to a session of its own.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::join_all;
use tokio_postgres::Client;

use super::{Bench, Figure, Measure, Outcome, Watched, each, gather};
use crate::check::Watch;
use crate::load::{Line, Target, content};
use crate::names::Kind;
use crate::world::SEND;

/// Measures.
pub async fn run(bench: &Bench<'_>, target: &Target, clients: u32) -> Result<Outcome> {
    let database = bench.world(target.size).connect().await?;
    let before = stored(&database, clients).await?;
    let lines = gather::all(
        0..clients,
        |n| async move { Ok((n, target.line(1 + n).await?)) },
    )
    .await?;

    let watched = Watched::start(Some(target.server), target.database).await?;
    let began = Instant::now();
    let spell = bench.plan.spell;
    let sent = join_all(
        lines
            .into_iter()
            .map(|(n, line)| send(target, line, n, before[n as usize], spell)),
    )
    .await;
    let took = began.elapsed().as_secs_f64();
    let (server, database_took) = watched.stop()?;

    let mut outcome = Outcome::default();
    let after = stored(&database, clients).await?;
    let mut acknowledged = 0;
    for (n, watch) in sent {
        let base = before[n as usize];
        // What is stored is what was acknowledged: no more, and no less.
        outcome.verdict += watch.close(after[n as usize] - base);
        acknowledged += watch.seen();
    }
    let work = name(clients);
    let figure = |measure, value| Figure {
        work: work.clone(),
        measure,
        value,
    };
    let both = server + database_took;
    outcome.figures = vec![
        figure(Measure::Rate("messages"), acknowledged as f64 / took),
        figure(Measure::ServerCpu("message"), each(server, acknowledged)),
        figure(
            Measure::DatabaseCpu("message"),
            each(database_took, acknowledged),
        ),
        figure(Measure::BothCpu("message"), each(both, acknowledged)),
    ];
    Ok(outcome)
}

/// The row's first words.
pub fn name(clients: u32) -> String {
    match clients {
        1 => "sends, 1 client".to_owned(),
        clients => format!("sends, {clients} clients"),
    }
}

/// One client. What it is told is the place of its message: 1, 2, 3, ... behind what was there.
async fn send(target: &Target, mut line: Line, n: u32, base: u64, spell: Duration) -> (u32, Watch) {
    let session = Kind::Session.id(SEND + n);
    let mut watch = Watch::new();
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < spell {
        number += 1;
        let sent_at = Instant::now();
        let said = target.say(&mut line, session, &content(number)).await;
        let place = said
            .ok()
            .flatten()
            .and_then(|seq| u64::try_from(seq).ok()?.checked_sub(base));
        match place {
            Some(place) => watch.see(place, sent_at.elapsed()),
            None => {
                // An error: its connection may be gone too.
                watch.see_wrong();
                break;
            }
        }
    }
    (n, watch)
}

/// How many messages each client's session has: the rows, which must be as many as their counter says.
async fn stored(database: &Client, clients: u32) -> Result<Vec<u64>> {
    let session = Kind::Session.sql("n");
    let last = SEND + clients - 1;
    let rows = database
        .query(
            &format!(
                "select s.last_seq, (select count(*) from messages where session_id = s.id) \
                 from generate_series({SEND}, {last}) n join sessions s on s.id = {session} order by n"
            ),
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let (counter, rows): (i32, i64) = (row.get(0), row.get(1));
            anyhow::ensure!(i64::from(counter) == rows, "{rows} rows, counted {counter}");
            Ok(u64::try_from(rows)?)
        })
        .collect()
}
