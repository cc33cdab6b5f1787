//! How much of everything a run does, and how long it may take: in full, or a quick look.

use std::time::Duration;

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The whole run ends by then, its preparation included.
    pub budget: Duration,
    /// Rounds at most.
    pub rounds: usize,
    /// How long each measure that runs for a time does so.
    pub spell: Duration,
    /// Sessions with a history, and the messages of each: the small database.
    pub small: History,
    /// The same of the large one.
    pub large: History,
    /// Whether ceilings with a database are measured on the large one too.
    pub ceilings_on_large: bool,
    /// Replies at once in front of many watchers.
    pub watched_replies: u32,
    /// Words of a reply.
    pub words: u64,
    /// Clients that come back at once.
    pub returning: u32,
    /// Idle connections.
    pub idle: u32,
}

/// How much was said before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    pub sessions: u32,
    pub messages_each: u32,
}

impl History {
    /// All messages.
    pub fn messages(self) -> u32 {
        self.sessions * self.messages_each
    }
}

/// Replies at once, each in a session of its own.
pub const REPLIES: u32 = 200;

/// The most clients that send at once, each in a session of its own.
pub const SENDERS: u32 = 256;

/// Messages that those who come back have missed.
pub const MISSED: u64 = 20;

/// How long a model takes for a word.
pub const WORD: Duration = Duration::from_millis(40);

impl Plan {
    /// Quarter of an hour.
    pub const FULL: Self = Self {
        budget: Duration::from_secs(15 * 60),
        rounds: 5,
        spell: Duration::from_secs(4),
        small: SMALL,
        large: History {
            sessions: 2_000,
            messages_each: 1_000,
        },
        ceilings_on_large: true,
        watched_replies: REPLIES,
        words: 60,
        returning: 1_000,
        idle: 5_000,
    };

    /// Three minutes: to see that it works, and roughly where things stand.
    pub const QUICK: Self = Self {
        budget: Duration::from_secs(3 * 60),
        rounds: 3,
        spell: Duration::from_millis(1500),
        small: SMALL,
        large: History {
            sessions: 1_000,
            messages_each: 200,
        },
        ceilings_on_large: false,
        watched_replies: 50,
        words: 40,
        returning: 1_000,
        idle: 1_000,
    };
}

const SMALL: History = History {
    sessions: 100,
    messages_each: 100,
};
