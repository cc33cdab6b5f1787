//! Messages and who writes them.

use std::sync::Arc;

use async_graphql::{Context, ContextSelectionSet, Enum, ID, Object, Union, Value};
use chrono::{DateTime, Utc};

use super::{Chatbot, ContextExt, Session, User, present};
use crate::api::error::ApiResult;
use crate::api::in_line::{Fields, InLine};
use crate::db::messages;
use crate::domain::{self, NodeId, Rev, UserId, Viewer};
use crate::feed::Sighting;

/// How far a message has come.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MessageStatus")]
pub enum MessageStatus {
    /// A reply of which nothing was written yet.
    Pending,
    /// A reply being written: follow `ReplyDelta` for its text.
    Streaming,
    /// All there.
    Complete,
    /// A reply that a person stopped; what was written so far is kept.
    Cancelled,
    /// A reply that a fault ended; what was written so far is kept, `failure` tells why.
    Failed,
    /// Taken back: the place is kept, the content is gone.
    Deleted,
}

/// Who wrote a message.
#[derive(Union)]
pub enum Author {
    /// A person.
    User(User),
    /// A chatbot.
    Chatbot(Chatbot),
}

impl Fields for Author {
    async fn resolve_all(&self, ctx: &ContextSelectionSet<'_>, declared: &str) -> Option<Value> {
        match self {
            // In boxes, as all here that may be large: a message is resolved in as much room as its largest field
            // takes, and that is moved about with each.
            Self::User(user) => Box::pin(user.resolve_all(ctx, declared)).await,
            Self::Chatbot(chatbot) => Box::pin(chatbot.resolve_all(ctx, declared)).await,
        }
    }
}

/// A message as the client is told of it.
pub struct Message {
    row: Arc<messages::Message>,
    position: Rev,
    /// Who sees it, if they had no token yet when they asked.
    seen_by: Option<Viewer>,
}

impl Message {
    /// A message whose cursor is its last change.
    pub(in crate::api) fn new(row: messages::Message) -> Self {
        Self {
            position: row.rev,
            row: Arc::new(row),
            seen_by: None,
        }
    }

    /// The same, to be resolved in line.
    pub(in crate::api) fn in_line(row: messages::Message) -> InLine<Self> {
        InLine(Self::new(row))
    }

    /// A message as a subscription gives it: its cursor is where it was seen. Its last change may lie
    /// behind messages that are yet to come.
    pub(in crate::api) fn seen(seen: Sighting) -> Self {
        Self {
            row: seen.message,
            position: seen.place,
            seen_by: None,
        }
    }

    /// The same as somebody sees it who had no token yet when they asked.
    pub(in crate::api) fn seen_by(self, seen_by: Option<Viewer>) -> Self {
        Self { seen_by, ..self }
    }
}

impl Fields for Message {
    const WAITING: &'static [&'static str] = &["session", "author", "inReplyTo"];
}

/// Something said in a session.
#[Object]
impl Message {
    /// Opaque, globally unique, never changes.
    pub async fn id(&self) -> ID {
        NodeId::Message(self.row.session_id, self.row.seq)
            .encode()
            .into()
    }

    /// Where it was said.
    async fn session(&self, ctx: &Context<'_>) -> ApiResult<Session> {
        let session = Box::pin(ctx.rows()?.load_one(self.row.session_id)).await?;
        // The session may have gone on since the message was read: whoever watches it from the cursor given
        // here must be told of that.
        let session = Session::at(present(session, "session")?, self.position);
        Ok(session.seen_by(self.seen_by.clone()))
    }

    /// Its place in the session's history: 1, 2, 3, ... without holes. It never changes.
    async fn seq(&self) -> i32 {
        self.row.seq.0
    }

    /// Its last change; in a subscription, the change that it came with. A subscription `after` it continues
    /// from there.
    async fn cursor(&self, ctx: &Context<'_>) -> ApiResult<String> {
        let epoch = ctx.epoch()?;
        Ok(ctx
            .app()?
            .seal_cursor(epoch, self.row.session_id, self.position))
    }

    /// Who wrote it. When an account is deleted, what its owner has said to others is by `deleted-account` from
    /// then on, without a change of the message.
    async fn author(&self, ctx: &Context<'_>) -> ApiResult<InLine<Author>> {
        let author = match self.row.author() {
            Some(domain::Author::User(id)) => {
                let rows = ctx.rows()?;
                let row = match Box::pin(rows.load_one(id)).await? {
                    // Their account was deleted since the message was read.
                    None => Box::pin(rows.load_one(UserId::DELETED)).await?,
                    row => row,
                };
                row.map(|row| Author::User(User::new(row)))
            }
            Some(domain::Author::Chatbot(id)) => {
                let row = Box::pin(ctx.rows()?.load_one(id)).await?;
                row.map(|row| Author::Chatbot(Chatbot(row)))
            }
            None => None,
        };
        present(author.map(InLine), "author")
    }

    /// What it says: up to 32,768 bytes of UTF-8 from a person. Of a reply under way, what was kept so
    /// far: it may lag behind what `ReplyDelta` has shown, by a second or an eighth of the text.
    async fn content(&self) -> &str {
        &self.row.content
    }

    /// How far it has come.
    async fn status(&self) -> MessageStatus {
        self.row.status.into()
    }

    /// `FAILED` only: why, in words for a person.
    async fn failure(&self) -> Option<&str> {
        self.row.failure.as_deref()
    }

    /// The message that a reply answers.
    async fn in_reply_to(&self, ctx: &Context<'_>) -> ApiResult<Option<Message>> {
        let Some(seq) = self.row.in_reply_to else {
            return Ok(None);
        };
        let place = (self.row.session_id, seq);
        let message = |row| Message::new(row).seen_by(self.seen_by.clone());
        Ok(Box::pin(ctx.rows()?.load_one(place)).await?.map(message))
    }

    /// The idempotency key that its sender gave. Null for anyone else.
    async fn client_key(&self, ctx: &Context<'_>) -> ApiResult<Option<&str>> {
        let viewer = self
            .seen_by
            .as_ref()
            .map_or_else(|| ctx.viewer(), Ok)?
            .user();
        let is_sender = viewer.is_some() && viewer == self.row.user_id;
        Ok(self.row.client_key.as_deref().filter(|_| is_sender))
    }

    /// When it was sent; of a reply, when it was owed.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When its author last changed it. Null if never.
    async fn edited_at(&self) -> Option<DateTime<Utc>> {
        self.row.edited_at
    }
}
