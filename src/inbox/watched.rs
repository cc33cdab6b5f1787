//! Which open inbox is to be marked when something happens: by session, and by person.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::Slot;
use crate::bus::{Heard, Notice};
use crate::domain::{SessionId, UserId};

type Slots = Vec<Arc<Slot>>;

/// The open inboxes.
#[derive(Default)]
pub(super) struct Watched {
    by_person: HashMap<UserId, Slots>,
    by_session: HashMap<SessionId, Slots>,
}

impl Watched {
    /// All of them.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.by_person.values().flatten()
    }

    /// Adds an inbox, for which no session is watched yet.
    pub(super) fn add(&mut self, slot: &Arc<Slot>) {
        self.by_person
            .entry(slot.user)
            .or_default()
            .push(slot.clone());
    }

    /// Takes an inbox away, and what is watched for it.
    pub(super) fn remove(&mut self, slot: &Arc<Slot>) {
        take(&mut self.by_person, slot.user, slot);
        let sessions: HashSet<SessionId> = std::mem::take(&mut slot.marks().watched);
        for session in sessions {
            take(&mut self.by_session, session, slot);
        }
    }

    /// Watches sessions for an inbox. Gives those that were not watched for it.
    pub(super) fn watch(&mut self, slot: &Arc<Slot>, sessions: &[SessionId]) -> Vec<SessionId> {
        let mut new = Vec::new();
        for session in sessions {
            if slot.marks().watched.insert(*session) {
                let slots = self.by_session.entry(*session).or_default();
                slots.push(slot.clone());
                new.push(*session);
            }
        }
        new
    }

    /// Watches a session no longer.
    pub(super) fn unwatch(&mut self, slot: &Arc<Slot>, session: SessionId) {
        if slot.marks().watched.remove(&session) {
            take(&mut self.by_session, session, slot);
        }
    }

    /// Marks the inboxes that what was heard matters to.
    pub(super) fn tell(&self, heard: &Heard) {
        match heard {
            Heard::Missed => self.miss(),
            Heard::Notice(notice) => match &**notice {
                Notice::Stirred { session } => {
                    for slot in self.by_session.get(session).into_iter().flatten() {
                        slot.mark(*session);
                    }
                }
                Notice::SeatsChanged { session, users } => {
                    for user in users {
                        for slot in self.by_person.get(user).into_iter().flatten() {
                            slot.mark(*session);
                        }
                    }
                }
                _ => {}
            },
        }
    }

    /// Has all of them look for themselves.
    pub(super) fn miss(&self) {
        for slot in self.slots() {
            slot.miss();
        }
    }
}

/// Takes a slot from those under a key. Where none is left, the key takes no room.
fn take<K: Eq + Hash>(map: &mut HashMap<K, Slots>, key: K, slot: &Arc<Slot>) {
    if let Some(slots) = map.get_mut(&key) {
        slots.retain(|other| !Arc::ptr_eq(other, slot));
        if slots.is_empty() {
            map.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(user: UserId) -> Arc<Slot> {
        Arc::new(Slot {
            user,
            marks: std::sync::Mutex::default(),
            stirred: tokio::sync::Notify::new(),
        })
    }

    fn marked(slot: &Arc<Slot>) -> Vec<SessionId> {
        let marks = std::mem::take(&mut slot.marks().sessions);
        marks.into_iter().collect()
    }

    #[test]
    fn what_happens_marks_those_it_matters_to() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let (phone, desk, bobs) = (slot(ada), slot(ada), slot(bob));
        let (shared, adas) = (SessionId::new(), SessionId::new());
        let mut watched = Watched::default();
        for slot in [&phone, &desk, &bobs] {
            watched.add(slot);
            assert_eq!(watched.watch(slot, &[shared, shared]), [shared]);
        }
        assert_eq!(watched.watch(&phone, &[shared, adas]), [adas]);
        let tell = |watched: &Watched, notice| watched.tell(&Heard::Notice(Arc::new(notice)));

        tell(&watched, Notice::Stirred { session: shared });
        for slot in [&phone, &desk, &bobs] {
            assert_eq!(marked(slot), [shared]);
        }
        tell(&watched, Notice::Stirred { session: adas });
        assert_eq!((marked(&phone).len(), marked(&desk).len()), (1, 0));
        tell(
            &watched,
            Notice::Stirred {
                session: SessionId::new(),
            },
        );
        let users = vec![ada];
        let session = SessionId::new();
        tell(&watched, Notice::SeatsChanged { session, users });
        assert_eq!(
            (marked(&phone), marked(&desk)),
            (vec![session], vec![session])
        );
        assert_eq!(marked(&bobs), []);

        watched.unwatch(&bobs, shared);
        watched.remove(&desk);
        tell(&watched, Notice::Stirred { session: shared });
        assert_eq!((marked(&phone), marked(&desk)), (vec![shared], vec![]));
        assert_eq!(marked(&bobs), []);
        watched.tell(&Heard::Missed);
        assert!(phone.marks().has_missed && bobs.marks().has_missed);

        watched.remove(&phone);
        watched.remove(&bobs);
        assert!(watched.by_person.is_empty() && watched.by_session.is_empty());
    }
}
