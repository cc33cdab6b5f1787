//! What can go wrong with a model server, in words for the person who waits for the reply.
//!
//! None of them holds anything that the server said: that may repeat the conversation or the key.

use std::time::Duration;

/// Why there is no reply, or no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The operator has set up no model server, or it can't be used.
    NotSetUp,
    /// The chatbot's model is none of those that the operator allows.
    ModelNotAllowed,
    /// Too many replies wait for the server already.
    Crowded,
    /// The server has failed several times in a row and is left alone for a while.
    Resting,
    /// No connection came about.
    Unreachable,
    /// It did not begin to answer in time.
    Slow,
    /// It refused the key, or the account behind it.
    KeyRefused,
    /// It has no such model, or is at another address.
    ModelUnknown,
    /// It refused the request.
    NotAccepted,
    /// It takes no conversation of this length.
    TooMuch,
    /// It has too many requests; it may have said when to come again.
    Busy(Option<Duration>),
    /// It has a fault of its own; it may have said when to come again.
    Faulty(Option<Duration>),
    /// What answers does not speak as a model server does.
    Foreign,
    /// The answer ended, or its connection broke, before it was whole.
    BrokeOff,
    /// It said nothing for too long in the middle of the answer.
    Silent,
    /// The answer could not be read.
    Unreadable,
    /// It told of an error in the middle of the answer.
    Reported,
    /// Its filter held the rest back.
    Filtered,
    /// The reply grew too long.
    TooLong,
    /// The reply took too long.
    TimeUp,
}

impl Trouble {
    /// What a person reads.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NotSetUp => "No model server is set up here.",
            Self::ModelNotAllowed => "This chatbot's model may not be used here.",
            Self::Crowded => "Too many replies wait for the model server. Try again in a while.",
            Self::Resting => {
                "The model server has failed several times in a row. Try again in a while."
            }
            Self::Unreachable => "The model server can't be reached.",
            Self::Slow => "The model server took too long to answer.",
            Self::KeyRefused => "The model server does not let this place in.",
            Self::ModelUnknown => "The model server does not know this chatbot's model.",
            Self::NotAccepted => "The model server did not accept the conversation.",
            Self::TooMuch => "The conversation is too long for the model server.",
            Self::Busy(_) => "The model server has too much to do. Try again in a while.",
            Self::Faulty(_) => "The model server has a fault of its own. Try again in a while.",
            Self::Foreign => "What answered is not a model server.",
            Self::BrokeOff => "The model server broke off.",
            Self::Silent => "The model server fell silent.",
            Self::Unreadable => "The model server's answer could not be read.",
            Self::Reported => "The model server reported an error.",
            Self::Filtered => "The model server's filter held the reply back.",
            Self::TooLong => "The reply grew too long and was cut.",
            Self::TimeUp => "The reply took too long and was cut.",
        }
    }

    /// Whether asking again may help, as long as nothing of the reply was there: after which pause, if the
    /// server named one.
    ///
    /// A server that was slow is not asked again: it has the first request still to do.
    pub(super) fn another_try(self) -> Option<Option<Duration>> {
        match self {
            Self::Busy(pause) | Self::Faulty(pause) => Some(pause),
            Self::Unreachable | Self::BrokeOff => Some(None),
            _ => None,
        }
    }

    /// Whether the server seems to be down, rather than unwilling.
    pub(super) fn is_outage(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Slow
                | Self::Faulty(_)
                | Self::Foreign
                | Self::BrokeOff
                | Self::Silent
        )
    }
}
