//! Leaves a model server alone that has failed several times in a row.
//!
//! Closed, everybody passes. Five calls in a row that end in an outage open it: then nobody passes for a
//! rest, and replies fail at once instead of after half a minute. After the rest one call is let through on
//! trial: it closes the breaker when its first text comes, and opens it again when it fails. Calls that were
//! cancelled say nothing about the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many outages in a row open it.
const OPENS_AFTER: u32 = 5;

/// The breaker of one server.
pub(super) struct Breaker {
    state: Mutex<State>,
    rest: Duration,
}

#[derive(Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
    has_trial: bool,
}

impl Breaker {
    /// A closed one, that rests this long when it opens.
    pub(super) fn new(rest: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            rest,
        })
    }

    /// Lets a call pass; nothing while the server rests.
    pub(super) fn pass(self: &Arc<Self>) -> Option<Passage> {
        let mut state = self.state();
        let is_trial = match state.rests_until {
            None => false,
            Some(until) if Instant::now() < until || state.has_trial => return None,
            Some(_) => {
                state.has_trial = true;
                true
            }
        };
        Some(Passage {
            breaker: self.clone(),
            is_trial,
        })
    }

    // No code that holds it can panic; a poisoned lock would mean the same state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through. It tells how the server did; dropped without a word, it was cancelled.
pub(super) struct Passage {
    breaker: Arc<Breaker>,
    is_trial: bool,
}

impl Passage {
    /// The server answers.
    pub(super) fn worked(&mut self) {
        *self.breaker.state() = State::default();
        self.is_trial = false;
    }

    /// It does not.
    pub(super) fn failed(&mut self) {
        let mut state = self.breaker.state();
        state.failures += 1;
        if self.is_trial || state.failures >= OPENS_AFTER {
            state.rests_until = Some(Instant::now() + self.breaker.rest);
            state.has_trial = false;
        }
        self.is_trial = false;
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.state().has_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(rest: Duration) -> Arc<Breaker> {
        let breaker = Breaker::new(rest);
        for _ in 0..OPENS_AFTER {
            breaker.pass().unwrap().failed();
        }
        breaker
    }

    #[test]
    fn it_opens_after_several_outages_in_a_row_and_only_then() {
        let breaker = Breaker::new(Duration::from_secs(3600));
        for _ in 0..3 {
            for _ in 1..OPENS_AFTER {
                breaker.pass().unwrap().failed();
            }
            breaker.pass().unwrap().worked();
        }
        assert!(breaker.pass().is_some());
        assert!(opened(Duration::from_secs(3600)).pass().is_none());
    }

    #[test]
    fn after_a_rest_one_call_is_on_trial_and_decides() {
        let breaker = opened(Duration::ZERO);
        let mut trial = breaker.pass().unwrap();
        assert!(breaker.pass().is_none());
        trial.failed();

        let mut trial = breaker.pass().unwrap();
        assert!(breaker.pass().is_none());
        trial.worked();
        let both = (breaker.pass(), breaker.pass());
        assert!(both.0.is_some() && both.1.is_some());
    }

    #[test]
    fn a_trial_that_was_cancelled_makes_way_for_another() {
        let breaker = opened(Duration::ZERO);
        drop(breaker.pass().unwrap());
        assert!(breaker.pass().is_some());
    }
}
