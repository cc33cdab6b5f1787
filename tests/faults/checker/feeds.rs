//! One subscriber: its events, over all its connections, against the log of its session.

use std::collections::{HashMap, HashSet};

use super::history::{Event, Feed, Message, Place, Status, Stored, Subscription, What};
use super::texts::Held;
use super::walk::Walk;
use super::{Faults, Kind, KnownLog};

pub(super) fn judge(feed: &Feed, log: &KnownLog<'_>, faults: &mut Faults) {
    let mut client = Client {
        name: &feed.name,
        log,
        faults,
        walk: Walk::default(),
        view: HashMap::new(),
        texts: HashMap::new(),
        ended: HashSet::new(),
    };
    let mut has_caught_up = false;
    for subscription in &feed.subscriptions {
        has_caught_up = client.follow(subscription);
    }
    if feed.is_drained && !has_caught_up {
        client.fault(Kind::CaughtUp, "the last subscription never caught up");
    }
    client.compare(feed.is_drained);
}

/// What a client knows.
struct Client<'a, 'f> {
    name: &'a str,
    log: &'a KnownLog<'a>,
    faults: &'f mut Faults,
    walk: Walk,
    view: HashMap<&'a str, &'a Message>,
    /// The text of replies under way, and of which writing.
    texts: HashMap<&'a str, (usize, Held)>,
    /// Replies whose end was told, and of which writing.
    ended: HashSet<(&'a str, usize)>,
}

impl<'a> Client<'a, '_> {
    fn fault(&mut self, kind: Kind, told: impl AsRef<str>) {
        let (name, session) = (self.name, &self.log.log.session);
        self.faults
            .add(kind, format!("{name} in {session}: {}", told.as_ref()));
    }

    /// Follows one subscription to its end; says whether it caught up.
    fn follow(&mut self, subscription: &'a Subscription) -> bool {
        if let Err((kind, told)) = self.walk.come_back(subscription.after) {
            self.fault(kind, told);
        }
        let mut has_caught_up = false;
        let mut has_ended = false;
        // Replies of which this subscription has told text.
        let mut growing = HashSet::new();
        for event in &subscription.events {
            if has_ended {
                self.fault(Kind::End, format!("{event:?} after FeedEnded"));
            }
            match event {
                Event::Added(place, message) => self.added(*place, message),
                Event::Changed(place, message) => self.changed(*place, message),
                Event::Text(id, offset, text) => {
                    self.text(id, *offset, text, growing.insert(id.as_ref()));
                }
                Event::CaughtUp(place) => {
                    if has_caught_up {
                        self.fault(Kind::CaughtUp, "caught up twice");
                    }
                    has_caught_up = true;
                    self.caught_up(*place, subscription);
                }
                Event::Session(place, is_paused) => self.session(*place, *is_paused),
                Event::Finished(..) => {
                    self.fault(Kind::Phantom, format!("{event:?} was not asked for"));
                }
                Event::Ended(reason, retry) => {
                    has_ended = true;
                    if !retry {
                        self.fault(Kind::End, format!("ended for good: {reason}"));
                    }
                }
            }
        }
        has_caught_up
    }

    /// An event stands at this place. Says whether it may be taken.
    fn step(&mut self, place: Place) -> bool {
        let step = self.walk.step(place);
        if let Err((kind, told)) = &step {
            self.fault(*kind, told);
        }
        step.is_ok()
    }

    /// The session changed itself: it is told as it was there.
    fn session(&mut self, place: Place, is_paused: bool) {
        if self.step(place) && self.log.journal.get(&place) != Some(&What::Paused(is_paused)) {
            let told = format!("paused was {is_paused} at {place}, where it did not become so");
            self.fault(Kind::View, told);
        }
    }

    fn stored(&mut self, message: &Message) -> Option<&'a Stored> {
        let stored = self.log.by_id.get(message.id.as_ref()).copied();
        if stored.is_none_or(|stored| stored.message.seq != message.seq) {
            self.fault(
                Kind::Phantom,
                format!("message {} is not stored", message.seq),
            );
            return None;
        }
        stored
    }

    fn added(&mut self, place: Place, message: &'a Message) {
        let Some(stored) = self.stored(message).filter(|_| self.step(place)) else {
            return;
        };
        if self.view.contains_key(message.id.as_ref()) {
            self.fault(
                Kind::Repeat,
                format!("message {} was added twice", message.seq),
            );
        }
        if stored.added != place {
            let told = format!(
                "message {} was added at {place}, not {}",
                message.seq, stored.added
            );
            self.fault(Kind::View, told);
        }
        if stored.answers.is_some() && !message.status.is_under_way() {
            self.fault(Kind::Reply, format!("reply {} came ended", message.seq));
        }
        self.keep(message, place);
    }

    fn changed(&mut self, place: Place, message: &'a Message) {
        let Some(stored) = self.stored(message).filter(|_| self.step(place)) else {
            return;
        };
        let (id, seq) = (message.id.as_ref(), message.seq);
        let became = match self.log.journal.get(&place) {
            Some(What::Message(its, status)) if *its == seq && place > stored.added => *status,
            _ => {
                let told = format!("message {seq} did not change at {place}");
                self.fault(Kind::Phantom, told);
                message.status
            }
        };
        // Of one that was begun anew, text may have been kept since.
        if message.status != became && !(message.status.is_under_way() && became.is_under_way()) {
            let told = format!(
                "message {seq} was told as {:?}, not {became:?}",
                message.status
            );
            self.fault(Kind::View, told);
        }
        let writing = self.log.writing(seq, place);
        if !self.view.contains_key(id) && Some(stored.added) > self.walk.base {
            self.fault(
                Kind::Swap,
                format!("message {seq} changed before it was added"),
            );
        }
        if stored.answers.is_some() && message.status != Status::Deleted {
            if message.status.is_under_way() {
                if !self.log.begins(seq, place) {
                    self.fault(Kind::Reply, format!("reply {seq} changed and goes on"));
                }
            } else if !self.ended.insert((id, writing)) {
                self.fault(Kind::Reply, format!("reply {seq} ended twice"));
            }
        }
        let held = self.texts.get(id).filter(|(its, _)| *its == writing);
        let fits = held.is_none_or(|(_, held)| match message.status {
            Status::Complete => held.grows_into(&message.content),
            Status::Deleted => true,
            _ => held.agrees_with(&message.content),
        });
        if !fits && stored.answers.is_some() {
            self.fault(
                Kind::Text,
                format!("reply {seq} ends otherwise than its text was told"),
            );
        }
        self.keep(message, place);
    }

    fn keep(&mut self, message: &'a Message, place: Place) {
        let id = message.id.as_ref();
        self.view.insert(id, message);
        if message.status.is_under_way() {
            let writing = self.log.writing(message.seq, place);
            self.texts
                .insert(id, (writing, Held::new(&message.content)));
        } else {
            self.texts.remove(id);
        }
    }

    fn text(&mut self, id: &'a str, offset: usize, text: &str, is_first: bool) {
        let Some(stored) = self.log.by_id.get(id).copied() else {
            self.fault(Kind::Phantom, format!("text of {id}, which is not stored"));
            return;
        };
        let seq = stored.message.seq;
        // What is told now is of the writing that it has come to.
        let writing = self
            .walk
            .position
            .map_or(0, |position| self.log.writing(seq, position));
        if self.ended.contains(&(id, writing)) {
            self.fault(Kind::Text, format!("text of reply {seq} after its end"));
            return;
        }
        let was_under_way = self.walk.base.is_none_or(|base| stored.added <= base);
        if !self.texts.contains_key(id) && !was_under_way {
            self.fault(Kind::Text, format!("text of reply {seq} before its birth"));
            return;
        }
        let (its, held) = self.texts.entry(id).or_default();
        if std::mem::replace(its, writing) != writing {
            *held = Held::default();
        }
        let taken = held.take(offset, text, is_first);
        if let Err(wrong) = taken {
            self.fault(Kind::Text, format!("reply {seq}: {wrong}"));
        }
    }

    fn caught_up(&mut self, place: Place, subscription: &Subscription) {
        if self.walk.position.is_none() {
            // What came before this moment, the first that is known, was of the writing that is here.
            for (id, (writing, _)) in &mut self.texts {
                let seq = self
                    .log
                    .by_id
                    .get(id)
                    .map_or(0, |stored| stored.message.seq);
                *writing = self.log.writing(seq, place);
            }
        }
        let walk = &mut self.walk;
        let has_been_further = walk.position.is_some_and(|position| place < position);
        walk.base.get_or_insert(place);
        walk.position = walk.position.max(Some(place));
        if has_been_further {
            self.fault(
                Kind::CaughtUp,
                format!("caught up at {place}, having been further"),
            );
        }
        let due = self.log.head_before(subscription.began);
        if place < due {
            self.fault(
                Kind::CaughtUp,
                format!("caught up at {place}, when {due} had long been stored"),
            );
        }
    }

    /// Holds what was told against what is stored, up to where it should have come.
    fn compare(&mut self, is_drained: bool) {
        let Some(base) = self.walk.base else { return };
        let end = if is_drained {
            Some(self.log.log.head)
        } else {
            self.walk.position
        };
        let log = self.log;
        if let Some((place, is_paused)) = log.pauses.last().copied()
            && place > base
            && Some(place) <= end
            && !self.walk.has(place)
        {
            let told = format!("paused became {is_paused} at {place}, which never came");
            self.fault(Kind::Hole, told);
        }
        for stored in &log.log.messages {
            let message = &stored.message;
            let held = self.view.get(message.id.as_ref()).copied();
            let is_due = |place: Place| place > base && Some(place) <= end;
            if is_due(stored.added) && !self.walk.has(stored.added) {
                self.fault(Kind::Hole, format!("message {} never came", message.seq));
            }
            if stored.changed > stored.added && is_due(stored.changed) {
                // A person's message may have come at its birth as it is after its change.
                let is_ahead = stored.answers.is_none() && held == Some(message);
                if !is_ahead && !self.walk.has(stored.changed) {
                    self.fault(
                        Kind::Hole,
                        format!("the change of message {} never came", message.seq),
                    );
                }
            }
            if let Some(held) = held
                && Some(stored.changed) <= end
                && held != message
            {
                self.fault(Kind::View, format!("held is {held:?}, stored {message:?}"));
            }
        }
    }
}
