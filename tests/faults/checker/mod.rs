//! Judges a run: was everything that was acknowledged stored once, and was everyone told everything, once and in
//! order?
//!
//! It knows nothing of how the run was made. It is itself judged by `checking`, with bugs planted in good
//! histories.

mod feeds;
pub mod history;
mod logs;
mod sends;
mod texts;

use std::collections::HashMap;
use std::fmt;

use history::{History, Log, Place, Stored, Tick};

/// Something that the product promises not to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Of which kind.
    pub kind: Kind,
    /// What and where.
    pub told: String,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Acknowledged, and not stored as it was acknowledged.
    Lost,
    /// One key, two messages or two answers.
    Doubled,
    /// Stored or told, and never sent.
    Phantom,
    /// Not told.
    Hole,
    /// Told again.
    Repeat,
    /// Told, stored or numbered in another order.
    Swap,
    /// Told otherwise than it is stored.
    View,
    /// Text of a reply with a hole, a repeat, or other words.
    Text,
    /// A reply that ends not at all, or twice, or is one of two.
    Reply,
    /// `CaughtUp` missing, repeated or untrue.
    CaughtUp,
    /// A feed that ends otherwise than it should, or goes on after its end.
    End,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.told)
    }
}

/// Everything that is wrong with a run.
pub fn judge(history: &History) -> Vec<Fault> {
    let known = Known::of(history);
    let mut faults = Faults(Vec::new());
    for log in &history.logs {
        logs::judge(log, &mut faults);
    }
    sends::judge(history, &known, &mut faults);
    for feed in &history.feeds {
        feeds::judge(feed, &known, &mut faults);
    }
    faults.0
}

/// What was found.
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, kind: Kind, told: impl Into<String>) {
        let told = told.into();
        self.0.push(Fault { kind, told });
    }
}

/// The logs, to look things up in.
struct Known<'a> {
    logs: HashMap<&'a str, KnownLog<'a>>,
}

struct KnownLog<'a> {
    log: &'a Log,
    by_id: HashMap<&'a str, &'a Stored>,
    /// When something was first known to be stored, and the last place that was by then.
    stored_by: Vec<(Tick, Place)>,
}

impl<'a> Known<'a> {
    fn of(history: &'a History) -> Self {
        let mut logs: HashMap<_, _> = history
            .logs
            .iter()
            .map(|log| (log.session.as_str(), KnownLog::of(log)))
            .collect();
        for (returned, receipt) in sends::receipts(history) {
            if let Some(log) = logs.get_mut(receipt.session.as_str())
                && let Some(stored) = log.by_id.get(receipt.id.as_str())
            {
                log.stored_by.push((returned, stored.added));
            }
        }
        for log in logs.values_mut() {
            log.stored_by.sort_unstable();
            let mut last = 0;
            for (_, place) in &mut log.stored_by {
                last = last.max(*place);
                *place = last;
            }
        }
        Self { logs }
    }
}

impl<'a> KnownLog<'a> {
    fn of(log: &'a Log) -> Self {
        let messages = log.messages.iter();
        Self {
            log,
            by_id: messages
                .map(|stored| (stored.message.id.as_str(), stored))
                .collect(),
            stored_by: Vec::new(),
        }
    }

    /// A place that the log had surely come to before this moment.
    fn head_before(&self, moment: Tick) -> Place {
        let count = self.stored_by.partition_point(|(tick, _)| *tick < moment);
        count
            .checked_sub(1)
            .map_or(0, |last| self.stored_by[last].1)
    }
}
