//! What was marked in an open inbox since it looked last: sessions, or that it has to look for itself.

use std::collections::HashSet;

use crate::domain::SessionId;

/// The most sessions that are marked. Whoever has more to read than that looks at what has changed instead: so a slow
/// client costs this much and no more.
const MOST: usize = 1_000;

/// The marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Something has changed in these.
    pub(super) sessions: HashSet<SessionId>,
    /// Something may have changed anywhere.
    pub(super) has_missed: bool,
    /// In which sessions changes are marked at all. Kept by [`Watched`](super::watched::Watched).
    pub(super) watched: HashSet<SessionId>,
}

impl Marks {
    /// Marks a session.
    pub(super) fn add(&mut self, session: SessionId) {
        self.sessions.insert(session);
        if self.sessions.len() > MOST {
            self.miss();
        }
    }

    /// Has it look for itself, which finds what was marked too.
    pub(super) fn miss(&mut self) {
        self.sessions = HashSet::new();
        self.has_missed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_marked_once_and_too_many_make_one_look() {
        let mut marks = Marks::default();
        let one = SessionId::new();
        for _ in 0..10 {
            marks.add(one);
        }
        assert_eq!(marks.sessions, HashSet::from([one]));
        for _ in 1..MOST {
            marks.add(SessionId::new());
        }
        assert_eq!((marks.sessions.len(), marks.has_missed), (MOST, false));
        marks.add(SessionId::new());
        assert_eq!((marks.sessions.len(), marks.has_missed), (0, true));
        marks.add(one);
        assert_eq!((marks.sessions.len(), marks.has_missed), (1, true));
    }
}
