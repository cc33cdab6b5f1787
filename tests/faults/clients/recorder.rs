//! The run's notebook: one clock, and everything that clients did and heard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use parlor::auth::{Purpose, Sealer};
use parlor::config::Secret;
use parlor::domain::{Cursor, NodeId};

use crate::checker::history::{Outcome, Place, Steer, Text, Tick, Try};
use crate::stored::one_of;
use crate::world::SECRET;

/// Shared by all clients of a run. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    notes: Arc<Notes>,
}

struct Notes {
    clock: AtomicU64,
    acknowledged: AtomicU64,
    tries: Mutex<Vec<Try>>,
    steers: Mutex<Vec<Steer>>,
    /// What was told, each text once: many are told the same.
    texts: Mutex<BTreeSet<Text>>,
    /// Answers that were no answers, by their code.
    unknown: Mutex<BTreeMap<String, usize>>,
    /// The `seq` of messages and when somebody was told of them, from when on that is wanted.
    arrivals: Mutex<Option<Vec<(i64, Instant)>>>,
    sealer: Sealer,
}

impl Recorder {
    /// An empty notebook.
    pub fn new() -> Self {
        let secret = Secret::new(SECRET).expect("a secret that is long enough");
        let notes = Notes {
            clock: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            tries: Mutex::default(),
            steers: Mutex::default(),
            texts: Mutex::default(),
            unknown: Mutex::default(),
            arrivals: Mutex::default(),
            sealer: Sealer::new(&secret),
        };
        Self {
            notes: Arc::new(notes),
        }
    }

    /// This moment.
    pub fn now(&self) -> Tick {
        self.notes.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Writes a try down.
    pub fn note(&self, request: Try) {
        if matches!(request.outcome, Outcome::Ok(_)) {
            self.notes.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        self.notes
            .tries
            .lock()
            .expect("no holder panics")
            .push(request);
    }

    /// Writes down what a chatbot was asked to do.
    pub fn note_steer(&self, steer: Steer) {
        let mut steers = self.notes.steers.lock().expect("no holder panics");
        steers.push(steer);
    }

    /// What was told, held once however many are told.
    pub fn text(&self, told: String) -> Text {
        let mut texts = self.notes.texts.lock().expect("no holder panics");
        one_of(&mut texts, told)
    }

    /// Writes down why an answer was none.
    pub fn note_unknown(&self, because: &str) {
        let mut unknown = self.notes.unknown.lock().expect("no holder panics");
        *unknown.entry(because.to_owned()).or_default() += 1;
    }

    /// Writes down, if that is wanted, that somebody was told of a message.
    pub fn note_arrival(&self, seq: i64) {
        let mut arrivals = self.notes.arrivals.lock().expect("no holder panics");
        if let Some(arrivals) = arrivals.as_mut() {
            arrivals.push((seq, Instant::now()));
        }
    }

    /// What was told when since this was asked last; from now on it is written down.
    pub fn take_arrivals(&self) -> Vec<(i64, Instant)> {
        let mut arrivals = self.notes.arrivals.lock().expect("no holder panics");
        arrivals.replace(Vec::new()).unwrap_or_default()
    }

    /// How many sends were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.notes.acknowledged.load(Ordering::Relaxed)
    }

    /// All tries; the notebook is empty then.
    pub fn take_tries(&self) -> Vec<Try> {
        std::mem::take(&mut self.notes.tries.lock().expect("no holder panics"))
    }

    /// Everything that chatbots were asked; the notebook is empty then.
    pub fn take_steers(&self) -> Vec<Steer> {
        std::mem::take(&mut self.notes.steers.lock().expect("no holder panics"))
    }

    /// Why answers were none, and how often.
    pub fn unknown(&self) -> BTreeMap<String, usize> {
        self.notes.unknown.lock().expect("no holder panics").clone()
    }

    /// The place that a cursor stands for in this session. One that is not the session's stands before all.
    pub fn place(&self, session: &str, cursor: &str) -> Place {
        let bytes = self.notes.sealer.open(Purpose::Log, cursor);
        let opened = bytes.and_then(|bytes| Cursor::from_bytes(&bytes));
        let own = opened.filter(|cursor| NodeId::Session(cursor.session).encode() == session);
        own.map_or(-1, |cursor| cursor.rev.0)
    }
}
