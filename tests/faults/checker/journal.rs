//! What a log went through: a change at each place, replies that end once per writing, silence while chatbots are
//! paused.

use std::collections::HashMap;

use super::history::{Place, Status, What};
use super::{Faults, Kind, KnownLog};

/// How a message went so far.
struct Course {
    added: Place,
    changed: Place,
    finished: Option<Place>,
    status: Status,
}

pub(super) fn judge(known: &KnownLog<'_>, faults: &mut Faults) {
    let log = known.log;
    let mut reader = Reader {
        known,
        faults,
        courses: HashMap::new(),
        is_paused: false,
    };
    let mut before = 0;
    for change in &log.journal {
        if change.place <= before {
            reader.fault(Kind::Swap, format!("two changes at {}", change.place));
        } else if change.place > before + 1 {
            reader.fault(Kind::Hole, format!("nothing is behind {before}"));
        }
        before = change.place;
        match change.what {
            What::Message(seq, status) => reader.message(change.place, seq, status),
            What::Paused(is_paused) => reader.session(change.place, is_paused),
        }
    }
    if before != log.head {
        let told = format!("nothing is at its head, {}, but at {before}", log.head);
        reader.fault(Kind::Hole, told);
    }
    reader.compare();
}

struct Reader<'a, 'f> {
    known: &'a KnownLog<'a>,
    faults: &'f mut Faults,
    courses: HashMap<i64, Course>,
    is_paused: bool,
}

impl Reader<'_, '_> {
    fn fault(&mut self, kind: Kind, told: impl AsRef<str>) {
        let session = &self.known.log.session;
        self.faults
            .add(kind, format!("{session}: {}", told.as_ref()));
    }

    fn message(&mut self, place: Place, seq: i64, status: Status) {
        let is_reply = self.known.is_reply(seq);
        if is_reply && self.is_paused {
            let told = format!("reply {seq} became {status:?} at {place}, where all are paused");
            self.fault(Kind::Silence, told);
        }
        let is_final = !status.is_under_way();
        let Some(course) = self.courses.get_mut(&seq) else {
            let finished = is_final.then_some(place);
            let course = Course {
                added: place,
                changed: place,
                finished,
                status,
            };
            self.courses.insert(seq, course);
            if is_reply && is_final {
                self.fault(Kind::Reply, format!("reply {seq} was born {status:?}"));
            }
            return;
        };
        let was = std::mem::replace(&mut course.status, status);
        course.changed = place;
        if was.is_under_way() && is_final {
            course.finished = Some(place);
        }
        if !is_final {
            course.finished = None;
        }
        if was.is_under_way() && !is_final {
            let told = format!("reply {seq} changed at {place} and goes on");
            self.fault(Kind::Reply, told);
        }
        if is_reply && !was.is_under_way() && is_final && status != Status::Deleted {
            let told = format!("reply {seq} was {was:?} and ended again at {place}");
            self.fault(Kind::Reply, told);
        }
    }

    fn session(&mut self, place: Place, is_paused: bool) {
        if std::mem::replace(&mut self.is_paused, is_paused) == is_paused {
            self.fault(Kind::Repeat, format!("{place} changed nothing"));
        }
    }

    /// The rows say the same.
    fn compare(&mut self) {
        for stored in &self.known.log.messages {
            let seq = stored.message.seq;
            let its = (stored.added, stored.changed, stored.finished);
            let told = self
                .courses
                .get(&seq)
                .map(|course| (course.added, course.changed, course.finished));
            if told != Some(its) {
                let told = format!("message {seq} stands at {its:?}, where it can't: {told:?}");
                self.fault(Kind::Swap, told);
            }
        }
    }
}
