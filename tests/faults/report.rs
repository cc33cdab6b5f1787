//! The table of all rows, printed when the suite ends, however it ends.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::checker::history::{Answer, Event, History, Outcome, Steer};
use crate::checker::{Fault, Kind, judge};
use crate::load::Rested;

const COLUMNS: usize = 16;
const LAST: usize = COLUMNS - 1;

const HEAD: [&str; COLUMNS] = [
    "fault",
    "done",
    "acks",
    "no answer",
    "steered",
    "reconnects",
    "lost",
    "doubled",
    "holes",
    "repeats",
    "swaps",
    "other",
    "longest recovery",
    "took",
    "seed",
    "promise",
];

static TABLE: Mutex<Vec<[String; COLUMNS]>> = Mutex::new(Vec::new());

/// How often a long row says how far it is.
const TELLING: Duration = Duration::from_secs(15);

/// How many times a limit of time or of a ratio may be exceeded: a build without optimisation on a machine that others
/// use too is no place to measure, only to see that nothing hangs. A soak plays a release build, and holds the limits.
pub const SLACK: u32 = if cfg!(debug_assertions) { 3 } else { 1 };

/// One fault of the suite: what was done, what was seen, what was wrong.
pub struct Row {
    fault: &'static str,
    seed: u64,
    began: Instant,
    /// When it last said how far it is.
    told: Instant,
    /// What was done, in words: `20 kills`.
    done: String,
    acks: usize,
    unknown: usize,
    /// Cancellations, writings anew and pauses that were acknowledged.
    steered: usize,
    reconnects: usize,
    faults: Vec<Fault>,
    /// Limits that were not kept, a sentence each.
    broken: Vec<String>,
    longest_recovery: Duration,
    /// Whatever else was measured.
    notes: Vec<String>,
    is_judged: bool,
}

impl Row {
    /// Begins a row.
    pub fn begin(fault: &'static str, seed: u64) -> Self {
        println!("\n{fault}: SEED={seed}");
        Self {
            fault,
            seed,
            began: Instant::now(),
            told: Instant::now(),
            done: String::new(),
            acks: 0,
            unknown: 0,
            steered: 0,
            reconnects: 0,
            faults: Vec::new(),
            broken: Vec::new(),
            longest_recovery: Duration::ZERO,
            notes: Vec::new(),
            is_judged: false,
        }
    }

    /// Says how far it is, now and then.
    pub fn progress(&mut self, done: u64, of: u64) {
        if self.told.elapsed() >= TELLING {
            self.told = Instant::now();
            let took = self.began.elapsed().as_secs();
            println!("{}: {done} of {of} after {took} s", self.fault);
        }
    }

    /// Says what was done.
    pub fn done(&mut self, what: impl Into<String>) {
        self.done = what.into();
    }

    /// Says what else was measured.
    pub fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// A recovery took this long, and may take `limit` (and [`SLACK`]).
    pub fn recovered(&mut self, took: Duration, limit: Duration) {
        self.longest_recovery = self.longest_recovery.max(took);
        self.must(took <= limit * SLACK, || {
            format!("a recovery took {took:.1?}, more than {limit:?}")
        });
    }

    /// Something must hold.
    pub fn must(&mut self, holds: bool, told: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(told());
        }
    }

    /// Judges a run that has come to rest.
    pub fn judge(&mut self, rested: &Rested) {
        self.judge_history(&rested.history);
        let unknown = rested.recorder.unknown();
        if !unknown.is_empty() {
            self.note(format!("no answers: {unknown:?}"));
        }
        let stuck = rested.stuck;
        self.must(stuck == 0, || format!("{stuck} replies were stuck"));
    }

    /// Judges a history.
    pub fn judge_history(&mut self, history: &History) {
        self.is_judged = true;
        for request in &history.tries {
            match request.outcome {
                Outcome::Ok(_) => self.acks += 1,
                Outcome::Unknown => self.unknown += 1,
                Outcome::Fail(_) => {}
            }
        }
        let steers = history.steers.iter();
        let is_done = |steer: &&Steer| matches!(steer.answer, Answer::Ok(..));
        self.steered += steers.filter(is_done).count();
        let subscriptions = history.feeds.iter().map(|feed| feed.subscriptions.len());
        self.reconnects += subscriptions
            .map(|count| count.saturating_sub(1))
            .sum::<usize>();
        let subscriptions = history.feeds.iter().flat_map(|feed| &feed.subscriptions);
        let events = || subscriptions.clone().flat_map(|its| &its.events);
        let finished = |event: &&Event| matches!(event, Event::Finished(..));
        let (all, finished) = (events().count(), events().filter(finished).count());
        let began = Instant::now();
        self.faults.extend(judge(history));
        let took = began.elapsed();
        self.note(format!(
            "{all} events, {finished} of them finished messages, judged in {took:.1?}"
        ));
    }

    /// How often subscribers came back.
    pub fn reconnects(&self) -> usize {
        self.reconnects
    }

    /// Ends the row; panics if anything was wrong.
    pub fn end(self) {
        let wrong = self.wrong();
        drop(self);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong = self.broken.clone();
        let count = self.faults.len();
        if count > 0 {
            wrong.push(format!("{count} faults, the first of them:"));
            wrong.extend(self.faults.iter().take(10).map(Fault::to_string));
        }
        wrong
    }

    fn count(&self, kinds: &[Kind]) -> usize {
        self.faults
            .iter()
            .filter(|fault| kinds.contains(&fault.kind))
            .count()
    }
}

impl Drop for Row {
    /// A row that a panic cut short is printed too.
    fn drop(&mut self) {
        if !self.is_judged {
            self.broken.push("it broke off".to_owned());
        }
        let wrong = self.wrong();
        let holes = [Kind::Hole, Kind::CaughtUp];
        let shown = [
            Kind::Hole,
            Kind::CaughtUp,
            Kind::Repeat,
            Kind::Swap,
            Kind::Lost,
            Kind::Doubled,
        ];
        let others = self
            .faults
            .iter()
            .filter(|fault| !shown.contains(&fault.kind))
            .count();
        let cells = [
            self.fault.to_owned(),
            self.done.clone(),
            self.acks.to_string(),
            self.unknown.to_string(),
            self.steered.to_string(),
            self.reconnects.to_string(),
            self.count(&[Kind::Lost]).to_string(),
            self.count(&[Kind::Doubled]).to_string(),
            self.count(&holes).to_string(),
            self.count(&[Kind::Repeat]).to_string(),
            self.count(&[Kind::Swap]).to_string(),
            others.to_string(),
            match self.longest_recovery.as_secs_f64() {
                0.0 => "-".to_owned(),
                seconds => format!("{seconds:.2} s"),
            },
            format!("{:.0} s", self.began.elapsed().as_secs_f64()),
            self.seed.to_string(),
            if wrong.is_empty() { "held" } else { "BROKEN" }.to_owned(),
        ];
        for note in &self.notes {
            println!("{}: {note}", self.fault);
        }
        for line in wrong {
            println!("{}: {line}", self.fault);
        }
        if let Ok(mut table) = TABLE.lock() {
            table.push(cells);
        }
    }
}

/// Prints the table.
pub fn print() {
    let Ok(table) = TABLE.lock() else { return };
    if table.is_empty() {
        return;
    }
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(table.iter().cloned());
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    println!();
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = width(column);
            match column {
                0 | 1 | LAST => text += &format!("{cell:<width$}  "),
                _ => text += &format!("{cell:>width$}  "),
            }
        }
        println!("{}", text.trim_end());
    }
}
