//! Who types in one session: known for a few seconds, never stored.
//!
//! It is a state, not a row of events: a follower compares it with what it has shown, so whatever of the news
//! it missed, it shows who types now.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::db::users::User;
use crate::domain::UserId;

/// How long somebody types who does not say so again.
const LASTS: Duration = Duration::from_secs(5);

/// So many are known at once. More than anybody can follow, and a bound for what each follower remembers.
const MOST: usize = 32;

/// Who somebody is: looked up once for all who are told of them.
pub type Profile = Arc<OnceCell<User>>;

/// Those who type.
#[derive(Default)]
pub(super) struct Typing {
    people: HashMap<UserId, Typist>,
}

struct Typist {
    until: Instant,
    profile: Profile,
}

impl Typing {
    /// Takes news of somebody; says whether anything is different now.
    pub(super) fn hear(&mut self, user: UserId, typing: bool) -> bool {
        if !typing {
            return self.people.remove(&user).is_some();
        }
        let until = Instant::now() + LASTS;
        if let Some(known) = self.people.get_mut(&user) {
            known.until = until;
            return false;
        }
        let has_room = self.people.len() < MOST;
        if has_room {
            let profile = Profile::default();
            self.people.insert(user, Typist { until, profile });
        }
        has_room
    }

    /// When the next of them stops by itself.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.people.values().map(|typist| typist.until).min()
    }

    /// Forgets those whose time is over; says whether there were any.
    pub(super) fn expire(&mut self) -> bool {
        let (before, now) = (self.people.len(), Instant::now());
        self.people.retain(|_, typist| typist.until > now);
        self.people.len() < before
    }

    /// Who this person is, if they type.
    pub(super) fn profile(&self, user: UserId) -> Option<Profile> {
        self.people.get(&user).map(|typist| typist.profile.clone())
    }

    /// All of them.
    pub(super) fn people(&self) -> BTreeSet<UserId> {
        self.people.keys().copied().collect()
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
        assert!(!typing.expire() && typing.profile(ada).is_some());
        advance(Duration::from_millis(1)).await;
        assert_eq!(typing.next_end(), Some(Instant::now()));
        assert!(typing.expire() && typing.profile(ada).is_none());
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
