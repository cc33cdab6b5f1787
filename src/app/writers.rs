//! Messages on their way into the logs of their sessions: what waits in a lane is written together.
//!
//! There are a few shared lanes, among which sessions are spread; nobody there waits for a lock. What may have to
//! wait, or be written alone, goes into a lane of its session's own. `services::writers` does the work.

use crate::db::messages::Message;
use crate::db::sends::SendKey;
use crate::db::sessions::Session;
use crate::domain::{Account, MessageContent, Rev, Seq, SessionId, UserId};

use super::lanes::{Job, Lanes, Waiting};

/// How many lanes are shared. More have fewer messages each to write together; fewer write too little at a time.
const MOST_SHARED: usize = 8;

/// How much content is written together, in bytes, and how many messages of a few words.
const MOST_BYTES: usize = 256 * 1024;
const MOST_TOGETHER: usize = 64;

/// A message that somebody sends.
pub struct Sending {
    /// Where to.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// Whether they are a visitor without an account.
    pub is_guest: bool,
    /// What it says.
    pub content: MessageContent,
    /// Their key, if they gave one.
    pub key: Option<SendKey>,
    /// How it has to be treated.
    pub care: Care,
}

/// What is special about a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Nothing.
    None,
    /// It begins its session, which is this person's.
    Begins(Account),
    /// Those who write the replies that make way for it have been asked to stop.
    Asked,
    /// It was part of a batch that could not be written.
    Suspect,
}

/// What became of a send.
pub enum Outcome {
    /// It is stored.
    Sent(Box<Sent>),
    /// Nothing is stored: these replies have to make way, and their writers have not been asked to stop.
    AskFirst(Vec<Seq>),
}

/// A message that is stored.
#[derive(Clone)]
pub struct Sent {
    /// Its session, as it is now.
    pub session: Session,
    /// The message.
    pub message: Message,
    /// The first reply that is owed; what it has become, if the send is a retry.
    pub reply: Option<Message>,
    /// The other replies that are owed, in order.
    pub further: Vec<Message>,
}

impl Sent {
    /// Right behind what this send wrote, and before anything that came after it: a client that watches
    /// from here on misses nothing, also when this is a retry long after the send.
    pub fn position(&self) -> Rev {
        let message = self.message.added_rev;
        let replies = self.reply.iter().chain(&self.further);
        replies.map(|reply| reply.added_rev).fold(message, Rev::max)
    }
}

/// Which lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// One that sessions share.
    Shared(usize),
    /// A session's own.
    Own(SessionId),
}

/// A send in a lane.
pub type WaitingSend = Waiting<Sending, Outcome>;

/// The lanes of sends.
pub struct Writers {
    lanes: Lanes<Lane, Sending, Outcome>,
    shared: usize,
}

impl Writers {
    /// With as many shared lanes as leave connections to those who read, of a pool of this size.
    pub(super) fn new(pool: usize) -> Self {
        Self {
            lanes: Lanes::new(),
            shared: (pool * 2 / 3).clamp(1, MOST_SHARED),
        }
    }

    /// The lanes.
    pub fn lanes(&self) -> &Lanes<Lane, Sending, Outcome> {
        &self.lanes
    }

    /// Where a send belongs. While a session has a lane of its own, all that is sent to it goes there.
    pub fn lane_of(&self, sending: &Sending) -> Lane {
        let own = Lane::Own(sending.session);
        if sending.care != Care::None || self.lanes.is_open(own) {
            return own;
        }
        let spread = sending.session.0.as_u128() % self.shared as u128;
        Lane::Shared(usize::try_from(spread).unwrap_or_default())
    }
}

impl Job for Sending {
    const MOST: usize = MOST_BYTES;

    fn weight(&self) -> usize {
        match self.care {
            Care::None => self.content.as_str().len().max(MOST_BYTES / MOST_TOGETHER),
            // By itself.
            Care::Begins(_) | Care::Asked | Care::Suspect => MOST_BYTES + 1,
        }
    }
}
