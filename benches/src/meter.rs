//! What processes cost, read from `/proc`: CPU time and memory.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};
use tokio::time::sleep;

/// What is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metered {
    /// One process with all its threads.
    Process(u32),
    /// A PostgreSQL by its first process, with all that this one has started, whether they still run or not.
    Postgres(u32),
}

/// The fields of `/proc/<pid>/stat` that matter here, in seconds.
struct Stat {
    parent: u32,
    own: f64,
    reaped: f64,
}

impl Metered {
    /// The CPU seconds it has taken so far, user and system.
    pub fn cpu(self) -> Result<f64> {
        match self {
            Self::Process(pid) => Ok(stat(pid).context("a process under measure has ended")?.own),
            Self::Postgres(first) => {
                // Those that end while this is read move from one sum to the other: the first process is read last,
                // so that at worst they count twice for a moment rather than never.
                let children: f64 = processes()
                    .filter_map(stat)
                    .filter(|process| process.parent == first)
                    .map(|process| process.own)
                    .sum();
                let first = stat(first).context("the PostgreSQL under measure has ended")?;
                Ok(children + first.own + first.reaped)
            }
        }
    }

    /// Waits until it does next to nothing: what one measure left to be done must not count in the next.
    pub async fn settle(self) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(100);
        let give_up = Instant::now() + Duration::from_secs(3);
        let mut before = self.cpu()?;
        while Instant::now() < give_up {
            sleep(LOOK).await;
            let now = self.cpu()?;
            // The clock of `/proc` has ticks of 10 ms: one of them may be an old rest.
            if now - before < 0.015 {
                break;
            }
            before = now;
        }
        Ok(())
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| -> Option<f64> { fields.get(at)?.parse().ok() };
    let a_second = ticks_a_second();
    // Numbered from 3, the state, on: see proc(5).
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / a_second,
        reaped: (ticks(13)? + ticks(14)?) / a_second,
    })
}

fn ticks_a_second() -> f64 {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    ticks.map_or(100.0, |ticks| ticks as f64)
}

/// The memory of a process in bytes, what it shares with others counted in proportion (Pss); where the kernel does not
/// tell that, all that is resident (RSS).
pub fn memory(pid: u32) -> Result<u64> {
    let field = |file: &str, name: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let kibibytes = field("smaps_rollup", "Pss:").or_else(|| field("status", "VmRSS:"));
    Ok(kibibytes.context("a process under measure has ended")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_our_own_is_seen() {
        let me = Metered::Process(std::process::id());
        let before = me.cpu().expect("we run");
        let began = Instant::now();
        let mut x = 1_u64;
        while me.cpu().expect("we run") - before < 0.03 {
            for _ in 0..100_000 {
                x = std::hint::black_box(x.wrapping_mul(3));
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no time passes");
        }
        assert!(memory(std::process::id()).expect("we run") > 100_000);
    }

    #[test]
    fn who_has_ended_has_no_figures() {
        // No process has this number: it is beyond the most that Linux gives.
        let nobody = Metered::Process(u32::MAX);
        assert!(nobody.cpu().is_err());
    }
}
