//! Writing, a file for each story.

mod accounts;
mod chatbots;
mod members;
mod messages;
mod replies;
mod sessions;

use async_graphql::MergedObject;

/// Writing. What a mutation returns is stored.
#[derive(MergedObject)]
pub struct Mutation(
    accounts::AccountMutations,
    chatbots::ChatbotMutations,
    sessions::SessionMutations,
    members::MemberMutations,
    messages::MessageMutations,
    replies::ReplyMutations,
);

impl Mutation {
    /// All of it.
    pub(super) fn new() -> Self {
        Self(
            accounts::AccountMutations,
            chatbots::ChatbotMutations,
            sessions::SessionMutations,
            members::MemberMutations,
            messages::MessageMutations,
            replies::ReplyMutations,
        )
    }
}
