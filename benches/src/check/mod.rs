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
