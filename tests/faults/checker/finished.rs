//! One subscriber of finished messages: each once per writing, in the order in which they became final.

use super::history::{Event, Feed, Message, Place, Status, Subscription, What};
use super::walk::Walk;
use super::{Faults, Kind, KnownLog};

pub(super) fn judge(feed: &Feed, log: &KnownLog<'_>, faults: &mut Faults) {
    let mut client = Client {
        name: &feed.name,
        log,
        faults,
        walk: Walk::default(),
    };
    for subscription in &feed.subscriptions {
        client.follow(subscription);
    }
    client.compare(feed.is_drained);
}

struct Client<'a, 'f> {
    name: &'a str,
    log: &'a KnownLog<'a>,
    faults: &'f mut Faults,
    walk: Walk,
}

impl Client<'_, '_> {
    fn fault(&mut self, kind: Kind, told: impl AsRef<str>) {
        let (name, session) = (self.name, &self.log.log.session);
        self.faults
            .add(kind, format!("{name} in {session}: {}", told.as_ref()));
    }

    fn follow(&mut self, subscription: &Subscription) {
        if let Err((kind, told)) = self.walk.come_back(subscription.after) {
            self.fault(kind, told);
        }
        let mut has_ended = false;
        for event in &subscription.events {
            if has_ended {
                self.fault(Kind::End, format!("{event:?} after the end"));
            }
            match event {
                Event::Finished(place, message) => self.finished(*place, message),
                Event::Ended(reason, retry) => {
                    has_ended = true;
                    if !retry {
                        self.fault(Kind::End, format!("ended for good: {reason}"));
                    }
                }
                _ => self.fault(Kind::Phantom, format!("{event:?} was not asked for")),
            }
        }
    }

    fn finished(&mut self, place: Place, message: &Message) {
        let (id, seq) = (message.id.as_ref(), message.seq);
        let stored = self.log.by_id.get(id).copied();
        let Some(stored) = stored.filter(|stored| stored.message.seq == seq) else {
            self.fault(Kind::Phantom, format!("message {seq} is not stored"));
            return;
        };
        if let Err((kind, told)) = self.walk.step(place) {
            self.fault(kind, format!("message {seq}: {told}"));
            return;
        }
        if message.status.is_under_way() {
            let told = format!("message {seq} was told as {:?}", message.status);
            self.fault(Kind::Unfinished, told);
            return;
        }
        let became = match self.log.journal.get(&place) {
            Some(What::Message(its, status)) if *its == seq => *status,
            _ => {
                self.fault(
                    Kind::Phantom,
                    format!("message {seq} did not become final at {place}"),
                );
                return;
            }
        };
        if became.is_under_way() {
            let told = format!("message {seq} was told at {place}, where it was {became:?}");
            self.fault(Kind::Unfinished, told);
            return;
        }
        // Edits are not told, so one that was taken back since may come as it is now.
        let is_now = *message == stored.message;
        let is_last = stored.finished == Some(place);
        let was =
            message.status == became && (!is_last || message.content == stored.message.content);
        if !was && (!is_now || message.status != Status::Deleted) {
            let told = format!("told was {message:?}, stored {:?}", stored.message);
            self.fault(Kind::View, told);
        }
    }

    /// Everything that is final was told, up to where it should have come.
    fn compare(&mut self, is_drained: bool) {
        let Some(base) = self.walk.base else { return };
        let log = self.log.log;
        let end = if is_drained {
            Some(log.head)
        } else {
            self.walk.position
        };
        for stored in &log.messages {
            let due = stored
                .finished
                .filter(|place| *place > base && Some(*place) <= end);
            if due.is_some_and(|place| !self.walk.has(place)) {
                let seq = stored.message.seq;
                self.fault(Kind::Hole, format!("message {seq} never came finished"));
            }
        }
    }
}
