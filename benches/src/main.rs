//! What Parlor costs, measured beside what the same work costs without it. See docs/PERFORMANCE.md.
//!
//! ```text
//! main ── run ──────── cells ──── load ──── check
//!  │      └ table          └ meter, drift
//!  └─ stage ── world ── process   └ ceiling, model: this program again, as processes of their own
//! ```

mod ceiling;
mod cells;
mod check;
mod drift;
mod frames;
mod load;
mod meter;
mod model;
mod names;
mod plan;
mod process;
mod run;
mod sql;
mod stage;
mod table;
mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use cells::{Bench, Work};
use plan::Plan;
use stage::Stage;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        // As many threads as Parlor has.
        ["ceiling", listen, model, rest @ ..] => {
            let (database, connections) = match rest {
                [database, connections] => (Some(*database), connections.parse()?),
                _ => (None, 0),
            };
            let serving =
                ceiling::serve(listen.parse()?, database, connections, Some(model.parse()?));
            runtime::Runtime::new()?.block_on(serving)?;
        }
        ["model", listen, words] => {
            let serving = model::serve(listen.parse()?, words.parse()?, plan::WORD);
            runtime::Runtime::new()?.block_on(serving)?;
        }
        ["--parlor", parlor, only @ ..] => {
            let plan = match std::env::var("QUICK").as_deref() {
                Ok("") | Ok("0") | Err(_) => Plan::FULL,
                Ok(_) => Plan::QUICK,
            };
            // One thread: the load shares the machine with what is measured.
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            return runtime.block_on(until_signal(bench(parlor.into(), &plan, only)));
        }
        _ => bail!("usage: parlor-bench --parlor <program> [words of the work's names]"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs to the end, or until somebody wants it to stop: dropping it ends every process that it started.
async fn until_signal(run: impl Future<Output = Result<bool>>) -> Result<ExitCode> {
    let mut signals = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let [interrupt, terminate, hang_up] = &mut signals;
    let clean = tokio::select! {
        clean = run => clean?,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("asked to end"),
        _ = hang_up.recv() => bail!("hung up"),
    };
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is left of the time when measuring ends, for ending everything else.
const TO_END: Duration = Duration::from_secs(5);

/// Prepares, measures and tells. Whether every delivery was right.
async fn bench(parlor: PathBuf, plan: &Plan, only: &[&str]) -> Result<bool> {
    let end = Instant::now() + plan.budget.saturating_sub(TO_END);
    let works: Vec<Work> = run::works(plan)
        .into_iter()
        .filter(|work| {
            let name = format!("{work:?}").to_lowercase();
            only.is_empty() || only.iter().any(|word| name.contains(&word.to_lowercase()))
        })
        .collect();
    ensure!(!works.is_empty(), "no work has such a name");
    allow_sockets(u64::from(plan.idle) + 5_000)?;
    let folder = tempfile::tempdir()?;
    // PostgreSQL runs as another user if this one is root; it must be able to enter.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    println!("{}", machine());

    eprintln!("preparing");
    let began = Instant::now();
    let left = end.saturating_duration_since(began);
    let stage = timeout(left, Stage::set(folder.path(), &parlor, plan))
        .await
        .context("the time was over before everything was prepared")??;
    if stage.small.program("pgbench").is_none() {
        println!("There is no pgbench here (Debian: postgresql-contrib): its rows are left out.");
    }
    let bench = Bench {
        plan,
        setup: &stage.setup,
        small: &stage.small,
        large: &stage.large,
        raw: &stage.raw,
    };
    eprintln!("prepared in {:.0?}", began.elapsed());

    let findings = run::rounds(&bench, &works, end).await;
    println!(
        "{} whole rounds, {:.0?} in all, medians. Ratios are taken within a round.\n",
        findings.rounds,
        began.elapsed()
    );
    println!("{}", table::write(&findings, plan));
    for line in findings.remarks.iter().chain(&findings.troubles) {
        println!("{line}");
    }
    Ok(findings.are_clean())
}

/// Lets this process, and those that it starts, have so many sockets.
fn allow_sockets(wanted: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        hard >= wanted,
        "{wanted} sockets are needed, and this user may have {hard} (ulimit -Hn)"
    );
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}

/// What this was measured on, and how busy that was.
fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown CPU", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{}: {cores} cores ({model}), Linux {}, load {load} before the run",
        chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
        kernel.trim()
    )
}
