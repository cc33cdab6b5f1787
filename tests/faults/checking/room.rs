//! One session of the model: its log, and those who follow it.

use std::collections::HashMap;

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
    pub readers: Vec<Reader>,
}

impl Reader {
    pub fn new(session: &str, number: usize) -> Self {
        Self {
            feed: Feed {
                name: format!("reader-{number}"),
                session: session.to_owned(),
                is_drained: true,
                subscriptions: Vec::new(),
            },
            // The second begins with what comes.
            position: (number == 0).then_some(0),
            is_connected: false,
            shown: HashMap::new(),
        }
    }

    pub fn hear(&mut self, event: Event) {
        match &event {
            Event::Added(place, message) | Event::Changed(place, message) => {
                self.position = Some(*place);
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

    fn hear_text(&mut self, id: &str, seq: i64, text: &str) {
        let shown = self.shown.get(&seq).copied().unwrap_or(0);
        let rest: String = text.chars().skip(shown).collect();
        if !rest.is_empty() {
            self.shown.insert(seq, text.chars().count());
            self.hear(Event::Text(id.to_owned(), shown, rest));
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
            },
            texts: HashMap::new(),
            readers: Vec::new(),
        }
    }

    pub fn under_way(&self) -> impl Iterator<Item = i64> + '_ {
        let messages = self.log.messages.iter().map(|stored| &stored.message);
        messages
            .filter(|message| message.status.is_under_way())
            .map(|message| message.seq)
    }

    fn add(&mut self, key: Option<&str>, answers: Option<i64>) -> Message {
        self.log.head += 1;
        let seq = self.log.messages.len() as i64 + 1;
        let message = Message {
            id: format!("{}-{seq}", self.log.session),
            seq,
            status: if answers.is_some() {
                Status::Pending
            } else {
                Status::Complete
            },
            content: key.unwrap_or_default().to_owned(),
        };
        self.log.messages.push(Stored {
            message: message.clone(),
            added: self.log.head,
            changed: self.log.head,
            key: key.map(str::to_owned),
            answers,
            answers_up_to: None,
        });
        self.tell(Event::Added(self.log.head, message.clone()));
        message
    }

    pub fn append(&mut self, key: &str) -> Receipt {
        let message = self.add(Some(key), None);
        let reply = self.add(None, Some(message.seq));
        Receipt {
            session: self.log.session.clone(),
            id: message.id,
            seq: message.seq,
            reply: Some(reply.id),
        }
    }

    pub fn write(&mut self, seq: i64, word: &str, is_kept: bool) {
        let text = self.texts.entry(seq).or_default();
        text.push_str(word);
        let text = text.clone();
        let message = &mut self.log.messages[seq as usize - 1].message;
        message.status = Status::Streaming;
        if is_kept || message.content.is_empty() {
            message.content.clone_from(&text);
        }
        let id = message.id.clone();
        for reader in self.readers.iter_mut().filter(|reader| reader.is_connected) {
            reader.hear_text(&id, seq, &text);
        }
    }

    pub fn end(&mut self, seq: i64, status: Status) {
        let text = self.texts.remove(&seq).unwrap_or_default();
        self.change(seq, |message| {
            message.status = status;
            // Otherwise what was kept stays, which may lack what was shown last.
            if status == Status::Complete {
                message.content = text;
            }
        });
    }

    pub fn change(&mut self, seq: i64, change: impl FnOnce(&mut Message)) {
        self.log.head += 1;
        let stored = &mut self.log.messages[seq as usize - 1];
        stored.changed = self.log.head;
        change(&mut stored.message);
        let message = stored.message.clone();
        self.tell(Event::Changed(self.log.head, message));
    }

    fn tell(&mut self, event: Event) {
        for reader in self.readers.iter_mut().filter(|reader| reader.is_connected) {
            reader.hear(event.clone());
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
        for stored in &self.log.messages {
            let mut born = stored.message.clone();
            let has_changed = stored.changed > stored.added;
            if has_changed && stored.answers.is_some() {
                born.status = Status::Pending;
                born.content.clear();
            }
            entries.push(Event::Added(stored.added, born));
            // Told at its birth as it is after its change, a person's message comes once.
            if has_changed && (stored.answers.is_some() || stored.added <= after) {
                entries.push(Event::Changed(stored.changed, stored.message.clone()));
            }
        }
        entries.retain(|entry| entry.place() > Some(after));
        entries.sort_by_key(Event::place);
        for entry in entries {
            reader.hear(entry);
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
