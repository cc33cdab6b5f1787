//! Replies: ended early, written anew.

use async_graphql::{Context, ID, Object};

use crate::api::error::ApiResult;
use crate::api::ids;
use crate::api::types::{ContextExt, Message};
use crate::services::under_way;

#[derive(Default)]
pub(super) struct ReplyMutations;

#[Object]
impl ReplyMutations {
    /// Ends a reply under way, with the text so far: `CANCELLED`. One that has ended already is given as it
    /// is. `NOT_FOUND` if there is no such message.
    async fn cancel_reply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which reply.")] id: ID,
    ) -> ApiResult<Message> {
        let (session, seq) = ids::message(&id, "id")?;
        let row = under_way::cancel(ctx.app()?, ctx.viewer()?, session, seq).await?;
        Ok(Message::new(row))
    }

    /// Has the last reply of a session written anew. It keeps its place and its id, its text is gone, and it
    /// is `PENDING` again.
    ///
    /// `CONFLICT` while a reply of the session is under way, if there is a later reply, or if the chatbot is
    /// paused or deleted. `NOT_FOUND` if there is no such message. It counts as a send: `RATE_LIMITED` if you do
    /// either too often.
    ///
    /// To ask safely over a bad line, give a `clientKey` and ask again until you have an answer.
    async fn regenerate_reply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which reply.")] id: ID,
        #[graphql(
            desc = "Your own name for this request: 1 to 128 characters. The same key again gives the reply as it is and \
                    writes nothing; for another reply of the session it is a `CONFLICT`. It never expires."
        )]
        client_key: Option<String>,
    ) -> ApiResult<Message> {
        let place = ids::message(&id, "id")?;
        let (app, from) = (ctx.app()?, ctx.address()?);
        let row = under_way::regenerate(app, from, ctx.viewer()?, place, client_key).await?;
        Ok(Message::new(row))
    }
}
