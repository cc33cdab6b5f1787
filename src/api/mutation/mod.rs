//! Writing, a file for each story.

mod accounts;
mod chatbots;
mod members;
mod messages;
mod replies;
mod sessions;
mod visits;

use async_graphql::MergedObject;

/// Writing. What a mutation returns is stored.
#[derive(Default, MergedObject)]
pub struct Mutation(
    accounts::AccountMutations,
    chatbots::ChatbotMutations,
    sessions::SessionMutations,
    members::MemberMutations,
    messages::MessageMutations,
    replies::ReplyMutations,
    visits::VisitMutations,
);
