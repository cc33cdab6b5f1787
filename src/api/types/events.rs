//! What `sessionEvents` gives.

use std::sync::Arc;

use async_graphql::{ContextSelectionSet, Enum, ID, SimpleObject, Union, Value};

use super::{CommandReply, Message, Session, User};
use crate::api::in_line::{Fields, InLine};
use crate::app::App;
use crate::domain::{Epoch, NodeId, SessionId};
use crate::feed::Item;
use crate::services::watch::{self, Sight};

/// Something that happens in a session.
///
/// Keep the `cursor` of the last event that had one: subscribe `after` it and you see every later change
/// exactly once, in order, however long you were away.
#[derive(Union)]
pub enum SessionEvent {
    /// A message that you have not seen.
    MessageAdded(MessageAdded),
    /// A message that you have seen has changed.
    MessageChanged(MessageChanged),
    /// More text of a reply under way.
    ReplyDelta(ReplyDelta),
    /// A command was answered.
    CommandReplied(CommandReplied),
    /// Another person types, or does no more.
    TypingChanged(TypingChanged),
    /// The session itself has changed.
    SessionChanged(SessionChanged),
    /// The replay is over.
    CaughtUp(CaughtUp),
    /// The last event.
    FeedEnded(FeedEnded),
}

impl Fields for MessageAdded {}
impl Fields for MessageChanged {}
impl Fields for ReplyDelta {}
impl Fields for CommandReplied {}
impl Fields for TypingChanged {}
impl Fields for SessionChanged {}
impl Fields for CaughtUp {}
impl Fields for FeedEnded {}

impl Fields for SessionEvent {
    async fn resolve_all(&self, ctx: &ContextSelectionSet<'_>, declared: &str) -> Option<Value> {
        match self {
            Self::MessageAdded(event) => event.resolve_all(ctx, declared).await,
            Self::MessageChanged(event) => event.resolve_all(ctx, declared).await,
            Self::ReplyDelta(event) => event.resolve_all(ctx, declared).await,
            Self::CommandReplied(event) => event.resolve_all(ctx, declared).await,
            Self::TypingChanged(event) => event.resolve_all(ctx, declared).await,
            Self::SessionChanged(event) => event.resolve_all(ctx, declared).await,
            Self::CaughtUp(event) => event.resolve_all(ctx, declared).await,
            Self::FeedEnded(event) => event.resolve_all(ctx, declared).await,
        }
    }
}

/// A message that you have not seen. Messages are added in the order of their `seq`. A chatbot's reply is
/// added, `PENDING`, with the message it answers.
#[derive(SimpleObject)]
pub struct MessageAdded {
    /// Where to continue from.
    cursor: String,
    /// The message, as it is now.
    message: InLine<Message>,
}

/// A message that you have seen has changed: finished, failed, cancelled, edited or deleted; or a reply is
/// written anew, and is `PENDING` without text.
#[derive(SimpleObject)]
pub struct MessageChanged {
    /// Where to continue from.
    cursor: String,
    /// The message, as it is now.
    message: InLine<Message>,
}

/// More text of a reply under way. Its text is what was shown up to `offset`, and then `text`: whatever you
/// held beyond `offset` is replaced. After coming back you get what has been written so far.
#[derive(SimpleObject)]
pub struct ReplyDelta {
    /// Which reply.
    message_id: ID,
    /// How many characters (Unicode scalar values, not UTF-16 units) of the reply come before `text`.
    offset: usize,
    /// The text.
    text: String,
}

/// A command was answered, or nobody could: it is `COMPLETE` or `FAILED`. It is no part of the history and has no
/// cursor: only those who are subscribed at that moment are told. A retry of the command may have it told again,
/// under the same id.
#[derive(SimpleObject)]
pub struct CommandReplied {
    /// The command with its answer.
    reply: CommandReply,
}

/// Another person types, or does no more: because they said so, have sent a message, have left, or said nothing
/// for five seconds. It is never stored: after coming back you are told who types then, so forget who did when
/// a connection breaks. Where a crowd types, 32 of them are told.
#[derive(SimpleObject)]
pub struct TypingChanged {
    /// Who.
    user: User,
    /// Whether they do.
    typing: bool,
}

/// The session itself has changed: its title, who is in it, who runs it, whether its chatbots are paused, or that
/// somebody has put it away. After coming back, several changes come as one.
#[derive(SimpleObject)]
pub struct SessionChanged {
    /// Where to continue from.
    cursor: String,
    /// The session, as it is now.
    session: Session,
}

/// The replay of what you missed is over; what follows is live. Comes once.
#[derive(SimpleObject)]
pub struct CaughtUp {
    /// Where to continue from.
    pub(super) cursor: String,
}

/// The last event before the subscription completes.
#[derive(SimpleObject)]
pub struct FeedEnded {
    /// Why.
    reason: FeedEndReason,
    /// Whether subscribing again `after` your last cursor helps, with a fresh token if yours has expired.
    retry: bool,
}

/// Why a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "watch::EndReason")]
pub enum FeedEndReason {
    /// You are not in the session any more: you left, or were removed. What was said since is not yours to see.
    Removed,
    /// The session was deleted with all that was said in it.
    SessionDeleted,
    /// Your login has ended. Sign in again.
    SignedOut,
    /// Your access token has expired. Refresh it and come back.
    TokenExpired,
    /// The cursor is none, forged, of another session or person, from before a restored backup, or ahead of the log. Read
    /// the session anew, or your list of sessions.
    CursorUnknown,
    /// This server process is ending. Come back: another goes on.
    ServerStopping,
}

impl FeedEnded {
    pub(super) fn new(reason: watch::EndReason) -> Self {
        Self {
            reason: reason.into(),
            retry: reason.retry(),
        }
    }
}

impl SessionEvent {
    /// What was seen in a session, as clients see it. Nothing for what is a sight of its own.
    pub(in crate::api) fn new(
        app: &App,
        epoch: Epoch,
        session: SessionId,
        sight: Sight,
    ) -> Option<Self> {
        let item = match sight {
            Sight::Item(seen) => seen.item,
            Sight::Typing { user, typing } => {
                return Some(Self::TypingChanged(TypingChanged {
                    user: User::new(user),
                    typing,
                }));
            }
            Sight::End(reason) => {
                return Some(Self::FeedEnded(FeedEnded::new(reason)));
            }
        };
        Some(match item {
            Item::Typing { .. } => return None,
            Item::Added(seen) => Self::MessageAdded(MessageAdded {
                cursor: app.seal_cursor(epoch, session, seen.place),
                message: InLine(Message::seen(seen)),
            }),
            Item::Changed(seen) => Self::MessageChanged(MessageChanged {
                cursor: app.seal_cursor(epoch, session, seen.place),
                message: InLine(Message::seen(seen)),
            }),
            Item::SessionChanged {
                place,
                session: row,
            } => Self::SessionChanged(SessionChanged {
                cursor: app.seal_cursor(epoch, session, place),
                session: Session::at(Arc::unwrap_or_clone(row), place),
            }),
            Item::Text { seq, offset, text } => Self::ReplyDelta(ReplyDelta {
                message_id: NodeId::Message(session, seq).encode().into(),
                offset,
                text: text.as_ref().to_owned(),
            }),
            Item::Command(reply) => Self::CommandReplied(CommandReplied {
                reply: CommandReply(Arc::unwrap_or_clone(reply)),
            }),
            Item::CaughtUp(rev) => Self::CaughtUp(CaughtUp {
                cursor: app.seal_cursor(epoch, session, rev),
            }),
        })
    }
}
