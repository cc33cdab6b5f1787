//! Judges what was received while it is measured: a figure for deliveries counts only if they were the right ones.
//!
//! Every message of a run says which it is: its session's 1st, 2nd, 3rd, ... [`Watch`] judges one subscriber of
//! numbered messages, [`Text`] one of a reply that comes in pieces.

mod text;
mod watch;

pub use text::Text;
pub use watch::Watch;

use std::ops::AddAssign;
use std::time::Duration;

/// A delivery later than this behind its send is late. News that travels takes milliseconds; what takes seconds
/// was not told but found, when the server looked at its log unasked.
pub const LATE: Duration = Duration::from_secs(5);

/// What was received, and what was wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What came and was right.
    pub good: u64,
    /// What should have come and did not.
    pub lost: u64,
    /// What came again.
    pub repeated: u64,
    /// What came behind what should have followed it.
    pub swapped: u64,
    /// What came, and too late.
    pub late: u64,
    /// What came and is not what was sent, and answers that are errors.
    pub wrong: u64,
}

impl Verdict {
    /// Whether anything was wrong.
    pub fn is_clean(&self) -> bool {
        self.faults() == 0
    }

    /// How much was wrong.
    pub fn faults(&self) -> u64 {
        self.lost + self.repeated + self.swapped + self.late + self.wrong
    }

    /// What has come to it since an earlier verdict on the same. What was lost then and has come since was told then.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            good: self.good.saturating_sub(earlier.good),
            lost: self.lost.saturating_sub(earlier.lost),
            repeated: self.repeated.saturating_sub(earlier.repeated),
            swapped: self.swapped.saturating_sub(earlier.swapped),
            late: self.late.saturating_sub(earlier.late),
            wrong: self.wrong.saturating_sub(earlier.wrong),
        }
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.good += other.good;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.swapped += other.swapped;
        self.late += other.late;
        self.wrong += other.wrong;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_judged_in_parts_adds_up_and_each_fault_is_told_in_its_part() {
        let mut watch = Watch::new();
        (1..=10).for_each(|n| watch.see(n, Duration::ZERO));
        let first = watch.close(10);
        for n in [11, 13, 12, 12] {
            watch.see(n, Duration::ZERO);
        }
        let second = watch.close(14).since(first);
        let all = watch.close(14);
        let mut sum = first;
        sum += second;
        assert_eq!(sum, all);
        assert!(first.is_clean());
        assert_eq!((first.good, second.good), (10, 2));
        assert_eq!((second.lost, second.repeated, second.swapped), (1, 1, 1));
    }
}
