//! The SQL of a send by pgbench: what PostgreSQL alone makes of it, with no server and no token's signature before it.
//!
//! It has as many connections as Parlor and the ceiling may have, and one for one client.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process;

use super::{Bench, Figure, Measure, Outcome, Watched, each};
use crate::load::Size;
use crate::process::end_with_parent;
use crate::sql;

/// Measures; nothing where there is no pgbench.
pub async fn run(bench: &Bench<'_>, size: Size, clients: u32) -> Result<Outcome> {
    let world = bench.world(size);
    let Some(program) = world.program("pgbench") else {
        return Ok(Outcome::default());
    };
    let script = bench.setup.folder.join("send.sql");
    std::fs::write(&script, sql::send_script())?;
    let connections = bench.setup.connections.min(clients as usize).to_string();
    // It takes whole seconds.
    let seconds = bench.plan.spell.max(Duration::from_secs(1)).as_secs();
    let mut command = Command::new(program);
    command
        .env_clear()
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
        .arg(format!("--client={connections}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--file={}", script.display()))
        .arg(format!("--host={}", world.socket_folder().display()))
        .args(["--port=5432", "--username=parlor", "parlor"])
        .stdin(Stdio::null());
    end_with_parent(&mut command);

    let watched = Watched::start(None, Some(world.postgres())).await?;
    let mut command = process::Command::from(command);
    let output = command.kill_on_drop(true).output().await?;
    let (_, database) = watched.stop()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed: {trouble}");
    let sent = read(&said, "number of transactions actually processed: ");
    let rate = read(&said, "tps = ");
    let (sent, rate) = sent.zip(rate).context("pgbench said something else")?;

    let work = super::sends::name(clients);
    let mut outcome = Outcome::default();
    outcome.figures.push(Figure {
        work: work.clone(),
        measure: Measure::Rate("messages"),
        value: rate,
    });
    outcome.figures.push(Figure {
        work,
        measure: Measure::DatabaseCpu("message"),
        value: each(database, sent as u64),
    });
    Ok(outcome)
}

/// The number behind these words.
fn read(said: &str, words: &str) -> Option<f64> {
    let (_, behind) = said.split_once(words)?;
    let end = behind.find(|c: char| !c.is_ascii_digit() && c != '.');
    behind[..end.unwrap_or(behind.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "number of transactions actually processed: 5123/5123\n\
                    latency average = 2.3 ms\ntps = 1280.517 (without initial connection time)\n";
        let sent = read(said, "number of transactions actually processed: ");
        assert_eq!(sent, Some(5123.0));
        assert_eq!(read(said, "tps = "), Some(1280.517));
        assert_eq!(read(said, "failures = "), None);
    }
}
