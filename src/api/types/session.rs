//! Sessions and who is in them.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::{Chatbot, Connection, ContextExt, Message, User, present};
use crate::api::cursors::{PageArgs, connection};
use crate::api::error::ApiResult;
use crate::api::loaders::{ChatbotsOf, MembersOf, ReadUpTo};
use crate::db::{members, sessions};
use crate::domain::{self, Defaults, NodeId, Rev, Seq, UserId};
use crate::services::history;

/// Who a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::SessionKind")]
pub enum SessionKind {
    /// A person and chatbots.
    Private,
}

/// A session as the client is told of it.
pub struct Session {
    row: sessions::Session,
    position: Rev,
}

impl Session {
    /// A session whose cursor is its newest change.
    pub(in crate::api) fn new(row: sessions::Session) -> Self {
        let position = row.rev;
        Self { row, position }
    }

    /// A session whose cursor is an earlier change: the newest that the client is sure to be told of.
    pub(in crate::api) fn at(row: sessions::Session, position: Rev) -> Self {
        Self { row, position }
    }
}

/// A conversation.
#[Object]
impl Session {
    /// Opaque, globally unique, never changes.
    pub async fn id(&self) -> ID {
        NodeId::Session(self.row.id).encode().into()
    }

    /// Who it is for.
    async fn kind(&self) -> SessionKind {
        self.row.kind.into()
    }

    /// What it is called: up to 200 characters. Empty for none.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// Who runs it.
    async fn owner(&self, ctx: &Context<'_>) -> ApiResult<User> {
        let owner = ctx.rows()?.load_one(self.row.owner_id).await?;
        Ok(User::new(present(owner, "person")?))
    }

    /// Who is in it, the longest first.
    async fn members(&self, ctx: &Context<'_>) -> ApiResult<Vec<Member>> {
        let members = ctx.rows()?.load_one(MembersOf(self.row.id)).await?;
        let owner = self.row.owner_id;
        Ok(members
            .unwrap_or_default()
            .into_iter()
            .map(|row| Member { row, owner })
            .collect())
    }

    /// Which chatbots are in it, the one that answers by default first.
    async fn chatbots(&self, ctx: &Context<'_>) -> ApiResult<Vec<Chatbot>> {
        let chatbots = ctx.rows()?.load_one(ChatbotsOf(self.row.id)).await?;
        Ok(chatbots
            .unwrap_or_default()
            .into_iter()
            .map(Chatbot)
            .collect())
    }

    /// Whether a person has taken over, so that chatbots keep silent.
    async fn chatbots_paused(&self) -> bool {
        self.row.chatbots_paused
    }

    /// Its history, in order. Without `first` and `last`: the 50 newest.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "This many from the beginning, or from `after` on: 0 to 200. Not together with `last`."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this edge's cursor.")] after: Option<String>,
        #[graphql(
            desc = "This many at the end, or before `before`: 0 to 200. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this edge's cursor.")] before: Option<String>,
    ) -> ApiResult<Connection<Message>> {
        let app = ctx.app()?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let request = args.parse_in(app.sealer(), self.row.id, Defaults::Last(50))?;
        let page = history::page(app, ctx.viewer()?, self.row.id, &request).await?;
        Ok(connection(
            app.sealer(),
            page,
            |row| row.place(),
            Message::new,
        ))
    }

    /// The newest message. Null before the first.
    async fn last_message(&self, ctx: &Context<'_>) -> ApiResult<Option<Message>> {
        if self.row.last_seq == Seq(0) {
            return Ok(None);
        }
        let place = (self.row.id, self.row.last_seq);
        Ok(ctx.rows()?.load_one(place).await?.map(Message::new))
    }

    /// How many messages you have not read. Your own count as read.
    async fn unread_count(&self, ctx: &Context<'_>) -> ApiResult<i32> {
        let Some(user) = ctx.viewer()?.user() else {
            return Ok(0);
        };
        let read = ctx.rows()?.load_one(ReadUpTo(user, self.row.id)).await?;
        let read = read.map_or(0, |Seq(read)| read);
        Ok((self.row.last_seq.0 - read).max(0))
    }

    /// Whether it was put away.
    async fn archived(&self) -> bool {
        self.row.archived
    }

    /// When it was started.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it last changed; orders the list of sessions.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// The newest change when this was read. Subscribe `after` it to miss nothing of what this same object
    /// shows: take its `messages` with it, not the `history` beside it. Through a message or a send, it is
    /// the place of that message.
    async fn cursor(&self, ctx: &Context<'_>) -> ApiResult<String> {
        let epoch = ctx.epoch()?;
        Ok(ctx.app()?.seal_cursor(epoch, self.row.id, self.position))
    }
}

/// A seat, and who owns the session.
pub struct Member {
    row: members::Member,
    owner: UserId,
}

/// A person in a session.
#[Object]
impl Member {
    /// Who.
    async fn user(&self) -> User {
        User::new(self.row.user.clone())
    }

    /// Whether they run the session.
    async fn is_owner(&self) -> bool {
        self.row.user.id == self.owner
    }

    /// The `seq` of the newest message they have read; 0 for none.
    async fn read_up_to(&self) -> i32 {
        self.row.read_up_to.0
    }

    /// Since when they are in it.
    async fn joined_at(&self) -> DateTime<Utc> {
        self.row.joined_at
    }
}
