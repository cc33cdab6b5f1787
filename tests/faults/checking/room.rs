//! One session of the model: its log, and those who follow it.

use std::collections::{BTreeSet, HashMap};

use crate::checker::history::*;

/// How one subscriber stands.
pub struct Reader {
    pub feed: Feed,
    position: Option<Place>,
    pub is_connected: bool,
    /// How much of each reply it was shown in this subscription.
    shown: HashMap<i64, usize>,
}

/// A session being talked in.
pub struct Room {
    pub log: Log,
    /// What was shown of each reply under way; the row has a little less.
    texts: HashMap<i64, String>,
    /// Replies that have not ended.
    open: BTreeSet<i64>,
    pub readers: Vec<Reader>,
    pub is_paused: bool,
    /// Where that last changed.
    paused_at: Place,
}

impl Reader {
    pub fn new(session: &str, number: usize) -> Self {
        Self {
            feed: Feed {
                name: format!("reader-{number}"),
                session: session.to_owned(),
                view: if number == 2 {
                    View::Finished
                } else {
                    View::Everything
                },
                is_drained: true,
                subscriptions: Vec::new(),
            },
            // The second begins with what comes.
            position: (number != 1).then_some(0),
            is_connected: false,
            shown: HashMap::new(),
        }
    }

    pub fn hear(&mut self, event: Event) {
        if let Some(place) = event.place() {
            self.position = Some(place);
        }
        match &event {
            Event::Added(_, message) | Event::Changed(_, message) => {
                let length = message.content.chars().count();
                self.shown.insert(message.seq, length);
            }
            Event::CaughtUp(place) => self.position = Some(*place),
            _ => {}
        }
        // Whoever is connected has a subscription.
        if let Some(subscription) = self.feed.subscriptions.last_mut() {
            subscription.events.push(event);
        }
    }

    fn hear_text(&mut self, id: &Text, seq: i64, text: &str) {
        if self.feed.view == View::Finished {
            return;
        }
        let shown = self.shown.get(&seq).copied().unwrap_or(0);
        let rest: String = text.chars().skip(shown).collect();
        if !rest.is_empty() {
            self.shown.insert(seq, text.chars().count());
            self.hear(Event::Text(id.clone(), shown, rest));
        }
    }
}

impl Room {
    pub fn new(session: &str) -> Self {
        Self {
            log: Log {
                session: session.to_owned(),
                head: 0,
                is_answered: true,
                messages: Vec::new(),
                journal: Vec::new(),
            },
            texts: HashMap::new(),
            open: BTreeSet::new(),
            readers: Vec::new(),
            is_paused: false,
            paused_at: 0,
        }
    }

    pub fn under_way(&self) -> impl Iterator<Item = i64> + '_ {
        self.open.iter().copied()
    }

    /// The newest reply.
    pub fn newest_reply(&self) -> Option<&Stored> {
        let mut messages = self.log.messages.iter();
        messages.rfind(|stored| stored.answers.is_some())
    }

    fn add(&mut self, key: Option<&str>, answers: Option<i64>) -> Message {
        self.log.head += 1;
        let seq = self.log.messages.len() as i64 + 1;
        let message = Message {
            id: format!("{}-{seq}", self.log.session).into(),
            seq,
            status: if answers.is_some() {
                Status::Pending
            } else {
                Status::Complete
            },
            content: key.unwrap_or_default().into(),
        };
        let is_final = answers.is_none();
        if !is_final {
            self.open.insert(seq);
        }
        self.log.messages.push(Stored {
            message: message.clone(),
            added: self.log.head,
            changed: self.log.head,
            finished: is_final.then_some(self.log.head),
            key: key.map(str::to_owned),
            answers,
            answers_up_to: None,
        });
        self.tell(&Event::Added(self.log.head, message.clone()), is_final);
        message
    }

    pub fn append(&mut self, key: &str) -> Receipt {
        let message = self.add(Some(key), None);
        let reply = (!self.is_paused).then(|| self.add(None, Some(message.seq)));
        Receipt {
            session: self.log.session.clone(),
            id: message.id.to_string(),
            seq: message.seq,
            reply: reply.map(|reply| reply.id.to_string()),
        }
    }

    pub fn write(&mut self, seq: i64, word: &str, is_kept: bool) {
        let text = self.texts.entry(seq).or_default();
        text.push_str(word);
        let text = text.clone();
        let message = &mut self.log.messages[seq as usize - 1].message;
        message.status = Status::Streaming;
        if is_kept || message.content.is_empty() {
            message.content = text.as_str().into();
        }
        let id = message.id.clone();
        for reader in self.readers.iter_mut().filter(|reader| reader.is_connected) {
            reader.hear_text(&id, seq, &text);
        }
    }

    pub fn end(&mut self, seq: i64, status: Status) {
        let text = self.texts.remove(&seq).unwrap_or_default();
        self.open.remove(&seq);
        self.change(seq, true, |message| {
            message.status = status;
            // Otherwise what was kept stays, which may lack what was shown last.
            if status == Status::Complete {
                message.content = text.into();
            }
        });
    }

    /// Has a reply that has ended written anew.
    pub fn begin_anew(&mut self, seq: i64) {
        self.open.insert(seq);
        self.log.messages[seq as usize - 1].finished = None;
        self.change(seq, false, |message| {
            message.status = Status::Pending;
            message.content = "".into();
        });
    }

    /// Tells the chatbots to be silent, or lets them speak again.
    pub fn pause(&mut self, is_paused: bool) {
        let open: Vec<i64> = self.under_way().collect();
        for seq in open {
            self.end(seq, Status::Cancelled);
        }
        self.log.head += 1;
        (self.is_paused, self.paused_at) = (is_paused, self.log.head);
        self.tell(&Event::Session(self.log.head, is_paused), false);
    }

    /// Takes a message back: an edit, which makes nothing final.
    pub fn take_back(&mut self, seq: i64) {
        self.change(seq, false, |message| message.status = Status::Deleted);
    }

    fn change(&mut self, seq: i64, is_end: bool, change: impl FnOnce(&mut Message)) {
        self.log.head += 1;
        let stored = &mut self.log.messages[seq as usize - 1];
        stored.changed = self.log.head;
        if is_end {
            stored.finished = Some(self.log.head);
        }
        change(&mut stored.message);
        let message = stored.message.clone();
        self.tell(&Event::Changed(self.log.head, message), is_end);
    }

    /// Writes down what stands at the head, and tells everyone who is there.
    fn tell(&mut self, event: &Event, is_final: bool) {
        let what = match event {
            Event::Added(_, message) | Event::Changed(_, message) => {
                What::Message(message.seq, message.status)
            }
            _ => What::Paused(self.is_paused),
        };
        self.log.journal.push(Change {
            place: self.log.head,
            what,
        });
        for reader in self.readers.iter_mut().filter(|reader| reader.is_connected) {
            match (reader.feed.view, event) {
                (View::Everything, _) => reader.hear(event.clone()),
                (View::Finished, Event::Added(place, message) | Event::Changed(place, message))
                    if is_final =>
                {
                    reader.hear(Event::Finished(*place, message.clone()));
                }
                (View::Finished, _) => {}
            }
        }
    }

    /// The walk of a subscriber: replay, text so far, then live.
    pub fn connect(&mut self, reader: usize, began: Tick) {
        let reader = &mut self.readers[reader];
        let after = reader.position;
        reader.is_connected = true;
        reader.shown.clear();
        reader.feed.subscriptions.push(Subscription {
            after,
            began,
            events: Vec::new(),
        });
        let after = after.unwrap_or(self.log.head);
        let mut entries = Vec::new();
        match reader.feed.view {
            View::Everything => {
                let changed = |stored: &&Stored| stored.changed > after;
                for stored in self.log.messages.iter().filter(changed) {
                    entries.extend(entries_of(stored, after));
                }
                if self.paused_at > after {
                    entries.push(Event::Session(self.paused_at, self.is_paused));
                }
            }
            View::Finished => {
                let finished = self.log.messages.iter().filter_map(|stored| {
                    let place = stored.finished.filter(|place| *place > after)?;
                    Some(Event::Finished(place, stored.message.clone()))
                });
                entries.extend(finished);
            }
        }
        entries.sort_by_key(Event::place);
        for entry in entries {
            reader.hear(entry);
        }
        if reader.feed.view == View::Finished {
            return;
        }
        let mut texts: Vec<_> = self.texts.iter().collect();
        texts.sort();
        for (seq, text) in texts {
            let id = &self.log.messages[*seq as usize - 1].message.id;
            reader.hear_text(id, *seq, text);
        }
        reader.hear(Event::CaughtUp(self.log.head));
    }
}

/// A message's entries behind a place.
fn entries_of(stored: &Stored, after: Place) -> Vec<Event> {
    let mut born = stored.message.clone();
    let has_changed = stored.changed > stored.added;
    if has_changed && stored.answers.is_some() {
        born.status = Status::Pending;
        born.content = "".into();
    }
    let mut entries = vec![Event::Added(stored.added, born)];
    // Told at its birth as it is after its change, a person's message comes once.
    if has_changed && (stored.answers.is_some() || stored.added <= after) {
        entries.push(Event::Changed(stored.changed, stored.message.clone()));
    }
    entries.retain(|entry| entry.place() > Some(after));
    entries
}
