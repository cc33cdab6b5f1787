//! Chatbots of one's own.

use async_graphql::{Context, Object};

use crate::api::error::ApiResult;
use crate::api::types::{Chatbot, ChatbotInput, ContextExt};
use crate::domain::Handle;
use crate::services::chatbots;

#[derive(Default)]
pub(super) struct ChatbotMutations;

#[Object]
impl ChatbotMutations {
    /// Makes a chatbot of your own: you may have 50. `CONFLICT` if the handle is taken, `RATE_LIMITED` if too many
    /// are made and deleted.
    async fn create_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it should be.")] input: ChatbotInput,
    ) -> ApiResult<Chatbot> {
        let row = chatbots::create(ctx.app()?, ctx.viewer()?, input.into()).await?;
        Ok(Chatbot(row))
    }

    /// Changes a chatbot of your own; as an admin, one of the house. `NOT_FOUND` if there is none with this
    /// handle that you may talk to, `CONFLICT` if the new handle is taken.
    async fn update_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its handle as it is.")] handle: String,
        #[graphql(desc = "What should be different.")] input: ChatbotInput,
    ) -> ApiResult<Chatbot> {
        let handle = Handle::parse(&handle, "handle")?;
        let row = chatbots::update(ctx.app()?, ctx.viewer()?, &handle, input.into()).await?;
        Ok(Chatbot(row))
    }

    /// Deletes a chatbot of your own. Sessions keep what it said, with its name; its replies under way are
    /// cancelled, and it answers no more. `NOT_FOUND` if there is none with this handle, `RATE_LIMITED` if too many
    /// are made and deleted.
    async fn delete_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its handle.")] handle: String,
    ) -> ApiResult<bool> {
        let handle = Handle::parse(&handle, "handle")?;
        chatbots::delete(ctx.app()?, ctx.viewer()?, &handle).await?;
        Ok(true)
    }
}
