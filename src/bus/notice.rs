//! What is announced, and where. Everything here may travel between processes, so nothing here is secret
//! from the members of the session it is about.

use serde::{Deserialize, Serialize};

use crate::db::messages::Message;
use crate::db::sessions::Session;
use crate::domain::{CommandReply, LoginId, Rev, Seq, SessionId, UserId};

/// Where a notice is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// What happens in a session.
    Session(SessionId),
    /// What happens to a login.
    Login(LoginId),
    /// In which sessions something happens, and whose seats change: for the processes where somebody watches all
    /// of their sessions. One subject for all sessions, so that nobody has to listen to thousands.
    Inboxes,
    /// Commands to be answered. An errand: one of those who listen is told and nobody else, somebody of the
    /// process that announces it if anybody there listens.
    Commands,
    /// Answers to commands.
    CommandAnswers,
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
    /// A session was erased, with all that was said in it.
    SessionDeleted {
        /// Which.
        session: SessionId,
    },
    /// A reply under way has more text.
    Text {
        /// In which session.
        session: SessionId,
        /// The text.
        piece: TextPiece,
    },
    /// Somebody lacks text of a reply under way. Whoever writes it says it again from there on.
    TextWanted {
        /// In which session.
        session: SessionId,
        /// What is lacking.
        wanted: WantedText,
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
    /// Something changed in a session, or it was erased: what that means for those in it is in the database.
    Stirred {
        /// In which session.
        session: SessionId,
    },
    /// These people have a seat in a session that they had not, or that has changed for them alone.
    SeatsChanged {
        /// In which session.
        session: SessionId,
        /// Whose.
        users: Vec<UserId>,
    },
    /// A login has ended: what it opened must close.
    LoginEnded {
        /// Which.
        login: LoginId,
    },
    /// There is a reply to be written.
    ReplyWaiting,
    /// A command was given, and is to be answered.
    CommandGiven {
        /// As it was given, pending.
        command: CommandReply,
    },
    /// A command has an answer, for whoever sees to it; the others keep it, in case that they are asked again.
    CommandAnswered {
        /// The command with its answer.
        reply: CommandReply,
    },
    /// A command has come to its end, for those who watch its session. There is no log of these.
    CommandReplied {
        /// The command with its answer.
        reply: CommandReply,
    },
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

/// Text of a reply under way that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedText {
    /// Which reply.
    pub seq: Seq,
    /// The change with which this writing of it began.
    pub begun_rev: Rev,
    /// How many Unicode scalar values of it are known.
    pub from: usize,
}

impl Subject {
    /// What the transport between processes calls it, within one deployment: `session.<uuid>`,
    /// `login.<uuid>`, `inboxes`, `commands`, `command_answers`, `replies`.
    pub fn name(&self) -> String {
        match self {
            Self::Session(session) => format!("session.{}", session.0),
            Self::Login(login) => format!("login.{}", login.0),
            Self::Inboxes => "inboxes".to_owned(),
            Self::Commands => "commands".to_owned(),
            Self::CommandAnswers => "command_answers".to_owned(),
            Self::Replies => "replies".to_owned(),
        }
    }

    /// Whether of several processes that listen one is told, rather than all.
    pub(super) fn is_work(&self) -> bool {
        matches!(self, Self::Replies | Self::Commands)
    }

    /// Whether, beyond that, nobody else is told if somebody listens where it is announced.
    pub(super) fn is_errand(&self) -> bool {
        matches!(self, Self::Commands)
    }
}

impl Notice {
    /// Where it is heard.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Changed { session, .. }
            | Self::Look { session }
            | Self::SessionDeleted { session }
            | Self::Text { session, .. }
            | Self::TextWanted { session, .. }
            | Self::Typing { session, .. }
            | Self::StopReplies { session, .. } => Subject::Session(*session),
            Self::SessionChanged { session } => Subject::Session(session.id),
            Self::Stirred { .. } | Self::SeatsChanged { .. } => Subject::Inboxes,
            Self::LoginEnded { login } => Subject::Login(*login),
            Self::ReplyWaiting => Subject::Replies,
            Self::CommandGiven { .. } => Subject::Commands,
            Self::CommandAnswered { .. } => Subject::CommandAnswers,
            Self::CommandReplied { reply } => Subject::Session(reply.session),
        }
    }

    /// What inboxes are told with it: that its session is to be looked at, if it is about a change. The bus sees to
    /// it, so that nobody who announces a change can forget them.
    pub(super) fn stir(&self) -> Option<Self> {
        let session = match self {
            Self::Changed { session, .. }
            | Self::Look { session }
            | Self::SessionDeleted { session } => *session,
            Self::SessionChanged { session } => session.id,
            Self::Text { .. }
            | Self::TextWanted { .. }
            | Self::Typing { .. }
            | Self::StopReplies { .. }
            | Self::Stirred { .. }
            | Self::SeatsChanged { .. }
            | Self::LoginEnded { .. }
            | Self::ReplyWaiting
            | Self::CommandGiven { .. }
            | Self::CommandAnswered { .. }
            | Self::CommandReplied { .. } => return None,
        };
        Some(Self::Stirred { session })
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
            | Self::TextWanted { .. }
            | Self::Typing { .. }
            | Self::SessionDeleted { .. }
            | Self::StopReplies { .. }
            | Self::Stirred { .. }
            | Self::SeatsChanged { .. }
            | Self::LoginEnded { .. }
            | Self::ReplyWaiting
            | Self::CommandGiven { .. }
            | Self::CommandAnswered { .. }
            | Self::CommandReplied { .. } => None,
        }
    }
}
