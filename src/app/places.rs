//! How many of something each holder has at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// So many places for each holder. It remembers only holders that have one, so it never outgrows what is open.
///
/// Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Places<K> {
    taken: Arc<Mutex<HashMap<K, u64>>>,
    most: u64,
}

/// A place that is taken, for as long as this lives.
pub struct Place<K: Eq + Hash> {
    taken: Arc<Mutex<HashMap<K, u64>>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// This many for each.
    pub fn new(most: u64) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// One more for this holder; nothing if they have as many as there are.
    pub fn take(&self, holder: K) -> Option<Place<K>> {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.get(&holder).copied().unwrap_or_default();
        if taken >= self.most {
            return None;
        }
        all.insert(holder.clone(), taken + 1);
        drop(all);
        Some(Place {
            taken: self.taken.clone(),
            holder,
        })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.holder) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(all.remove(&self.holder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_so_many_and_gets_them_back() {
        let places = Places::new(2);
        let first = places.take("ada").unwrap();
        let _second = places.take("ada").unwrap();
        assert!(places.take("ada").is_none());
        assert!(places.take("bob").is_some());
        drop(first);
        assert!(places.take("ada").is_some());
    }

    #[test]
    fn who_has_none_is_forgotten() {
        let places = Places::new(1);
        drop(places.take("ada"));
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
