//! Accounts, logins, and what people take with them.

use async_graphql::{Context, ID, Object};

use crate::api::error::ApiResult;
use crate::api::ids;
use crate::api::types::{
    AuthPayload, ContextExt, Download, LoginInput, ProfileInput, RegisterInput, TranscriptFormat,
    User,
};
use crate::services::{accounts, downloads, logins};

#[derive(Default)]
pub(super) struct AccountMutations;

#[Object]
impl AccountMutations {
    /// Opens an account and signs its owner in. `CONFLICT` if the username or the address is taken,
    /// `RATE_LIMITED` if too many were opened from where you are.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who they are.")] input: RegisterInput,
    ) -> ApiResult<AuthPayload> {
        Ok(accounts::register(ctx.app()?, ctx.address()?, input.into())
            .await?
            .into())
    }

    /// Signs in. `UNAUTHENTICATED` for an unknown name and for a wrong password alike. `RATE_LIMITED` after
    /// too many tries, under one name or from one place: `retryAfter` says in how many seconds to try again.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name and password.")] input: LoginInput,
    ) -> ApiResult<AuthPayload> {
        let signed_in =
            logins::login(ctx.app()?, ctx.address()?, &input.username, input.password).await?;
        Ok(signed_in.into())
    }

    /// Exchanges a refresh token for the next pair of tokens.
    ///
    /// A token is good once. Sent again within ten seconds it gives the same successor, so that a lost
    /// answer signs nobody out; sent later it is in two hands, and its login ends. `UNAUTHENTICATED` then.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest refresh token of this login.")] refresh_token: String,
    ) -> ApiResult<AuthPayload> {
        Ok(logins::refresh(ctx.app()?, ctx.address()?, &refresh_token)
            .await?
            .into())
    }

    /// Signs out this device, or all of yours. Their tokens stop working and their subscriptions end. A guest's
    /// `visitorToken` brings nobody back then.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "All of your devices.", default_with = "Some(false)")] everywhere: Option<
            bool,
        >,
    ) -> ApiResult<bool> {
        logins::logout(ctx.app()?, ctx.viewer()?, everywhere.unwrap_or(false)).await?;
        Ok(true)
    }

    /// Gives you another password. All your devices are signed out, and this one gets new tokens: what it watches
    /// ends with `SIGNED_OUT`, to be watched again with them. `BAD_USER_INPUT` if the current password is wrong.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password you have.")] current: String,
        #[graphql(desc = "The password you want: 8 to 256 characters, not easy to guess.")]
        new: String,
    ) -> ApiResult<AuthPayload> {
        let changed = accounts::change_password(ctx.app()?, ctx.viewer()?, current, new).await?;
        Ok(changed.into())
    }

    /// Changes what others see of you, or your e-mail address. `CONFLICT` if the address is somebody else's.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What should be different.")] input: ProfileInput,
    ) -> ApiResult<User> {
        let user = accounts::update_profile(ctx.app()?, ctx.viewer()?, input.into()).await?;
        Ok(User::new(user))
    }

    /// Deletes your account with your chatbots and the sessions that nobody else is in. There is no way back.
    /// `BAD_USER_INPUT` if the password is wrong.
    ///
    /// Sessions with others go on without you, under whoever has been in them the longest if you ran them. What you
    /// said there stays, by `deleted-account`: delete it first if it should not.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Your password.")] password: String,
    ) -> ApiResult<bool> {
        accounts::delete(ctx.app()?, ctx.viewer()?, password).await?;
        Ok(true)
    }

    /// A link to everything that is yours, as JSON Lines: an object a line, whose `type` is `profile`, `login`,
    /// `chatbot`, `session`, `membership` or `message`. Of a `PRIVATE` session that only you are in, that is all that
    /// was said; of any other, what you said, also where you have left or were removed.
    async fn export_my_data(&self, ctx: &Context<'_>) -> ApiResult<Download> {
        Ok(downloads::link_to_my_data(ctx.app()?, ctx.viewer()?)?.into())
    }

    /// A link to all that was said in a session of yours, from its first message on.
    async fn export_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] id: ID,
        #[graphql(desc = "How it is written.")] format: TranscriptFormat,
    ) -> ApiResult<Download> {
        let session = ids::session(&id, "id")?;
        let format = format.into();
        let link =
            downloads::link_to_transcript(ctx.app()?, ctx.viewer()?, session, format).await?;
        Ok(link.into())
    }
}
