//! One subscriber of messages that are numbered 1, 2, 3, ...

use std::collections::BTreeSet;
use std::time::Duration;

use super::{LATE, Verdict};

/// What one subscriber has seen.
#[derive(Debug, Default)]
pub struct Watch {
    newest: u64,
    missing: BTreeSet<u64>,
    verdict: Verdict,
}

impl Watch {
    /// Nothing seen yet: the next is the first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number `n` arrived, so long after it was sent.
    pub fn see(&mut self, n: u64, after: Duration) {
        if n == self.newest + 1 {
            self.newest = n;
            self.verdict.good += 1;
        } else if n > self.newest {
            self.missing.extend(self.newest + 1..n);
            self.newest = n;
            self.verdict.good += 1;
        } else if self.missing.remove(&n) {
            self.verdict.swapped += 1;
        } else {
            self.verdict.repeated += 1;
        }
        if after > LATE {
            self.verdict.late += 1;
        }
    }

    /// Something arrived that nobody sent.
    pub fn see_wrong(&mut self) {
        self.verdict.wrong += 1;
    }

    /// How many different messages arrived.
    pub fn seen(&self) -> u64 {
        self.newest - self.missing.len() as u64
    }

    /// The verdict, now that nothing comes any more and `sent` were sent.
    pub fn close(&self, sent: u64) -> Verdict {
        let mut verdict = self.verdict;
        verdict.lost += self.missing.len() as u64 + sent.saturating_sub(self.newest);
        // More than were sent: nobody sent those.
        verdict.wrong += self.newest.saturating_sub(sent);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(3);

    fn judge(seen: impl IntoIterator<Item = u64>, sent: u64) -> Verdict {
        let mut watch = Watch::new();
        for n in seen {
            watch.see(n, SOON);
        }
        watch.close(sent)
    }

    #[test]
    fn all_in_order_is_clean() {
        let verdict = judge(1..=100, 100);
        assert!(verdict.is_clean());
        assert_eq!(verdict.good, 100);
        assert!(judge([], 0).is_clean());
    }

    #[test]
    fn a_lost_delivery_is_told_wherever_it_was() {
        for lost in [1, 2, 57, 99, 100] {
            let verdict = judge((1..=100).filter(|n| *n != lost), 100);
            assert_eq!((verdict.lost, verdict.faults()), (1, 1), "{lost}");
        }
        assert_eq!(judge([], 7).lost, 7);
    }

    #[test]
    fn a_repeated_delivery_is_told_at_once_and_later() {
        for again in [1, 50, 100] {
            let verdict = judge((1..=100).chain([again]), 100);
            assert_eq!((verdict.repeated, verdict.faults()), (1, 1), "{again}");
        }
        assert_eq!(judge([1, 1, 2], 2).repeated, 1);
    }

    #[test]
    fn swapped_deliveries_are_told_and_are_not_lost() {
        let verdict = judge([1, 3, 2, 4], 4);
        assert_eq!((verdict.swapped, verdict.faults()), (1, 1));
        // One that is far too early passes all before it by.
        let verdict = judge([4, 1, 2, 3], 4);
        assert_eq!((verdict.swapped, verdict.faults()), (3, 3));
        // Come behind, and then again.
        let verdict = judge([1, 3, 2, 2], 3);
        assert_eq!((verdict.swapped, verdict.repeated), (1, 1));
    }

    #[test]
    fn a_late_delivery_is_told_and_counts_as_come() {
        let mut watch = Watch::new();
        watch.see(1, LATE);
        watch.see(2, LATE + Duration::from_millis(1));
        let verdict = watch.close(2);
        assert_eq!((verdict.late, verdict.lost, verdict.good), (1, 0, 2));
    }

    #[test]
    fn what_nobody_sent_is_told() {
        assert_eq!(judge([1, 2, 3], 2).wrong, 1);
        let mut watch = Watch::new();
        watch.see_wrong();
        assert!(!watch.close(0).is_clean());
    }

    #[test]
    fn every_single_fault_in_a_run_is_told() {
        // Each fault at each place, and a clean run beside it.
        for place in 0..20_usize {
            let clean: Vec<u64> = (1..=20).collect();
            let mut lost = clean.clone();
            lost.remove(place);
            let mut repeated = clean.clone();
            repeated.insert(place, clean[place]);
            assert!(judge(clean.clone(), 20).is_clean());
            assert_eq!(judge(lost, 20).lost, 1);
            assert_eq!(judge(repeated, 20).repeated, 1);
            if place > 0 {
                let mut swapped = clean.clone();
                swapped.swap(place - 1, place);
                assert_eq!(judge(swapped, 20).swapped, 1);
            }
        }
    }
}
