//! Commands, and the answers to them.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::message::MessageStatus;
use super::{Chatbot, ContextExt, present};
use crate::api::error::ApiResult;
use crate::{commands, domain};

/// A command that is there to be given: what is typed as a message and begins with `/`.
#[derive(SimpleObject)]
pub struct CommandInfo {
    /// What follows the `/`.
    name: &'static str,
    /// How it is typed, by example. `=` and a space behind the name mean the same.
    usage: &'static str,
    /// What it does, in a sentence.
    description: &'static str,
}

impl CommandInfo {
    /// All there are.
    pub(in crate::api) fn all() -> Vec<Self> {
        let info = |command: &commands::Command| Self {
            name: command.name,
            usage: command.usage,
            description: command.description,
        };
        commands::ALL.iter().map(info).collect()
    }
}

/// A command that was given.
pub struct CommandReply(pub(in crate::api) domain::CommandReply);

/// A slash command's answer. It is never stored, and neither is the command: it lives in `sendMessage`'s payload
/// and in `CommandReplied`.
#[Object]
impl CommandReply {
    /// Opaque, globally unique. The same command sent again under the same `clientKey` has the same. `node` finds
    /// nothing under it.
    async fn id(&self) -> ID {
        domain::NodeId::Command(self.0.id).encode().into()
    }

    /// The command's name, in small letters: `stock`.
    async fn command(&self) -> &str {
        &self.0.command
    }

    /// What was typed behind the name: `AAPL.US`. Empty if nothing was.
    async fn argument(&self) -> &str {
        &self.0.argument
    }

    /// Who answers: the session's first chatbot, or that of the house if it has none.
    async fn chatbot(&self, ctx: &Context<'_>) -> ApiResult<Chatbot> {
        let chatbot = ctx.rows()?.load_one(self.0.chatbot).await?;
        Ok(Chatbot(present(chatbot, "chatbot")?))
    }

    /// `PENDING` until it is answered, then `COMPLETE` or `FAILED`.
    async fn status(&self) -> MessageStatus {
        self.0.status.into()
    }

    /// The answer. Empty unless `COMPLETE`.
    async fn content(&self) -> &str {
        &self.0.content
    }

    /// `FAILED` only: why, in words for a person.
    async fn failure(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }
}
