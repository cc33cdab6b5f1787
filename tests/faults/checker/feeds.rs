//! One subscriber: its events, over all its connections, against the log of its session.

use std::collections::{HashMap, HashSet};

use super::history::{Event, Feed, Message, Place, Status, Stored, Subscription};
use super::texts::Held;
use super::{Faults, Kind, Known, KnownLog};

pub(super) fn judge(feed: &Feed, known: &Known<'_>, faults: &mut Faults) {
    let Some(log) = known.logs.get(feed.session.as_str()) else {
        faults.add(
            Kind::Phantom,
            format!("{}: a feed of no session", feed.name),
        );
        return;
    };
    let mut client = Client {
        name: &feed.name,
        log,
        faults,
        base: None,
        position: None,
        told: HashSet::new(),
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
    /// Where it began.
    base: Option<Place>,
    /// The last cursor it was given.
    position: Option<Place>,
    /// The places of events.
    told: HashSet<Place>,
    view: HashMap<&'a str, &'a Message>,
    texts: HashMap<&'a str, Held>,
    /// Replies whose end was told.
    ended: HashSet<&'a str>,
}

impl<'a> Client<'a, '_> {
    fn fault(&mut self, kind: Kind, told: impl AsRef<str>) {
        let (name, session) = (self.name, &self.log.log.session);
        self.faults
            .add(kind, format!("{name} in {session}: {}", told.as_ref()));
    }

    /// Follows one subscription to its end; says whether it caught up.
    fn follow(&mut self, subscription: &'a Subscription) -> bool {
        if self.position.is_none() {
            self.base = subscription.after;
            self.position = subscription.after;
        } else if subscription.after != self.position {
            let (after, position) = (subscription.after, self.position);
            self.fault(
                Kind::Hole,
                format!("came back after {after:?}, not {position:?}"),
            );
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
                    self.text(id, *offset, text, growing.insert(id.as_str()));
                }
                Event::CaughtUp(place) => {
                    if has_caught_up {
                        self.fault(Kind::CaughtUp, "caught up twice");
                    }
                    has_caught_up = true;
                    self.caught_up(*place, subscription);
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
        let is_new = self.told.insert(place);
        if !is_new {
            self.fault(Kind::Repeat, format!("{place} was told before"));
            return false;
        }
        if self.base.is_some_and(|base| place <= base) {
            self.fault(
                Kind::Repeat,
                format!("{place} lies before the first cursor"),
            );
            return false;
        }
        if self.position.is_some_and(|position| place <= position) {
            let position = self.position;
            self.fault(Kind::Swap, format!("{place} came after {position:?}"));
            return false;
        }
        self.position = Some(place);
        true
    }

    fn stored(&mut self, message: &Message) -> Option<&'a Stored> {
        let stored = self.log.by_id.get(message.id.as_str()).copied();
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
        if self.view.contains_key(message.id.as_str()) {
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
        self.keep(message);
    }

    fn changed(&mut self, place: Place, message: &'a Message) {
        let Some(stored) = self.stored(message).filter(|_| self.step(place)) else {
            return;
        };
        let (id, seq) = (message.id.as_str(), message.seq);
        if place <= stored.added || place > stored.changed {
            self.fault(
                Kind::Phantom,
                format!("message {seq} did not change at {place}"),
            );
        }
        if !self.view.contains_key(id) && Some(stored.added) > self.base {
            self.fault(
                Kind::Swap,
                format!("message {seq} changed before it was added"),
            );
        }
        if stored.answers.is_some() && message.status != Status::Deleted {
            if message.status.is_under_way() {
                self.fault(Kind::Reply, format!("reply {seq} changed and goes on"));
            } else if !self.ended.insert(id) {
                self.fault(Kind::Reply, format!("reply {seq} ended twice"));
            }
        }
        let fits = self.texts.get(id).is_none_or(|held| match message.status {
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
        self.keep(message);
    }

    fn keep(&mut self, message: &'a Message) {
        let id = message.id.as_str();
        self.view.insert(id, message);
        if message.status.is_under_way() {
            self.texts.insert(id, Held::new(&message.content));
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
        if self.ended.contains(id) {
            self.fault(Kind::Text, format!("text of reply {seq} after its end"));
            return;
        }
        let was_under_way = self.base.is_none_or(|base| stored.added <= base);
        if !self.texts.contains_key(id) && !was_under_way {
            self.fault(Kind::Text, format!("text of reply {seq} before its birth"));
            return;
        }
        let taken = self
            .texts
            .entry(id)
            .or_default()
            .take(offset, text, is_first);
        if let Err(wrong) = taken {
            self.fault(Kind::Text, format!("reply {seq}: {wrong}"));
        }
    }

    fn caught_up(&mut self, place: Place, subscription: &Subscription) {
        if self.position.is_some_and(|position| place < position) {
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
        self.base.get_or_insert(place);
        self.position = self.position.max(Some(place));
    }

    /// Holds what was told against what is stored, up to where it should have come.
    fn compare(&mut self, is_drained: bool) {
        let Some(base) = self.base else { return };
        let end = if is_drained {
            Some(self.log.log.head)
        } else {
            self.position
        };
        let log = self.log;
        for stored in &log.log.messages {
            let message = &stored.message;
            let held = self.view.get(message.id.as_str()).copied();
            let is_due = |place: Place| place > base && Some(place) <= end;
            if is_due(stored.added) && !self.told.contains(&stored.added) {
                self.fault(Kind::Hole, format!("message {} never came", message.seq));
            }
            if stored.changed > stored.added && is_due(stored.changed) {
                // A person's message may have come at its birth as it is after its change.
                let is_ahead = stored.answers.is_none() && held == Some(message);
                if !is_ahead && !self.told.contains(&stored.changed) {
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
