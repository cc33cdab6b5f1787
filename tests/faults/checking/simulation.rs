//! Good histories: a small model of what the product promises, driven by chance.
//!
//! People send, lose answers and try again; a chatbot writes replies, which runners sometimes leave unfinished;
//! messages are edited; subscribers come and go. Whatever this makes, the checker must accept.

use super::room::{Reader, Room};
use crate::checker::history::*;

const WORDS: [&str; 6] = ["Grüße ", "and ", "👋🏽 ", "hello ", "from ", "here. "];

/// The model.
pub struct Simulation {
    random: fastrand::Rng,
    tick: Tick,
    keys: usize,
    tries: Vec<Try>,
    rooms: Vec<Room>,
}

impl Simulation {
    /// A whole history: `steps` things happen, then all comes to an end.
    pub fn run(seed: u64, steps: usize) -> History {
        let mut it = Self {
            random: fastrand::Rng::with_seed(seed),
            tick: 0,
            keys: 0,
            tries: Vec::new(),
            rooms: Vec::new(),
        };
        for number in 0..2 {
            it.rooms.push(Room::new(&format!("session-{number}")));
            for reader in 0..2 {
                it.connect(number, reader);
            }
        }
        for _ in 0..steps {
            it.step();
        }
        it.finish()
    }

    fn step(&mut self) {
        let room = self.random.usize(..self.rooms.len());
        let reader = self.random.usize(..2);
        match self.random.u8(..10) {
            0..3 => self.send(room),
            3..7 => self.write(room),
            7 => self.end_reply(room),
            8 if self.rooms[room].readers[reader].is_connected => {
                let reader = &mut self.rooms[room].readers[reader];
                reader.is_connected = false;
                if self.random.bool() {
                    reader.hear(Event::Ended("SERVER_STOPPING".into(), true));
                }
            }
            8 => self.connect(room, reader),
            _ => self.edit(room),
        }
    }

    fn now(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    fn attempt(&mut self, room: usize, key: &str, outcome: impl FnOnce(&mut Self) -> Outcome) {
        let invoked = self.now();
        let outcome = outcome(self);
        let returned = self.now();
        self.tries.push(Try {
            key: key.into(),
            session: Some(self.rooms[room].log.session.clone()),
            content: key.into(),
            invoked,
            returned,
            outcome,
        });
    }

    fn send(&mut self, room: usize) {
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        match self.random.u8(..8) {
            0 => self.attempt(room, &key, |_| Outcome::Fail("BAD_USER_INPUT".into())),
            // The answer is lost, the message not; perhaps it is sent again.
            1 => {
                let mut receipt = None;
                self.attempt(room, &key, |it| {
                    receipt = Some(it.rooms[room].append(&key));
                    Outcome::Unknown
                });
                if let Some(receipt) = receipt.filter(|_| self.random.bool()) {
                    self.attempt(room, &key, |_| Outcome::Ok(receipt));
                }
            }
            // Lost on the way, then sent again.
            2 => {
                self.attempt(room, &key, |_| Outcome::Unknown);
                self.attempt(room, &key, |it| Outcome::Ok(it.rooms[room].append(&key)));
            }
            _ => self.attempt(room, &key, |it| Outcome::Ok(it.rooms[room].append(&key))),
        }
    }

    fn write(&mut self, room: usize) {
        let word = WORDS[self.random.usize(..WORDS.len())];
        let is_kept = self.random.bool();
        let room = &mut self.rooms[room];
        let open: Vec<i64> = room.under_way().collect();
        if let Some(seq) = self.random.choice(&open) {
            room.write(*seq, word, is_kept);
        }
    }

    fn end_reply(&mut self, room: usize) {
        let status = match self.random.u8(..6) {
            0 => Status::Failed,
            1 => Status::Cancelled,
            _ => Status::Complete,
        };
        let room = &mut self.rooms[room];
        let open: Vec<i64> = room.under_way().collect();
        if let Some(seq) = self.random.choice(&open) {
            room.end(*seq, status);
        }
    }

    fn edit(&mut self, room: usize) {
        let room = &mut self.rooms[room];
        let own = room
            .log
            .messages
            .iter()
            .filter(|stored| stored.answers.is_none());
        let own: Vec<i64> = own.map(|stored| stored.message.seq).collect();
        // What was sent is compared with what is stored, so an edit here is one that takes back.
        if self.random.u8(..5) == 0
            && let Some(seq) = self.random.choice(&own)
        {
            room.change(*seq, |message| message.status = Status::Deleted);
        }
    }

    fn connect(&mut self, room: usize, reader: usize) {
        let began = self.now();
        let room = &mut self.rooms[room];
        if room.readers.len() <= reader {
            room.readers.push(Reader::new(&room.log.session, reader));
        }
        room.connect(reader, began);
    }

    fn finish(mut self) -> History {
        for room in 0..self.rooms.len() {
            let open: Vec<i64> = self.rooms[room].under_way().collect();
            for seq in open {
                self.rooms[room].write(seq, "done.", true);
                self.rooms[room].end(seq, Status::Complete);
            }
            for reader in 0..self.rooms[room].readers.len() {
                if !self.rooms[room].readers[reader].is_connected {
                    self.connect(room, reader);
                }
            }
        }
        let mut history = History {
            tries: self.tries,
            ..History::default()
        };
        for room in self.rooms {
            let feeds = room.readers.into_iter().map(|reader| reader.feed);
            history.feeds.extend(feeds);
            history.logs.push(room.log);
        }
        history
    }
}
