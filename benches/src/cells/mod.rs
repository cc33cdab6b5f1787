//! The work that is measured, a file each.

mod fan_out;
mod gather;
mod idle;
mod newest;
mod pgbench;
mod resume;
mod sends;
mod streaming;

pub use newest::compare;

use anyhow::Result;

use crate::check::Verdict;
use crate::load::{Size, Target, Who};
use crate::meter::Metered;
use crate::plan::{History, Plan};
use crate::world::{Setup, World};

/// A kind of work. One may give several rows of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// So many sessions with so many subscribers each.
    FanOut { sessions: u32, watchers: u32 },
    /// So many replies at once, each watched by so many.
    Streaming { replies: u32, watchers: u32 },
    /// So many clients that send as fast as they can.
    Sends { clients: u32 },
    /// The newest 50 messages of random sessions.
    Newest,
    /// Clients that come back at once.
    Resume,
    /// Connections that do nothing.
    Idle,
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The row's first words.
    pub work: String,
    /// What was measured.
    pub measure: Measure,
    /// How much.
    pub value: f64,
}

/// What is measured, and in which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Microseconds of the server's CPU time for one delivery, message, read, ...
    ServerCpu(&'static str),
    /// The same of PostgreSQL.
    DatabaseCpu(&'static str),
    /// The same of both together.
    BothCpu(&'static str),
    /// So many a second.
    Rate(&'static str),
    /// KiB for one.
    Memory(&'static str),
}

impl Measure {
    /// As the table names it.
    pub fn name(self) -> String {
        match self {
            Self::ServerCpu(of) => format!("server CPU per {of}, µs"),
            Self::DatabaseCpu(of) => format!("database CPU per {of}, µs"),
            Self::BothCpu(of) => format!("server + database CPU per {of}, µs"),
            Self::Rate(of) => format!("{of}/s"),
            Self::Memory(of) => format!("memory per {of}, KiB"),
        }
    }
}

/// What measuring a piece of work gave.
#[derive(Default)]
pub struct Outcome {
    pub figures: Vec<Figure>,
    pub verdict: Verdict,
}

/// What cells need beside their target.
pub struct Bench<'a> {
    pub plan: &'a Plan,
    pub setup: &'a Setup,
    pub small: &'a World,
    pub large: &'a World,
    /// The raw ceiling.
    pub raw: &'a Target,
}

impl Bench<'_> {
    fn world(&self, size: Size) -> &World {
        match size {
            Size::Small => self.small,
            Size::Large => self.large,
        }
    }

    fn history(&self, target: &Target) -> History {
        self.world(target.size).history()
    }

    /// Whose figures a row of this work compares, in the order in which they take turns.
    pub fn sides(&self, work: Work) -> Vec<(Who, Size)> {
        let ceilings: &[Who] = match work {
            Work::FanOut { sessions: 1, .. } => &[Who::Raw],
            Work::FanOut { .. } => &[Who::Raw, Who::Hand],
            Work::Streaming { .. } | Work::Idle => &[Who::Raw],
            Work::Sends { .. } => &[Who::Hand, Who::Pgbench],
            Work::Newest | Work::Resume => &[Who::Hand],
        };
        let mut sides = vec![(Who::Parlor, Size::Small)];
        sides.extend(ceilings.iter().map(|who| (*who, Size::Small)));
        sides.push((Who::Parlor, Size::Large));
        if self.plan.ceilings_on_large {
            let with_database = ceilings.iter().filter(|who| **who != Who::Raw);
            sides.extend(with_database.map(|who| (*who, Size::Large)));
        }
        sides
    }

    fn target(&self, who: Who, size: Size) -> Result<Target> {
        match who {
            Who::Parlor => Ok(self.world(size).parlor()),
            Who::Raw => Ok(self.raw.clone()),
            Who::Hand | Who::Pgbench => self.world(size).hand(),
        }
    }

    /// Measures: an outcome for each part of the work that is judged by itself.
    pub async fn measure(&self, work: Work, who: Who, size: Size) -> Result<Vec<Outcome>> {
        if let (Work::Sends { clients }, Who::Pgbench) = (work, who) {
            return Ok(vec![pgbench::run(self, size, clients).await?]);
        }
        let target = self.target(who, size)?;
        let outcome = match work {
            Work::FanOut { sessions, watchers } => {
                return fan_out::run(self, &target, sessions, watchers).await;
            }
            Work::Streaming { replies, watchers } => {
                streaming::run(self, &target, replies, watchers).await
            }
            Work::Sends { clients } => sends::run(self, &target, clients).await,
            Work::Newest => newest::run(self, &target).await,
            Work::Resume => resume::run(self, &target).await,
            Work::Idle => idle::run(self, &target).await,
        };
        Ok(vec![outcome?])
    }
}

/// CPU time from now on.
struct Watched {
    server: Option<Metered>,
    database: Option<Metered>,
    before: (f64, f64),
}

impl Watched {
    /// Begins, once there is quiet.
    async fn start(server: Option<Metered>, database: Option<Metered>) -> Result<Self> {
        for metered in server.iter().chain(&database) {
            metered.settle().await?;
        }
        let mut watched = Self {
            server,
            database,
            before: (0.0, 0.0),
        };
        watched.before = watched.read()?;
        Ok(watched)
    }

    /// Seconds of the server and of the database since.
    fn stop(&self) -> Result<(f64, f64)> {
        let (server, database) = self.read()?;
        Ok((server - self.before.0, database - self.before.1))
    }

    fn read(&self) -> Result<(f64, f64)> {
        let read = |metered: Option<Metered>| metered.map_or(Ok(0.0), Metered::cpu);
        Ok((read(self.server)?, read(self.database)?))
    }
}

/// Microseconds for each of so many.
fn each(seconds: f64, of: u64) -> f64 {
    seconds * 1e6 / of.max(1) as f64
}
