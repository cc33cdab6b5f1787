//! Good histories: a small model of what the product promises, driven by chance.
//!
//! People send, lose answers and try again; a chatbot writes replies, which runners sometimes leave unfinished, and which
//! people stop, have written anew, or forbid for a while; messages are edited; subscribers come and go. Whatever this
//! makes, the checker must accept.

use super::room::{Reader, Room};
use crate::checker::history::*;

const WORDS: [&str; 6] = ["Grüße ", "and ", "👋🏽 ", "hello ", "from ", "here. "];

/// The model.
pub struct Simulation {
    random: fastrand::Rng,
    tick: Tick,
    keys: usize,
    tries: Vec<Try>,
    steers: Vec<Steer>,
    rooms: Vec<Room>,
}

/// Subscribers of each session: two of everything, and one of finished messages.
const READERS: usize = 3;

impl Simulation {
    /// A whole history: `steps` things happen, then all comes to an end.
    pub fn run(seed: u64, steps: usize) -> History {
        let mut it = Self {
            random: fastrand::Rng::with_seed(seed),
            tick: 0,
            keys: 0,
            tries: Vec::new(),
            steers: Vec::new(),
            rooms: Vec::new(),
        };
        for number in 0..2 {
            it.rooms.push(Room::new(&format!("session-{number}")));
            for reader in 0..READERS {
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
        let reader = self.random.usize(..READERS);
        match self.random.u8(..11) {
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
            9 => self.steer(room),
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
            _ => Status::Complete,
        };
        let room = &mut self.rooms[room];
        let open: Vec<i64> = room.under_way().collect();
        if let Some(seq) = self.random.choice(&open) {
            room.end(*seq, status);
        }
    }

    fn steer(&mut self, room: usize) {
        let open: Vec<i64> = self.rooms[room].under_way().collect();
        let chosen = self.random.choice(&open).copied();
        let kind = self.random.u8(..8);
        let it = &mut self.rooms[room];
        let id = |room: &Room, seq: i64| room.log.messages[seq as usize - 1].message.id.to_string();
        let newest = it.newest_reply().map(|reply| reply.message.seq);
        let (deed, status) = match (kind, chosen, newest) {
            // Silence is short, so that something happens.
            (0, ..) | (2.., None, _) if it.is_paused || kind == 0 => {
                let is_paused = !it.is_paused;
                it.pause(is_paused);
                (Deed::Pause(is_paused), None)
            }
            (1.., Some(seq), _) => {
                it.end(seq, Status::Cancelled);
                (Deed::Cancel(id(it, seq)), Some(Status::Cancelled))
            }
            (1.., None, Some(seq)) if !it.is_paused => {
                it.begin_anew(seq);
                (Deed::Regenerate(id(it, seq)), Some(Status::Pending))
            }
            // Not while another goes on, or all are to be silent.
            (.., Some(seq)) => (Deed::Regenerate(id(it, seq)), None),
            _ => return,
        };
        let is_refused = matches!((&deed, status), (Deed::Regenerate(_), None));
        let answer = match self.random.u8(..4) {
            _ if is_refused => Answer::Fail("CONFLICT".into()),
            0 => Answer::Unknown,
            _ => Answer::Ok(it.log.head, status),
        };
        let session = it.log.session.clone();
        self.steers.push(Steer {
            session,
            deed,
            answer,
        });
    }

    fn edit(&mut self, room: usize) {
        let room = &mut self.rooms[room];
        // What was sent is compared with what is stored, so an edit here is one that takes back.
        if self.random.u8(..5) == 0
            && let Some(stored) = self.random.choice(&room.log.messages)
            && stored.answers.is_none()
        {
            let seq = stored.message.seq;
            room.take_back(seq);
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
            steers: self.steers,
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
