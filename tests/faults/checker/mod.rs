//! Judges a run: was everything that was acknowledged stored once, and was everyone told everything, once and in
//! order?
//!
//! It knows nothing of how the run was made. It is itself judged by `checking`, with bugs planted in good
//! histories.

mod feeds;
mod finished;
pub mod history;
mod journal;
mod logs;
mod sends;
mod steers;
mod texts;
mod walk;

use std::collections::{HashMap, HashSet};
use std::fmt;

use history::{History, Log, Place, Status, Stored, Tick, View, What};

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
    /// A chatbot that spoke while all were paused.
    Silence,
    /// Told as finished, and was not.
    Unfinished,
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
        let Some(known) = known.logs.get(log.session.as_str()) else {
            continue;
        };
        logs::judge(known, &mut faults);
        journal::judge(known, &mut faults);
    }
    sends::judge(history, &known, &mut faults);
    steers::judge(history, &known, &mut faults);
    for feed in &history.feeds {
        let Some(log) = known.logs.get(feed.session.as_str()) else {
            let told = format!("{}: a feed of no session", feed.name);
            faults.add(Kind::Phantom, told);
            continue;
        };
        match feed.view {
            View::Everything => feeds::judge(feed, log, &mut faults),
            View::Finished => finished::judge(feed, log, &mut faults),
        }
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
    /// What changed at each place.
    journal: HashMap<Place, What>,
    /// Where messages were begun anew, by their `seq`.
    begun_anew: HashMap<i64, Vec<Place>>,
    /// Where chatbots were paused, and let speak again.
    pauses: Vec<(Place, bool)>,
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
        let mut known = Self {
            log,
            by_id: messages
                .map(|stored| (stored.message.id.as_ref(), stored))
                .collect(),
            journal: HashMap::new(),
            begun_anew: HashMap::new(),
            pauses: Vec::new(),
            stored_by: Vec::new(),
        };
        let mut born = HashSet::new();
        for change in &log.journal {
            known.journal.insert(change.place, change.what);
            match change.what {
                What::Message(seq, status) if !born.insert(seq) && status.is_under_way() => {
                    known.begun_anew.entry(seq).or_default().push(change.place);
                }
                What::Message(..) => {}
                What::Paused(is_paused) => known.pauses.push((change.place, is_paused)),
            }
        }
        known
    }

    /// Whether the message with this `seq` is a chatbot's.
    fn is_reply(&self, seq: i64) -> bool {
        let at = usize::try_from(seq - 1).ok();
        let stored = at.and_then(|at| self.log.messages.get(at));
        stored.is_some_and(|stored| stored.answers.is_some())
    }

    /// Whether chatbots had to be silent behind this place.
    fn is_paused_at(&self, place: Place) -> bool {
        let count = self.pauses.partition_point(|(at, _)| *at <= place);
        count.checked_sub(1).is_some_and(|last| self.pauses[last].1)
    }

    /// Whether the message with this id became so at this place.
    fn became(&self, place: Place, id: &str, status: Status) -> bool {
        let stored = self.by_id.get(id);
        stored.is_some_and(|stored| {
            self.journal.get(&place) == Some(&What::Message(stored.message.seq, status))
        })
    }

    /// Whether a message is begun anew at this place.
    fn begins(&self, seq: i64, place: Place) -> bool {
        let begun = self.begun_anew.get(&seq);
        begun.is_some_and(|begun| begun.binary_search(&place).is_ok())
    }

    /// Which writing of a message it is that is known at this place: 0, until it is begun anew.
    fn writing(&self, seq: i64, place: Place) -> usize {
        let begun = self.begun_anew.get(&seq).map_or(&[][..], Vec::as_slice);
        begun.partition_point(|at| *at <= place)
    }

    /// A place that the log had surely come to before this moment.
    fn head_before(&self, moment: Tick) -> Place {
        let count = self.stored_by.partition_point(|(tick, _)| *tick < moment);
        count
            .checked_sub(1)
            .map_or(0, |last| self.stored_by[last].1)
    }
}
