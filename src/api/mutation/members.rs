//! Who is in a session, and how far they have read.

use async_graphql::{Context, ID, Object};

use crate::api::error::ApiResult;
use crate::api::ids;
use crate::api::types::{ContextExt, Session};
use crate::domain::{Seq, Username};
use crate::services::{members, reading, typing};

#[derive(Default)]
pub(super) struct MemberMutations;

#[Object]
impl MemberMutations {
    /// Joins a room. You may read all that was said there, and it counts as read. A session that you are in is
    /// given as it is.
    ///
    /// `NOT_FOUND` if there is no such room, or you were removed from it; `CONFLICT` if 1,000 people are in it. It
    /// counts as a send: `RATE_LIMITED` if you do either too often.
    async fn join_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which room.")] id: ID,
    ) -> ApiResult<Session> {
        let id = ids::session(&id, "id")?;
        let row = members::join(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(Session::new(row))
    }

    /// Leaves a session. What you said stays. If you run it, whoever has been in it the longest runs it from then
    /// on; if nobody else with an account is in it, it is erased. `NOT_FOUND` if there is no such session or you are not
    /// in it.
    ///
    /// As a guest you are erased with it, name, tokens and all, and what you said is by `deleted-account` from then on; if
    /// nothing was said, the session is erased.
    async fn leave_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
    ) -> ApiResult<bool> {
        let id = ids::session(&id, "id")?;
        members::leave(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(true)
    }

    /// Adds somebody to a session of yours, also if they were removed before. They may read all that was said
    /// there. Who is in it stays as they are.
    ///
    /// `NOT_FOUND` if there is no such session or you are not in it, or no such person; `FORBIDDEN` if you are not
    /// its owner; `CONFLICT` if 1,000 people are in it. It counts as a send: `RATE_LIMITED` if you do either too
    /// often.
    async fn add_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Who: without regard to case.")] username: String,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let username = Username::parse(&username, "username")?;
        let row = members::add(ctx.app()?, ctx.viewer()?, id, &username).await?;
        Ok(Session::new(row))
    }

    /// Removes somebody from a session of yours. What they said stays; their subscriptions end with `REMOVED`, and
    /// the session does not exist for them until its owner adds them again. A guest is erased.
    ///
    /// `NOT_FOUND` if there is no such session or you are not in it, or no such member; `FORBIDDEN` if you are not
    /// its owner.
    async fn remove_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Who: without regard to case.")] username: String,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let username = Username::parse(&username, "username")?;
        let row = members::remove(ctx.app()?, ctx.viewer()?, id, &username).await?;
        Ok(Session::new(row))
    }

    /// Notes how far you have read, for `unreadCount` and for others' `readUpTo`. It never falls: an earlier
    /// place changes nothing. Sending reads what stands before. Nobody else is told of it; your own other
    /// devices hear of it by `inbox`.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(
            desc = "The `seq` of the newest message that was read: 0 to that of the session's last message."
        )]
        up_to: i32,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let row = reading::mark_read(ctx.app()?, ctx.viewer()?, id, Seq(up_to)).await?;
        Ok(Session::new(row))
    }

    /// Tells the others who watch a session that you type there, or have stopped; `true` when it is told. It is
    /// never stored, and ends by itself after five seconds, when you send a message, or when a subscription of
    /// yours to the session ends: say it again every three seconds while you type.
    ///
    /// `RATE_LIMITED` more than once a second in a session. `NOT_FOUND` if there is no such session.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Whether you do.")] typing: bool,
    ) -> ApiResult<bool> {
        let id = ids::session(&session_id, "sessionId")?;
        typing::set(ctx.app()?, ctx.address()?, ctx.viewer()?, id, typing).await?;
        Ok(true)
    }
}
