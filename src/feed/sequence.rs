//! Puts announced entries into the log's order and notices what is missing.

use std::collections::BTreeMap;

use crate::db::log::Entry;
use crate::domain::Rev;

/// How many bytes of early entries are kept. What is beyond comes from the log, as the hole before it does.
const MAX_EARLY_BYTES: usize = 256 * 1024;

/// Entries that came before those they follow, and how far all has come.
pub(super) struct Sequence {
    head: Rev,
    early: BTreeMap<Rev, Entry>,
    early_bytes: usize,
    /// Early entries were let go: only the log can tell what comes next.
    let_go: bool,
}

impl Sequence {
    pub(super) fn new(head: Rev) -> Self {
        Self {
            head,
            early: BTreeMap::new(),
            early_bytes: 0,
            let_go: false,
        }
    }

    /// The last entry that was passed on; all before it were, too.
    pub(super) fn head(&self) -> Rev {
        self.head
    }

    /// Takes announced entries and gives those that are next, in order. Known ones are dropped.
    pub(super) fn announced(&mut self, entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
        let mut next = Vec::new();
        for entry in entries {
            if entry.place > self.head {
                self.keep(entry);
                self.take_next(&mut next);
            }
        }
        next
    }

    /// Takes what the log holds after the head, complete, and gives it with what follows on it.
    pub(super) fn read(&mut self, log: Vec<Entry>) -> Vec<Entry> {
        let mut next = log;
        if let Some(last) = next.last() {
            self.head = self.head.max(last.place);
        }
        // Whatever was let go was in the log before it was announced.
        self.let_go = false;
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.head
        {
            self.early_bytes -= entry.remove().bytes();
        }
        self.take_next(&mut next);
        next
    }

    /// Goes on from `head`, whatever lies before it.
    pub(super) fn jump(&mut self, head: Rev) -> Vec<Entry> {
        self.head = self.head.max(head);
        self.read(Vec::new())
    }

    /// Whether entries came whose predecessors did not.
    pub(super) fn has_hole(&self) -> bool {
        self.let_go || !self.early.is_empty()
    }

    fn keep(&mut self, entry: Entry) {
        self.early_bytes += entry.bytes();
        if let Some(known) = self.early.insert(entry.place, entry) {
            self.early_bytes -= known.bytes();
        }
        // The entry that is next is never let go, unless it alone is more than all may be.
        while self.early_bytes > MAX_EARLY_BYTES
            && let Some((_, last)) = self.early.pop_last()
        {
            self.early_bytes -= last.bytes();
            self.let_go = true;
        }
    }

    fn take_next(&mut self, next: &mut Vec<Entry>) {
        while let Some(entry) = self.early.first_entry()
            && *entry.key() == self.head.next()
        {
            self.head = *entry.key();
            let entry = entry.remove();
            self.early_bytes -= entry.bytes();
            next.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {

    use chrono::Utc;
    use proptest::prelude::*;

    use super::*;
    use crate::db::messages::Message;
    use crate::domain::{MessageStatus, Seq, SessionId, UserId};

    fn entry(rev: i64) -> Entry {
        Entry::latest(Message {
            session_id: SessionId::new(),
            seq: Seq(1),
            rev: Rev(rev),
            added_rev: Rev(rev),
            finished_rev: Some(Rev(rev)),
            user_id: Some(UserId::new()),
            chatbot_id: None,
            content: String::new(),
            status: MessageStatus::Complete,
            failure: None,
            in_reply_to: None,
            client_key: None,
            created_at: Utc::now(),
            edited_at: None,
            attempt: 0,
        })
    }

    fn places(entries: &[Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.place.0).collect()
    }

    #[test]
    fn a_hole_holds_back_what_follows_until_the_log_fills_it() {
        let mut sequence = Sequence::new(Rev(10));
        assert_eq!(places(&sequence.announced([entry(11)])), [11]);
        assert!(sequence.announced([entry(13), entry(15)]).is_empty());
        assert!(sequence.has_hole());
        // 12 was overwritten by 14.
        assert_eq!(
            places(&sequence.read(vec![entry(13), entry(14)])),
            [13, 14, 15]
        );
        assert!(!sequence.has_hole());
        assert_eq!(places(&sequence.announced([entry(14), entry(16)])), [16]);
    }

    #[test]
    fn early_entries_are_bounded_and_what_was_let_go_comes_from_the_log() {
        let mut sequence = Sequence::new(Rev::START);
        let large = |rev| {
            let entry = entry(rev);
            let mut message = Message::clone(entry.message().unwrap());
            message.content = "x".repeat(32 * 1024);
            Entry::latest(message)
        };
        for rev in 2..=100 {
            assert!(sequence.announced([large(rev)]).is_empty());
            assert!(sequence.early_bytes <= MAX_EARLY_BYTES);
        }
        // Those that come first were kept.
        assert!(!sequence.announced([large(1)]).is_empty());
        assert!(sequence.has_hole() && sequence.early.is_empty());
        let rest = (sequence.head().0 + 1..=100).map(large).collect();
        assert_eq!(places(&sequence.read(rest)).last(), Some(&100));
        assert!(!sequence.has_hole());
        assert_eq!(sequence.early_bytes, 0);
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_with_repeats_comes_out_in_order_and_once(
            arrivals in Just((1..=20_i64).collect::<Vec<_>>()).prop_shuffle(),
            repeats in proptest::collection::vec(1..=20_i64, 0..20),
        ) {
            let mut sequence = Sequence::new(Rev::START);
            let mut seen = Vec::new();
            for rev in arrivals.into_iter().chain(repeats) {
                seen.extend(places(&sequence.announced([entry(rev)])));
            }
            prop_assert_eq!(seen, (1..=20).collect::<Vec<_>>());
            prop_assert!(!sequence.has_hole());
        }
    }
}
