//! Visits: begun and gone on with.

use async_graphql::{Context, Object};

use crate::api::error::ApiResult;
use crate::api::types::{ContextExt, StartVisitInput, VisitPayload};
use crate::services::visits;

#[derive(Default)]
pub(super) struct VisitMutations;

#[Object]
impl VisitMutations {
    /// Comes to see somebody without an account: begins a session with them, or goes on with the one that the
    /// `visitorToken` is of. Needs no login; a token that is sent along does not matter.
    ///
    /// You are a guest. In this session you can do what its members can: read, search, watch, send, also commands, and
    /// edit and delete what is yours, have replies cancelled and written anew, take a copy of it, leave it, sign out.
    /// What takes an account is `FORBIDDEN`. Who owns it is told at once, and can take over (`chatbotsPaused`); until then their chatbot answers:
    /// the first they made of those they have, or that of the house.
    ///
    /// A guest who has not come for 30 days is erased, or as the operator has it; where nothing was ever said, after a
    /// day, with the session. `leaveSession` erases you at once. What you said stays with the owner, by `deleted-account`.
    ///
    /// Asked again with the same token, it gives the same session. `NOT_FOUND` if there is nobody of this name to be
    /// visited, `RATE_LIMITED` if too many visits begin from where you are, or with this owner.
    async fn start_visit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom you come to see.")] input: StartVisitInput,
    ) -> ApiResult<VisitPayload> {
        let visit = visits::start(ctx.app()?, ctx.address()?, input.into()).await?;
        Ok(visit.into())
    }
}
