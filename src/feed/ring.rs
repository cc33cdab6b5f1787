//! What a feed has told and not every follower has heard yet: bounded by events and by bytes.
//!
//! An event is kept until the last follower has heard it, so that a feed whose followers keep up holds
//! nothing. One that falls behind is not waited for: when the ring is full, text goes first, since a later
//! piece shows what is missing, then the oldest events. Who has missed something is told so, and reads the
//! log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// How many events a ring holds.
pub(super) const MAX_EVENTS: usize = 256;

/// How many bytes the events of a ring have together. A few of the longest messages.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// What a ring needs to know of an event.
pub(super) trait Weighed {
    /// About how much memory it holds.
    fn bytes(&self) -> usize;

    /// Whether the next of its kind heals its loss.
    fn is_ephemeral(&self) -> bool;
}

/// Where events are told.
pub(super) struct Ring<E> {
    slots: Arc<Mutex<Slots<E>>>,
    /// Changes when there is something new to hear.
    news: watch::Sender<()>,
}

/// Hears what is told after it began to listen, in order, until dropped.
pub(super) struct Listener<E: Weighed + Clone> {
    slots: Arc<Mutex<Slots<E>>>,
    news: watch::Receiver<()>,
    /// The number of the next event to hear.
    next: u64,
    /// Text went before it was heard.
    lacks_text: bool,
}

/// What a listener hears.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<E> {
    Event(E),
    /// Some events are gone. What is told from now on will be heard.
    Missed,
    /// Nothing more will be told.
    Closed,
}

struct Slots<E> {
    slots: VecDeque<Slot<E>>,
    bytes: usize,
    /// The number of the next event to be told. Numbers have gaps where text went.
    next: u64,
    /// Events before this number are gone for those who have not heard them.
    lost_before: u64,
    /// So is text.
    text_lost_before: u64,
    listeners: usize,
    closed: bool,
}

struct Slot<E> {
    number: u64,
    event: E,
    /// How many have yet to hear it.
    unheard: usize,
}

fn lock<E>(slots: &Mutex<Slots<E>>) -> MutexGuard<'_, Slots<E>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Weighed + Clone> Ring<E> {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Mutex::new(Slots {
                slots: VecDeque::new(),
                bytes: 0,
                next: 0,
                lost_before: 0,
                text_lost_before: 0,
                listeners: 0,
                closed: false,
            })),
            news: watch::Sender::new(()),
        }
    }

    /// Begins to listen.
    pub(super) fn listen(&self) -> Listener<E> {
        let mut slots = lock(&self.slots);
        slots.listeners += 1;
        Listener {
            slots: self.slots.clone(),
            news: self.news.subscribe(),
            next: slots.next,
            lacks_text: false,
        }
    }

    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        lock(&self.slots).listeners
    }

    /// Tells everyone who listens now.
    pub(super) fn tell(&self, event: E) {
        self.put(event);
        self.wake();
    }

    /// Tells everyone who looks; those who wait are woken by [`wake`](Self::wake).
    pub(super) fn put(&self, event: E) {
        lock(&self.slots).push(event);
    }

    /// Wakes everyone who waits.
    pub(super) fn wake(&self) {
        self.news.send_replace(());
    }

    /// Tells everyone that nothing more comes.
    pub(super) fn close(&self) {
        lock(&self.slots).closed = true;
        self.news.send_replace(());
    }
}

impl<E: Weighed + Clone> Slots<E> {
    fn push(&mut self, event: E) {
        if self.listeners == 0 || self.closed {
            return;
        }
        self.bytes += event.bytes();
        self.slots.push_back(Slot {
            number: self.next,
            event,
            unheard: self.listeners,
        });
        self.next += 1;
        if self.is_over() {
            self.drop_text();
        }
        while self.is_over() {
            self.drop_first();
        }
    }

    fn is_over(&self) -> bool {
        self.slots.len() > MAX_EVENTS || self.bytes > MAX_BYTES
    }

    /// Not the newest event: those who keep up are about to hear it, and must not be sent to the log for the sake
    /// of one who lags.
    fn drop_text(&mut self) {
        let newest = self.next - 1;
        let Self { slots, bytes, .. } = self;
        let text_lost_before = &mut self.text_lost_before;
        slots.retain(|slot| {
            let is_dropped = slot.event.is_ephemeral() && slot.number < newest;
            if is_dropped {
                *bytes -= slot.event.bytes();
                *text_lost_before = slot.number + 1;
            }
            !is_dropped
        });
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.slots.pop_front() {
            self.bytes -= first.event.bytes();
            self.lost_before = first.number + 1;
        }
    }

    /// Forgets what everyone has heard. Nobody hears a later event first, so that stands in front.
    fn forget_heard(&mut self) {
        while let Some(first) = self.slots.front()
            && first.unheard == 0
        {
            self.bytes -= first.event.bytes();
            self.slots.pop_front();
        }
        if self.slots.is_empty() {
            // A burst must not cost its room for ever.
            self.slots.shrink_to(0);
        }
    }

    /// Counts one listener less for everything from this number on.
    fn leave_out(&mut self, from: u64) {
        for slot in &mut self.slots {
            if slot.number >= from {
                slot.unheard -= 1;
            }
        }
        self.forget_heard();
    }
}

impl<E: Weighed + Clone> Listener<E> {
    /// Waits for what comes next. Nothing is lost if the wait is given up.
    pub(super) async fn next(&mut self) -> Told<E> {
        loop {
            // Before looking, so that what is told after it wakes this up.
            self.news.borrow_and_update();
            if let Some(told) = self.try_next() {
                return told;
            }
            if self.news.changed().await.is_err() {
                return Told::Closed;
            }
        }
    }

    fn try_next(&mut self) -> Option<Told<E>> {
        let mut slots = lock(&self.slots);
        if slots.closed {
            return Some(Told::Closed);
        }
        self.lacks_text |= self.next < slots.text_lost_before;
        let is_behind = self.next < slots.lost_before;
        let index = slots.slots.partition_point(|slot| slot.number < self.next);
        // Lost text is told at the end only: until then, what there is to hear may make it needless.
        if is_behind || (index == slots.slots.len() && self.lacks_text) {
            slots.leave_out(self.next);
            self.next = slots.next;
            self.lacks_text = false;
            return Some(Told::Missed);
        }
        let slot = slots.slots.get_mut(index)?;
        slot.unheard -= 1;
        self.next = slot.number + 1;
        let event = slot.event.clone();
        slots.forget_heard();
        Some(Told::Event(event))
    }
}

impl<E: Weighed + Clone> Drop for Listener<E> {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots);
        slots.listeners -= 1;
        slots.leave_out(self.next);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    /// An event of so many bytes, text or not.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Sized {
        number: usize,
        bytes: usize,
        text: bool,
    }

    impl Weighed for Sized {
        fn bytes(&self) -> usize {
            self.bytes
        }

        fn is_ephemeral(&self) -> bool {
            self.text
        }
    }

    fn change(number: usize, bytes: usize) -> Sized {
        let text = false;
        Sized {
            number,
            bytes,
            text,
        }
    }

    fn text(number: usize, bytes: usize) -> Sized {
        let text = true;
        Sized {
            number,
            bytes,
            text,
        }
    }

    fn hear(listener: &mut Listener<Sized>) -> Option<Told<Sized>> {
        listener.next().now_or_never()
    }

    fn held(ring: &Ring<Sized>) -> (usize, usize) {
        let slots = lock(&ring.slots);
        (slots.slots.len(), slots.bytes)
    }

    #[test]
    fn what_everyone_has_heard_takes_no_room() {
        let ring = Ring::new();
        ring.tell(change(0, 10));
        assert_eq!(held(&ring), (0, 0));
        let (mut one, mut other) = (ring.listen(), ring.listen());
        ring.tell(change(1, 10));
        ring.tell(change(2, 10));
        assert_eq!(hear(&mut one), Some(Told::Event(change(1, 10))));
        assert_eq!(hear(&mut one), Some(Told::Event(change(2, 10))));
        assert_eq!(hear(&mut one), None);
        assert_eq!(held(&ring), (2, 20));
        assert_eq!(hear(&mut other), Some(Told::Event(change(1, 10))));
        assert_eq!(held(&ring), (1, 10));
        drop(other);
        assert_eq!((held(&ring), ring.listeners()), ((0, 0), 1));
    }

    #[test]
    fn one_that_lags_by_events_or_by_bytes_is_told_and_the_others_are_spared() {
        for (count, bytes) in [(MAX_EVENTS + 1, 1), (5, MAX_BYTES / 4)] {
            let ring = Ring::new();
            let (mut slow, mut quick) = (ring.listen(), ring.listen());
            for number in 0..count {
                ring.tell(change(number, bytes));
                assert_eq!(hear(&mut quick), Some(Told::Event(change(number, bytes))));
            }
            assert_eq!(hear(&mut slow), Some(Told::Missed));
            assert_eq!(hear(&mut slow), None);
            assert_eq!(held(&ring), (0, 0));
            ring.tell(change(count, 1));
            assert_eq!(hear(&mut slow), Some(Told::Event(change(count, 1))));
        }
    }

    #[test]
    fn text_goes_first_and_who_lacks_it_is_told_at_the_end() {
        let ring = Ring::new();
        let (mut slow, mut quick) = (ring.listen(), ring.listen());
        ring.tell(change(0, 1));
        ring.tell(text(1, MAX_BYTES / 2));
        ring.tell(change(2, 1));
        for _ in 0..3 {
            hear(&mut quick);
        }
        ring.tell(change(3, MAX_BYTES / 2));
        for kept in [change(0, 1), change(2, 1), change(3, MAX_BYTES / 2)] {
            assert_eq!(hear(&mut slow), Some(Told::Event(kept)));
        }
        assert_eq!(hear(&mut slow), Some(Told::Missed));
        assert_eq!(hear(&mut slow), None);
        // Who has heard the text lacks nothing.
        hear(&mut quick);
        assert_eq!(hear(&mut quick), None);
    }

    #[test]
    fn text_reaches_those_who_keep_up_however_much_another_has_yet_to_hear() {
        for change_of in [change, text] {
            let ring = Ring::new();
            let (mut slow, mut quick) = (ring.listen(), ring.listen());
            for number in 0..MAX_EVENTS {
                ring.tell(change_of(number, 1));
                hear(&mut quick);
            }
            for number in MAX_EVENTS..MAX_EVENTS + 3 {
                ring.tell(text(number, 1));
                assert_eq!(hear(&mut quick), Some(Told::Event(text(number, 1))));
                assert_eq!(hear(&mut quick), None);
            }
            while hear(&mut slow) != Some(Told::Missed) {}
            assert_eq!(hear(&mut slow), None);
        }
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_an_event_and_by_the_end() {
        let ring = Ring::new();
        let mut listener = ring.listen();
        let (told, ()) = tokio::join!(listener.next(), async { ring.tell(change(1, 1)) });
        assert_eq!(told, Told::Event(change(1, 1)));
        let (told, ()) = tokio::join!(listener.next(), async { ring.close() });
        assert_eq!(told, Told::Closed);
    }

    proptest! {
        /// Whatever is told and heard in whatever order: within the bounds, in order, each at most once, and
        /// nothing is missing without a word.
        #[test]
        fn nothing_is_repeated_swapped_or_lost_in_silence(
            steps in proptest::collection::vec((0..4_usize, 0..MAX_BYTES / 3), 1..600),
        ) {
            let ring = Ring::new();
            let mut listeners = [ring.listen(), ring.listen()];
            // Of each: how many events it knows of, heard or told missed, and whether text may be missing.
            let mut known = [0_usize; 2];
            let mut told = 0;
            for (step, bytes) in steps {
                if step < 2 {
                    ring.tell(Sized { number: told, bytes, text: step == 1 });
                    told += 1;
                    let (events, bytes) = held(&ring);
                    prop_assert!(events <= MAX_EVENTS && bytes <= MAX_BYTES);
                    continue;
                }
                let who = step - 2;
                match hear(&mut listeners[who]) {
                    Some(Told::Event(event)) => {
                        prop_assert!(event.number >= known[who]);
                        known[who] = event.number + 1;
                    }
                    Some(Told::Missed) => known[who] = told,
                    Some(Told::Closed) => prop_assert!(false, "it is open"),
                    None => prop_assert_eq!(known[who], told),
                }
            }
            drop(listeners);
            prop_assert_eq!((held(&ring), ring.listeners()), ((0, 0), 0));
        }
    }
}
