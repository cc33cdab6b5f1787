//! The rounds: all work once, all sides of it in turns, and again for as long as there is time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::cells::{Bench, Figure, Outcome, Work};
use crate::check::Verdict;
use crate::drift;
use crate::load::{Size, Who};
use crate::plan::{Plan, REPLIES, SENDERS};

/// A figure, and when it was taken.
#[derive(Clone, Debug)]
pub struct Reading {
    /// In which round, from 0.
    pub round: usize,
    /// Whose it is.
    pub who: Who,
    /// With how much stored.
    pub size: Size,
    /// The figure.
    pub figure: Figure,
    /// The fixed work beside it, in milliseconds.
    pub drift: f64,
}

/// All that a run found.
#[derive(Default)]
pub struct Findings {
    pub readings: Vec<Reading>,
    /// What was received, by the first words of its row.
    pub verdicts: BTreeMap<String, Verdict>,
    /// What went wrong, in words.
    pub troubles: Vec<String>,
    /// What was left out, in words.
    pub remarks: Vec<String>,
    /// Whole rounds.
    pub rounds: usize,
}

impl Findings {
    /// Whether every delivery was right and nothing broke.
    pub fn are_clean(&self) -> bool {
        self.troubles.is_empty() && self.verdicts.values().all(Verdict::is_clean)
    }
}

/// All work, in the order of the table.
pub fn works(plan: &Plan) -> Vec<Work> {
    vec![
        Work::FanOut {
            sessions: 1,
            watchers: 1_000,
        },
        Work::FanOut {
            sessions: 100,
            watchers: 10,
        },
        Work::Streaming {
            replies: REPLIES,
            watchers: 1,
        },
        Work::Streaming {
            replies: plan.watched_replies,
            watchers: 20,
        },
        Work::Sends { clients: 1 },
        Work::Sends { clients: 64 },
        Work::Sends { clients: SENDERS },
        Work::Newest,
        Work::Resume,
        Work::Idle,
    ]
}

/// Measures until the time is over.
///
/// A round begins only if one as long as the longest so far has room; a measure begins only while there is time at all.
/// What breaks is noted, and the rest goes on.
pub async fn rounds(bench: &Bench<'_>, works: &[Work], end: Instant) -> Findings {
    let mut findings = Findings::default();
    let mut longest = Duration::ZERO;
    for round in 0..bench.plan.rounds {
        let began = Instant::now();
        if round > 0 && began + longest > end {
            break;
        }
        for work in works {
            for (who, size) in bench.sides(*work) {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let remark = format!(
                        "the time was over in round {}, before {work:?} of {who:?}, {size:?}",
                        round + 1
                    );
                    // What was never measured was never checked either: that is no clean run.
                    match round {
                        0 => findings.troubles.push(remark),
                        _ => findings.remarks.push(remark),
                    }
                    return findings;
                }
                measure(bench, &mut findings, round, *work, who, size, left).await;
            }
        }
        findings.rounds += 1;
        longest = longest.max(began.elapsed());
        eprintln!("round {} took {:.0?}", round + 1, began.elapsed());
    }
    findings
}

/// How much longer than the time left the last measure may take to come to its end.
const GRACE: Duration = Duration::from_secs(15);

async fn measure(
    bench: &Bench<'_>,
    findings: &mut Findings,
    round: usize,
    work: Work,
    who: Who,
    size: Size,
    left: Duration,
) {
    let began = Instant::now();
    let drift = drift::reading();
    let outcome = timeout(left + GRACE, bench.measure(work, who, size)).await;
    let trouble = match outcome {
        Ok(Ok(outcomes)) => {
            let took = began.elapsed();
            eprintln!(
                "  {work:?} {who:?} {size:?} {took:.1?}{}",
                faults(&outcomes)
            );
            for outcome in outcomes {
                for figure in &outcome.figures {
                    let verdict = findings.verdicts.entry(figure.work.clone());
                    verdict.or_default();
                }
                // What was received counts once, at the first row of this part of the work.
                if let Some(first) = outcome.figures.first() {
                    let verdict = findings.verdicts.entry(first.work.clone());
                    *verdict.or_default() += outcome.verdict;
                }
                findings
                    .readings
                    .extend(outcome.figures.into_iter().map(|figure| Reading {
                        round,
                        who,
                        size,
                        figure,
                        drift,
                    }));
            }
            return;
        }
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "it did not come to an end".to_owned(),
    };
    let trouble = format!("{work:?} of {who:?}, {size:?}: {trouble}");
    eprintln!("  {trouble}");
    findings.troubles.push(trouble);
}

/// What was wrong, to be told at once.
fn faults(outcomes: &[Outcome]) -> String {
    let unclean = outcomes.iter().filter(|it| !it.verdict.is_clean());
    unclean.map(|it| format!(": {:?}", it.verdict)).collect()
}
