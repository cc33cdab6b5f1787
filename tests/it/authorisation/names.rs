//! What the tables call by a name, as `$room`: its value, and values of the same form that name nothing.

use std::collections::BTreeMap;

use parlor::domain::{ChatbotId, NodeId, Seq, SessionId, UserId};
use serde_json::{Value, json};

/// What a name stands for.
#[derive(Clone)]
pub struct Named {
    /// What is sent.
    pub value: Value,
    /// What is sent instead to ask for something that is not there. Empty for what names nothing, as a new name.
    pub unknown: Vec<Value>,
    /// Whether it is a place in a list or a log. That one is forged is said before who may not ask at all is refused.
    pub is_place: bool,
}

/// Names and what they stand for.
pub type Names = BTreeMap<String, Named>;

impl Named {
    /// Something with an id. A message is also looked for in its own session, where nobody has said it.
    pub fn id(id: &str) -> Self {
        let unknown = match NodeId::decode(id).expect("an id") {
            NodeId::User(_) => vec![NodeId::User(UserId::new())],
            NodeId::Chatbot(_) => vec![NodeId::Chatbot(ChatbotId::new())],
            NodeId::Session(_) => vec![NodeId::Session(SessionId::new())],
            NodeId::Message(session, _) => vec![
                NodeId::Message(SessionId::new(), Seq(1)),
                NodeId::Message(session, Seq(99)),
            ],
            NodeId::Command(_) => panic!("nothing is stored of commands"),
        };
        Self {
            value: json!(id),
            unknown: unknown.into_iter().map(|id| json!(id.encode())).collect(),
            is_place: false,
        }
    }

    /// Somebody's or something's unique name.
    pub fn name(name: &str) -> Self {
        Self {
            value: json!(name),
            unknown: vec![json!("nobody-at-all")],
            is_place: false,
        }
    }

    /// A cursor; its unknown twin is forged.
    pub fn place(cursor: &str) -> Self {
        Self {
            is_place: true,
            ..Self::token(cursor)
        }
    }

    /// A token; its unknown twin is made up.
    pub fn token(text: &str) -> Self {
        let first = if text.starts_with('A') { "B" } else { "A" };
        Self {
            value: json!(text),
            unknown: vec![json!(format!("{first}{}", &text[1..]))],
            is_place: false,
        }
    }

    /// A text that names nothing.
    pub fn plain(text: &str) -> Self {
        Self {
            value: json!(text),
            unknown: Vec::new(),
            is_place: false,
        }
    }
}
