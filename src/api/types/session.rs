//! Sessions and who is in them.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::{Chatbot, Connection, ContextExt, Message, User, present};
use crate::api::cursors::{PageArgs, connection};
use crate::api::error::ApiResult;
use crate::api::in_line::InLine;
use crate::api::loaders::{ChatbotsOf, MembersOf, SeatOf};
use crate::db::members::OwnSeat;
use crate::db::{members, sessions};
use crate::domain::{self, Defaults, NodeId, Rev, Seq, UserId, Viewer};
use crate::error::{AppError, AppResult};
use crate::services::history;
use crate::services::members::MAX_MEMBERS;

/// Who a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::SessionKind")]
pub enum SessionKind {
    /// A person and chatbots, and whom they have added.
    Private,
    /// Open to join. Its chatbots answer when they are mentioned.
    Room,
    /// A guest, whom they came to see, and whom that person has added. A chatbot answers the guest, and nobody else.
    Visit,
}

/// A session as the client is told of it.
pub struct Session {
    row: sessions::Session,
    position: Rev,
    /// Who sees it, if they had no token yet when they asked.
    seen_by: Option<Viewer>,
}

impl Session {
    /// A session whose cursor is its newest change.
    pub(in crate::api) fn new(row: sessions::Session) -> Self {
        let position = row.rev;
        Self::at(row, position)
    }

    /// A session whose cursor is an earlier change: the newest that the client is sure to be told of.
    pub(in crate::api) fn at(row: sessions::Session, position: Rev) -> Self {
        Self {
            row,
            position,
            seen_by: None,
        }
    }

    /// The same as somebody sees it who had no token yet when they asked.
    pub(in crate::api) fn seen_by(self, viewer: impl Into<Option<Viewer>>) -> Self {
        Self {
            seen_by: viewer.into(),
            ..self
        }
    }

    fn viewer<'a>(&'a self, ctx: &'a Context<'_>) -> ApiResult<&'a Viewer> {
        self.seen_by.as_ref().map_or_else(|| ctx.viewer(), Ok)
    }

    async fn seat(&self, ctx: &Context<'_>) -> ApiResult<Option<OwnSeat>> {
        match self.viewer(ctx)?.user() {
            Some(user) => Ok(ctx.rows()?.load_one(SeatOf(user, self.row.id)).await?),
            None => Ok(None),
        }
    }
}

/// A conversation. Of a room that you are not in you see who is in it, and nothing of what is said there.
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
        let rows = ctx.rows()?;
        let owner = match rows.load_one(self.row.owner_id).await? {
            // Their account was deleted a moment ago, and the session handed over since.
            None => rows.load_one(UserId::DELETED).await?,
            owner => owner,
        };
        Ok(User::new(present(owner, "person")?))
    }

    /// Who is in it, the longest first: all of them, or the first so many. A document is priced as if there
    /// were as many as it asks for, and 10 if it does not say. In a list of sessions say how many you show: those
    /// of all of them together are 20,000 at most, `BAD_USER_INPUT` beyond.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "This many at most: 0 to 1,000. All of them if left out.")] first: Option<
            i32,
        >,
    ) -> ApiResult<Vec<Member>> {
        let first = members_asked_for(first)?;
        let members = ctx.rows()?.load_one(MembersOf(self.row.id, first)).await?;
        let (said, owner) = (self.row.last_seq, self.row.owner_id);
        Ok(members
            .unwrap_or_default()
            .into_iter()
            .map(|row| Member { row, said, owner })
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

    /// Its history, in order. Without `first` and `last`: the 50 newest. Empty for a room that you are not in.
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
    ) -> ApiResult<Connection<InLine<Message>>> {
        let app = ctx.app()?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let request = args.parse_in(app.sealer(), self.row.id, Defaults::Last(50))?;
        let viewer = self.viewer(ctx)?;
        let page = Box::pin(history::page_of_known(app, viewer, self.row.id, &request)).await?;
        let message = |row| InLine(Message::new(row).seen_by(self.seen_by.clone()));
        Ok(connection(page, |row| row.place(), message))
    }

    /// The newest message, also a reply that is not written yet: its `status` tells. Null before the first, and for a
    /// room that you are not in.
    async fn last_message(&self, ctx: &Context<'_>) -> ApiResult<Option<InLine<Message>>> {
        if self.row.last_seq == Seq(0) {
            return Ok(None);
        }
        let place = (self.row.id, self.row.last_seq);
        let last = ctx.rows()?.load_one(place).await?;
        // After the message, so that what was read may be shown.
        let seat = self.seat(ctx).await?;
        let message = |row| InLine(Message::new(row).seen_by(self.seen_by.clone()));
        Ok(last.filter(|_| seat.is_some()).map(message))
    }

    /// How many messages you have not read. Your own count as read, and so does what was said before you came; a reply
    /// counts from when it is owed.
    async fn unread_count(&self, ctx: &Context<'_>) -> ApiResult<i32> {
        let seat = self.seat(ctx).await?;
        Ok(seat.map_or(0, |seat| (self.row.last_seq.0 - seat.read_up_to.0).max(0)))
    }

    /// Whether you have put it away. Each member decides that for themselves.
    async fn archived(&self, ctx: &Context<'_>) -> ApiResult<bool> {
        let seat = self.seat(ctx).await?;
        Ok(seat.is_some_and(|seat| seat.archived))
    }

    /// When it was started.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it last changed; orders the lists of sessions and rooms. That somebody has put it away does not count.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// The newest change when this was read. Subscribe `after` it to miss nothing of what this same object
    /// shows: take its `messages` with it, not the `history` beside it. Through a message or a send, it is
    /// the place of that message. Of a room that you are not in it is the beginning: you can't subscribe yet.
    async fn cursor(&self, ctx: &Context<'_>) -> ApiResult<String> {
        let epoch = ctx.epoch()?;
        Ok(ctx.app()?.seal_cursor(epoch, self.row.id, self.position))
    }
}

fn members_asked_for(first: Option<i32>) -> AppResult<i64> {
    let first = first.map_or(MAX_MEMBERS, i64::from);
    match (0..=MAX_MEMBERS).contains(&first) {
        true => Ok(first),
        false => {
            let rule = format!("Ask for 0 to {MAX_MEMBERS} people.");
            Err(AppError::bad_input("first", rule))
        }
    }
}

/// A seat, and who owns the session.
pub struct Member {
    row: members::Member,
    /// The last message of the session as the viewer knows it: none where they are not in it.
    said: Seq,
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

    /// The `seq` of the newest message they have read; 0 for none, and in a room that you are not in.
    async fn read_up_to(&self) -> i32 {
        self.row.read_up_to.min(self.said).0
    }

    /// Since when they are in it.
    async fn joined_at(&self) -> DateTime<Utc> {
        self.row.joined_at
    }
}
