//! Sessions: begun, changed, deleted.

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::error::ApiResult;
use crate::api::ids;
use crate::api::types::{ContextExt, Session, SessionKind};
use crate::services::sessions::{self, Change, SessionPlan};

#[derive(Default)]
pub(super) struct SessionMutations;

#[Object]
impl SessionMutations {
    /// Starts a session of yours. `RATE_LIMITED` if you add people too often: each counts as a send.
    async fn start_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it should be.")] input: StartSessionInput,
    ) -> ApiResult<Session> {
        let plan = SessionPlan {
            kind: input.kind.unwrap_or(SessionKind::Private).into(),
            title: input.title,
            chatbots: input.chatbots,
            usernames: input.usernames.unwrap_or_default(),
        };
        let row = sessions::start(ctx.app()?, ctx.viewer()?, plan).await?;
        Ok(Session::new(row))
    }

    /// Changes a session of yours. What is left out stays as it is. Its title and whether its chatbots are paused
    /// are its owner's to change; to put it away is each member's own.
    ///
    /// Pausing its chatbots cancels their replies under way, at once: behind it, none of them says anything.
    /// `NOT_FOUND` if there is no such session or you are not in it, `FORBIDDEN` if you are not its owner.
    async fn update_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
        #[graphql(desc = "What should be different.")] input: SessionInput,
    ) -> ApiResult<Session> {
        let id = ids::session(&id, "id")?;
        let change = Change {
            title: input.title,
            archived: input.archived,
            chatbots_paused: input.chatbots_paused,
        };
        let row = sessions::update(ctx.app()?, ctx.viewer()?, id, change).await?;
        Ok(Session::new(row))
    }

    /// Erases a session of yours with all that was said in it. There is no way back. Whoever watches it is told
    /// `SESSION_DELETED`. `NOT_FOUND` if there is no such session or you are not in it, `FORBIDDEN` if you are not
    /// its owner.
    async fn delete_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
    ) -> ApiResult<bool> {
        let id = ids::session(&id, "id")?;
        sessions::delete(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(true)
    }
}

/// A session to be started.
#[derive(InputObject)]
struct StartSessionInput {
    /// Who it is for. A `VISIT` is begun by a visitor, with `startVisit`.
    #[graphql(default_with = "Some(SessionKind::Private)")]
    kind: Option<SessionKind>,
    /// What it is called: up to 200 characters on one line. A room needs one.
    title: Option<String>,
    /// The handles of up to 8 chatbots, the one that answers by default first. Left out: the chatbot of the
    /// house, in a room none. An empty list: none.
    chatbots: Option<Vec<String>>,
    /// The usernames of up to 50 others who are in it from the start.
    usernames: Option<Vec<String>>,
}

/// What should be different about a session.
#[derive(InputObject)]
struct SessionInput {
    /// What it is called: up to 200 characters on one line. Empty for none.
    title: Option<String>,
    /// Whether you have put it away: `sessions` lists it only if asked for those. Of the others each decides that
    /// for themselves, but for a visitor: it takes an account.
    archived: Option<bool>,
    /// Whether a person has taken over, so that chatbots keep silent.
    chatbots_paused: Option<bool>,
}
