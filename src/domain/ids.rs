//! Ids and the two counters of a session's log, each a type of its own: a swapped argument does not compile.

use diesel_derive_newtype::DieselNewType;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DieselNewType,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one, never given out before. Later ids sort after earlier ones.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A person.
    UserId
}
id! {
    /// A chatbot.
    ChatbotId
}
id! {
    /// A session.
    SessionId
}
id! {
    /// A login: one device's family of refresh tokens.
    LoginId
}
id! {
    /// A command that somebody gave. It names nothing that is stored.
    CommandId
}
id! {
    /// A reply runner: one per process and start.
    RunnerId
}

impl UserId {
    /// Whoever wrote something and has no account any more, made by migration with this id.
    pub const DELETED: Self = Self(Uuid::from_u128(0x8000_8000_0000_0000_0002));
}

impl ChatbotId {
    /// The chatbot of the house, made by migration with this id.
    pub const HOUSE: Self = Self(Uuid::from_u128(0x8000_8000_0000_0000_0001));
}

impl SessionId {
    /// The id that is made from this hash of a client key: the same for every try of one send.
    pub fn from_a_key(hash: [u8; 16]) -> Self {
        Self(Uuid::new_v8(hash))
    }

    /// Whether it was made from a client key, and not by chance.
    pub fn is_from_a_key(self) -> bool {
        self.0.get_version_num() == 8
    }
}

/// A message's place in its session: 1, 2, 3, ... without holes. It never changes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DieselNewType,
)]
#[serde(transparent)]
pub struct Seq(pub i32);

/// A place in a session's log of changes. 0 is before the first change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DieselNewType,
)]
#[serde(transparent)]
pub struct Rev(pub i64);

impl Rev {
    /// Before the first change.
    pub const START: Self = Self(0);

    /// The rev of the change after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
