//! Who types in one session: known for a few seconds, never stored.
//!
//! It is a state, not a row of events: a follower compares it with what it has shown, so whatever of the news
//! it missed, it shows who types now.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::UserId;

/// How long somebody types who does not say so again.
const LASTS: Duration = Duration::from_secs(5);

/// So many are known at once. More than anybody can follow, and a bound for what each follower remembers.
const MOST: usize = 32;

/// Those who type.
#[derive(Default)]
pub(super) struct Typing {
    until: HashMap<UserId, Instant>,
}

impl Typing {
    /// Takes news of somebody; says whether anything is different now.
    pub(super) fn hear(&mut self, user: UserId, typing: bool) -> bool {
        if !typing {
            return self.until.remove(&user).is_some();
        }
        let until = Instant::now() + LASTS;
        if let Some(known) = self.until.get_mut(&user) {
            *known = until;
            return false;
        }
        let has_room = self.until.len() < MOST;
        if has_room {
            self.until.insert(user, until);
        }
        has_room
    }

    /// When the next of them stops by itself.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Forgets those whose time is over; says whether there were any.
    pub(super) fn expire(&mut self) -> bool {
        let (before, now) = (self.until.len(), Instant::now());
        self.until.retain(|_, until| *until > now);
        self.until.len() < before
    }

    /// Whether this person types.
    pub(super) fn has(&self, user: UserId) -> bool {
        self.until.contains_key(&user)
    }

    /// All of them.
    pub(super) fn people(&self) -> BTreeSet<UserId> {
        self.until.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn somebody_types_until_they_stop_or_fall_silent() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let mut typing = Typing::default();
        assert!(typing.hear(ada, true));
        advance(Duration::from_secs(3)).await;
        assert!(!typing.hear(ada, true), "nothing new");
        assert!(typing.hear(bob, true));
        assert!(typing.hear(bob, false));
        assert!(!typing.hear(bob, false), "nothing new");
        advance(Duration::from_millis(4_999)).await;
        assert!(!typing.expire() && typing.has(ada));
        advance(Duration::from_millis(1)).await;
        assert_eq!(typing.next_end(), Some(Instant::now()));
        assert!(typing.expire() && !typing.has(ada));
        assert_eq!(typing.next_end(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_takes_no_more_room_than_there_is() {
        let mut typing = Typing::default();
        let told = (0..10_000).filter(|_| typing.hear(UserId::new(), true));
        assert_eq!(told.count(), MOST);
        assert_eq!(typing.people().len(), MOST);
        advance(LASTS).await;
        assert!(typing.expire());
        assert!(typing.people().is_empty());
    }
}
