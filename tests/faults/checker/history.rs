//! What happened in a run, as plain data: every send and what else people did, with the answers, every event of every
//! feed, and the logs as they are in the end and as they went there.
//!
//! Times are ticks of one counter of the run: of two moments the later has the larger number.

use std::sync::Arc;

/// A moment.
pub type Tick = u64;

/// A place in a session's log (what the product calls `rev`), opened from a cursor.
pub type Place = i64;

/// What is told to many. A long run holds it once.
pub type Text = Arc<str>;

/// A run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every try of every send.
    pub tries: Vec<Try>,
    /// Every request to steer a chatbot.
    pub steers: Vec<Steer>,
    /// Every subscriber.
    pub feeds: Vec<Feed>,
    /// Every session there is in the end.
    pub logs: Vec<Log>,
}

/// One request to send a message. A send that is tried again has several, of one key.
#[derive(Clone, Debug)]
pub struct Try {
    /// The client key. No two people use the same.
    pub key: String,
    /// Where to; nothing for a new session.
    pub session: Option<String>,
    /// What to say.
    pub content: String,
    /// When the request was made.
    pub invoked: Tick,
    /// When its answer was there, or given up.
    pub returned: Tick,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored, says the server.
    Ok(Receipt),
    /// Refused, with this code: nothing was stored.
    Fail(String),
    /// No answer, or one that leaves it open: stored or not.
    Unknown,
}

/// What the server says of a message that it has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The session's id.
    pub session: String,
    /// The message's id.
    pub id: String,
    /// Its place among the session's messages.
    pub seq: i64,
    /// The id of the reply that is owed.
    pub reply: Option<String>,
}

/// One request to make chatbots do something. Nobody else steers in its session.
#[derive(Clone, Debug)]
pub struct Steer {
    /// The session's id.
    pub session: String,
    /// What was asked.
    pub deed: Deed,
    /// What came of it.
    pub answer: Answer,
}

/// What may be asked of chatbots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// That all of a session keep silent, or need not any more.
    Pause(bool),
    /// That the reply with this id ends.
    Cancel(String),
    /// That the reply with this id is written anew.
    Regenerate(String),
}

/// What came of steering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done: the place where the log shows it, and of a reply what has become of it.
    Ok(Place, Option<Status>),
    /// Refused, with this code: nothing was done.
    Fail(String),
    /// No answer, or one that leaves it open.
    Unknown,
}

/// A session's messages, as they are in the end, and all that became of them.
#[derive(Clone, Debug)]
pub struct Log {
    /// The session's id.
    pub session: String,
    /// The place of its last change.
    pub head: Place,
    /// Whether a chatbot owes each message a reply.
    pub is_answered: bool,
    /// By `seq`.
    pub messages: Vec<Stored>,
    /// Everything that the log went through, by place: written down by the database, with each change that it made.
    pub journal: Vec<Change>,
}

/// A change in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands.
    pub place: Place,
    /// What it made of what.
    pub what: What,
}

/// What a change made of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The message with this `seq` was born so, or became so.
    Message(i64, Status),
    /// The session's chatbots have to be silent from here on, or need not any more.
    Paused(bool),
}

/// A message in a log.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As a client sees it.
    pub message: Message,
    /// The place of its birth.
    pub added: Place,
    /// The place of its last change; of its birth if there was none since.
    pub changed: Place,
    /// The place where it last became final.
    pub finished: Option<Place>,
    /// The key it was sent with.
    pub key: Option<String>,
    /// Of a reply: the `seq` of the message that it answers.
    pub answers: Option<i64>,
    /// Of a reply that answers several messages together: the `seq` of the last.
    pub answers_up_to: Option<i64>,
}

impl Stored {
    /// Whether it is the reply to the person's message with this `seq`.
    pub fn is_reply_to(&self, seq: i64) -> bool {
        self.answers
            .is_some_and(|first| (first..=self.answers_up_to.unwrap_or(first)).contains(&seq))
    }
}

/// A message as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: Text,
    /// Its place among the session's messages: 1, 2, 3, ...
    pub seq: i64,
    /// How far it has come.
    pub status: Status,
    /// What it says.
    pub content: Text,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A reply of which nothing was written.
    Pending,
    /// A reply being written.
    Streaming,
    /// All there.
    Complete,
    /// Stopped by a person.
    Cancelled,
    /// Ended by a fault.
    Failed,
    /// Taken back.
    Deleted,
}

impl Status {
    /// Whether a reply goes on.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Pending | Self::Streaming)
    }
}

/// What a subscriber follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// `sessionEvents`: everything.
    Everything,
    /// `messageAdded`: finished messages.
    Finished,
}

/// All that one subscriber of a session was told, over all its connections.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What to call it in a complaint.
    pub name: String,
    /// Which session.
    pub session: String,
    /// What of it.
    pub view: View,
    /// Whether it was followed until the log's end.
    pub is_drained: bool,
    /// One after the other.
    pub subscriptions: Vec<Subscription>,
}

/// What was told between one connection and its end.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// The cursor that it continued from; nothing for "from now on".
    pub after: Option<Place>,
    /// When it was asked for.
    pub began: Tick,
    /// In the order in which they came.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `MessageAdded`
    Added(Place, Message),
    /// `MessageChanged`
    Changed(Place, Message),
    /// `ReplyDelta`: which message, from which character on, what.
    Text(Text, usize, String),
    /// `SessionChanged`: whether its chatbots are paused.
    Session(Place, bool),
    /// What `messageAdded` gives.
    Finished(Place, Message),
    /// `CaughtUp`
    CaughtUp(Place),
    /// `FeedEnded`, or the error that ends `messageAdded`: why, and whether to come back.
    Ended(String, bool),
}

impl Event {
    /// The place of a change.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Added(place, _)
            | Self::Changed(place, _)
            | Self::Finished(place, _)
            | Self::Session(place, _) => Some(*place),
            Self::Text(..) | Self::CaughtUp(_) | Self::Ended(..) => None,
        }
    }
}
