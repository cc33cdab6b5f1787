//! The ids that clients see: opaque, globally unique, of one shape for everything that has one.
//!
//! They are not sealed: knowing an id gives no right to see what it names.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::{ChatbotId, CommandId, Seq, SessionId, UserId};

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeId {
    /// A person.
    User(UserId),
    /// A chatbot.
    Chatbot(ChatbotId),
    /// A session.
    Session(SessionId),
    /// A message, by its session and its place there.
    Message(SessionId, Seq),
    /// A command. There is nothing to be found under it: commands are not stored.
    Command(CommandId),
}

impl NodeId {
    /// As clients see it.
    pub fn encode(self) -> String {
        let (tag, uuid, seq) = match self {
            Self::User(id) => (b'u', id.0, None),
            Self::Chatbot(id) => (b'c', id.0, None),
            Self::Session(id) => (b's', id.0, None),
            Self::Message(session, seq) => (b'm', session.0, Some(seq)),
            Self::Command(id) => (b'q', id.0, None),
        };
        let mut bytes = Vec::with_capacity(21);
        bytes.push(tag);
        bytes.extend_from_slice(uuid.as_bytes());
        if let Some(seq) = seq {
            bytes.extend_from_slice(&seq.0.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From what a client sent; nothing if it never was an id.
    pub fn decode(text: &str) -> Option<Self> {
        // The longest id is 28 characters; nothing longer is worth decoding.
        if text.len() > 28 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, rest) = bytes.split_first()?;
        let (uuid, seq) = rest.split_first_chunk::<16>()?;
        let uuid = Uuid::from_bytes(*uuid);
        match (tag, seq) {
            (b'u', []) => Some(Self::User(UserId(uuid))),
            (b'c', []) => Some(Self::Chatbot(ChatbotId(uuid))),
            (b's', []) => Some(Self::Session(SessionId(uuid))),
            (b'q', []) => Some(Self::Command(CommandId(uuid))),
            (b'm', seq) => {
                let seq = i32::from_be_bytes(seq.try_into().ok()?);
                Some(Self::Message(SessionId(uuid), Seq(seq)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_lead_back_to_what_they_name(uuid: u128, seq: i32) {
            let uuid = Uuid::from_u128(uuid);
            for id in [
                NodeId::User(UserId(uuid)),
                NodeId::Chatbot(ChatbotId(uuid)),
                NodeId::Session(SessionId(uuid)),
                NodeId::Message(SessionId(uuid), Seq(seq)),
                NodeId::Command(CommandId(uuid)),
            ] {
                prop_assert_eq!(NodeId::decode(&id.encode()), Some(id));
            }
        }

        #[test]
        fn other_text_names_nothing(text in ".{0,40}") {
            if let Some(id) = NodeId::decode(&text) {
                prop_assert_eq!(id.encode(), text);
            }
        }
    }
}
