//! The other processes on the bus, as far as they make themselves heard.
//!
//! A process that is cut off knows it; those beyond the cut do not, and would wait for news that can't come. So
//! each sends a beat every second, and one that falls silent without a farewell is missed for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How often a process makes itself heard.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Silence for so long makes a process missed.
const SILENCE: Duration = Duration::from_secs(3);

/// One that stays silent is dead: nothing is to be heard of it.
const DEATH: Duration = Duration::from_secs(120);

/// Who was heard, and when last.
pub(super) struct Others {
    own: Uuid,
    heard: Mutex<HashMap<Uuid, Instant>>,
}

impl Others {
    pub(super) fn new() -> Self {
        Self {
            own: Uuid::new_v4(),
            heard: Mutex::default(),
        }
    }

    /// What this process sends: while it is there, and when it goes.
    pub(super) fn sign(&self, stays: bool) -> Vec<u8> {
        let word = if stays { "here" } else { "gone" };
        format!("{word} {}", self.own).into_bytes()
    }

    /// Takes what another process has sent.
    pub(super) fn hear(&self, sign: &[u8]) {
        let sign = std::str::from_utf8(sign).unwrap_or_default();
        let Some((word, Ok(process))) = sign
            .split_once(' ')
            .map(|(word, process)| (word, Uuid::parse_str(process)))
        else {
            return;
        };
        match word {
            "here" => self.heard().insert(process, Instant::now()),
            _ => self.heard().remove(&process),
        };
    }

    /// Forgets everyone: whoever is still there will be heard again.
    pub(super) fn forget(&self) {
        self.heard().clear();
    }

    /// Whether somebody has fallen silent who was there a moment ago.
    pub(super) fn is_one_missing(&self) -> bool {
        let mut heard = self.heard();
        heard.retain(|_, at| at.elapsed() < DEATH);
        heard.values().any(|at| at.elapsed() > SILENCE)
    }

    /// Never held across an await.
    fn heard(&self) -> MutexGuard<'_, HashMap<Uuid, Instant>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
