//! Everything that a model server does wrong, or oddly, and what becomes of the reply.

mod doors;
mod refusals;
mod streams;
mod transfers;

use std::time::Duration;

use parlor::bots::Patience;

use super::door::Door;
use super::upstream::{Script, Step, answer, done, head, says};

pub use doors::doors;
pub use refusals::refusals;
pub use streams::streams;
pub use transfers::transfers;

/// One way to behave, and how its reply ends.
pub struct Mode {
    pub name: &'static str,
    /// How the server's callers fare.
    pub door: Door,
    /// What those get to hear who are served.
    pub script: Script,
    /// What the reply's status, text and failure must be.
    pub ending: (&'static str, String, Option<&'static str>),
    /// How often the server hears that it is asked.
    pub requests: usize,
}

const UNREACHABLE: &str = "The model server can't be reached.";
const SLOW: &str = "The model server took too long to answer.";
const DENIED: &str = "The model server does not let this place in.";
const UNKNOWN: &str = "The model server does not know this chatbot's model.";
const REFUSED: &str = "The model server did not accept the conversation.";
const TOO_MUCH: &str = "The conversation is too long for the model server.";
const BUSY: &str = "The model server has too much to do. Try again in a while.";
const FAULTY: &str = "The model server has a fault of its own. Try again in a while.";
const FOREIGN: &str = "What answered is not a model server.";
const BROKE_OFF: &str = "The model server broke off.";
const SILENT: &str = "The model server fell silent.";
const UNREADABLE: &str = "The model server's answer could not be read.";
const REPORTED: &str = "The model server reported an error.";
const FILTERED: &str = "The model server's filter held the reply back.";
const TOO_LONG: &str = "The reply grew too long and was cut.";
const TIME_UP: &str = "The reply took too long and was cut.";
const NOTHING: &str = "The chatbot had nothing to say.";

impl Mode {
    /// How long its reply is waited for before it ends: what the patience that it tries allows. All others end as
    /// soon as the server has done what it does.
    pub fn waits(&self, patience: &Patience) -> Duration {
        match self.name {
            "silent" | "silent-in-the-head" | "silent-after-the-head" => {
                patience.connect + patience.first_byte
            }
            "silent-after-a-word" => patience.between_bytes,
            "too-slow-to-end" => patience.whole,
            "calls-are-never-answered" => 3 * patience.connect,
            "calls-are-never-taken" | "calls-are-never-heard" => {
                patience.connect + patience.first_byte
            }
            // A refusal's reason is waited for a little.
            "silent-in-a-refusal" => Duration::from_secs(1),
            "busy-for-a-second" => Duration::from_secs(1),
            "busy-for-ever-and-a-second" => Duration::from_secs(2),
            _ => Duration::ZERO,
        }
    }
}

/// Ends as `FAILED` with this text kept, after this many requests.
fn fails(
    name: &'static str,
    script: Script,
    text: &str,
    failure: &'static str,
    requests: usize,
) -> Mode {
    Mode {
        name,
        door: Door::Open,
        script,
        ending: ("FAILED", text.to_owned(), Some(failure)),
        requests,
    }
}

/// Ends as `COMPLETE`, after this many requests.
fn succeeds(name: &'static str, script: Script, text: &str, requests: usize) -> Mode {
    Mode {
        name,
        door: Door::Open,
        script,
        ending: ("COMPLETE", text.to_owned(), None),
        requests,
    }
}

/// The same bytes every time.
fn always(bytes: Vec<u8>) -> Script {
    vec![vec![Step::Send(bytes)]]
}

/// These events after a word, every time.
fn after_hello(events: &[String]) -> Script {
    always(answer(&[&[says("Hello")], events].concat()))
}

/// An answer without a stream.
fn refusal(status: &str, headers: &str) -> Script {
    always([head(status, headers), b"sorry".to_vec()].concat())
}

/// First this, then a whole reply.
fn then_well(first: Vec<Step>) -> Script {
    vec![first, vec![Step::Send(answer(&[says("Hello"), done()]))]]
}
