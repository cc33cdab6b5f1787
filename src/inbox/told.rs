//! What an open inbox has told lately: so that nothing is told twice for nothing, and no session too often.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::db::inbox::Mark;
use crate::domain::{Horizon, SessionId};

/// The least time between two tellings of one session.
pub(super) const PACE: Duration = Duration::from_millis(500);

/// What was told of each session, for as long as that can matter.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<SessionId, Last>);

#[derive(Debug)]
struct Last {
    mark: Mark,
    at: Instant,
}

impl Told {
    /// Notes that a session was told, as these transactions made it.
    pub(super) fn tell(&mut self, session: SessionId, mark: Mark, at: Instant) {
        self.0.insert(session, Last { mark, at });
    }

    /// Whether a session was told just so, and nothing has come of it since.
    pub(super) fn is_told(&self, session: SessionId, mark: Mark) -> bool {
        self.0.get(&session).is_some_and(|last| last.mark == mark)
    }

    /// When a session may be told; nothing if it may be at any time.
    pub(super) fn due(&self, session: SessionId) -> Option<Instant> {
        self.0.get(&session).map(|last| last.at + PACE)
    }

    /// Whether a session in which somebody has a seat is new to them: they got the seat behind the horizon, and it
    /// was not told since.
    pub(super) fn is_new(&self, session: SessionId, mark: Mark, horizon: Horizon) -> bool {
        let joined = |mark| match mark {
            Mark::Seated { joined_in, .. } => Some(joined_in),
            Mark::Gone { .. } => None,
        };
        let known = self.0.get(&session).and_then(|last| joined(last.mark));
        joined(mark).is_some_and(|joined_in| joined_in >= horizon.0 && known != Some(joined_in))
    }

    /// Forgets what no look from this horizon on finds again.
    pub(super) fn forget_before(&mut self, horizon: Horizon, now: Instant) {
        self.0
            .retain(|_, last| last.mark.latest() >= horizon.0 || last.at + PACE > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seated(changed_in: i64, joined_in: i64) -> Mark {
        Mark::Seated {
            changed_in,
            read_in: 0,
            joined_in,
        }
    }

    #[test]
    fn a_seat_is_new_once() {
        let (session, now) = (SessionId::new(), Instant::now());
        let mut told = Told::default();
        let horizon = Horizon(10);
        assert!(told.is_new(session, seated(12, 12), horizon));
        assert!(!told.is_new(session, seated(12, 9), horizon));
        told.tell(session, seated(12, 12), now);
        assert!(!told.is_new(session, seated(14, 12), horizon));
        // Left and come back since.
        assert!(told.is_new(session, seated(20, 20), horizon));
        told.tell(session, Mark::Gone { left_in: 15 }, now);
        assert!(!told.is_new(session, Mark::Gone { left_in: 15 }, horizon));
        assert!(told.is_new(session, seated(12, 12), horizon));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_be_found_again_or_is_too_soon_is_remembered() {
        let session = SessionId::new();
        let mut told = Told::default();
        let at = Instant::now();
        told.tell(session, seated(12, 1), at);
        assert_eq!(told.due(session), Some(at + PACE));
        tokio::time::advance(PACE).await;
        told.forget_before(Horizon(12), Instant::now());
        assert!(told.is_told(session, seated(12, 1)));
        assert!(!told.is_told(session, seated(13, 1)));
        told.tell(session, seated(12, 1), Instant::now());
        told.forget_before(Horizon(13), Instant::now());
        assert!(told.due(session).is_some());
        tokio::time::advance(PACE).await;
        told.forget_before(Horizon(13), Instant::now());
        assert_eq!(told.due(session), None);
    }
}
