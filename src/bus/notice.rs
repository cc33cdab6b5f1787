//! What is announced, and where. Everything here may travel between processes, so nothing here is secret
//! from the members of the session it is about.

use serde::{Deserialize, Serialize};

use crate::db::messages::Message;
use crate::db::sessions::Session;
use crate::domain::{LoginId, Rev, Seq, SessionId, UserId};

/// Where a notice is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// What happens in a session.
    Session(SessionId),
    /// What happens to a login.
    Login(LoginId),
    /// Replies to be written. Work, not news: one of those who listen is enough. Who announces it hears it
    /// in their own process, and of the other processes one does.
    Replies,
}

/// News.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// One transaction changed these messages of a session, in order of rev.
    Changed {
        /// In which session.
        session: SessionId,
        /// As they are after the change.
        messages: Vec<Message>,
    },
    /// Something changed in a session that is too large to be told: look at its log.
    Look {
        /// In which session.
        session: SessionId,
    },
    /// A session itself has changed. Messages that the same transaction changed were announced before.
    SessionChanged {
        /// As it is after the change.
        session: Session,
    },
    /// A reply under way has more text.
    Text {
        /// In which session.
        session: SessionId,
        /// The text.
        piece: TextPiece,
    },
    /// Somebody types in a session, or does no more.
    Typing {
        /// In which session.
        session: SessionId,
        /// Who.
        user: UserId,
        /// Whether they do.
        typing: bool,
    },
    /// These replies are to end now, cancelled, with all the text that was shown of them. Whoever writes one
    /// ends it; what nobody ends is ended without its last words.
    StopReplies {
        /// In which session.
        session: SessionId,
        /// Which.
        seqs: Vec<Seq>,
    },
    /// A login has ended: what it opened must close.
    LoginEnded {
        /// Which.
        login: LoginId,
    },
    /// There is a reply to be written.
    ReplyWaiting,
}

/// More text of a reply under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPiece {
    /// Which reply.
    pub seq: Seq,
    /// The change with which this writing of it began: its birth, or that it was to be written anew. Pieces
    /// of an earlier writing are void.
    pub begun_rev: Rev,
    /// The runner's attempt it belongs to: pieces of an earlier one are void.
    pub attempt: i16,
    /// How many Unicode scalar values of the reply come before it.
    pub offset: usize,
    /// The text.
    pub text: String,
}

impl Subject {
    /// What the transport between processes calls it, within one deployment: `session.<uuid>`,
    /// `login.<uuid>`, `replies`.
    pub fn name(&self) -> String {
        match self {
            Self::Session(session) => format!("session.{}", session.0),
            Self::Login(login) => format!("login.{}", login.0),
            Self::Replies => "replies".to_owned(),
        }
    }

    /// Whether of several processes that listen one is told, rather than all.
    pub(super) fn is_work(&self) -> bool {
        matches!(self, Self::Replies)
    }
}

impl Notice {
    /// Where it is heard.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Changed { session, .. }
            | Self::Look { session }
            | Self::Text { session, .. }
            | Self::Typing { session, .. }
            | Self::StopReplies { session, .. } => Subject::Session(*session),
            Self::SessionChanged { session } => Subject::Session(session.id),
            Self::LoginEnded { login } => Subject::Login(*login),
            Self::ReplyWaiting => Subject::Replies,
        }
    }

    /// The same in a few bytes, for what is too large to be told; nothing if it can't be said shorter.
    pub(super) fn shortened(&self) -> Option<Self> {
        match self {
            Self::Changed { session, .. } | Self::Text { session, .. } => {
                Some(Self::Look { session: *session })
            }
            Self::SessionChanged { session } => Some(Self::Look {
                session: session.id,
            }),
            Self::Look { .. }
            | Self::Typing { .. }
            | Self::StopReplies { .. }
            | Self::LoginEnded { .. }
            | Self::ReplyWaiting => None,
        }
    }
}
