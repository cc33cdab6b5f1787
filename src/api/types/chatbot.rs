//! Chatbots.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::{ContextExt, User};
use crate::api::error::ApiResult;
use crate::db::chatbots;
use crate::domain::{self, NodeId};

/// What writes a chatbot's replies.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ChatbotEngine")]
pub enum ChatbotEngine {
    /// Rules: small talk and `/help`. Needs no model and no key.
    Builtin,
    /// A language model, on the server that this place's operator has set up.
    #[graphql(name = "OPENAI")]
    OpenAi,
}

/// A row of `chatbots`.
pub struct Chatbot(pub(in crate::api) chatbots::Chatbot);

/// An author that answers.
#[Object]
impl Chatbot {
    /// Opaque, globally unique, never changes.
    pub async fn id(&self) -> ID {
        NodeId::Chatbot(self.0.id).encode().into()
    }

    /// Its unique name, as in `@parlor`; compared without regard to case.
    async fn handle(&self) -> &str {
        &self.0.handle
    }

    /// What to show it as.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What a client may show before the first message. It is not part of any history. Empty for none.
    async fn greeting(&self) -> &str {
        &self.0.greeting
    }

    /// What writes its replies.
    async fn engine(&self) -> ChatbotEngine {
        self.0.engine.into()
    }

    /// Who made it. Null for a chatbot of the house.
    async fn owner(&self, ctx: &Context<'_>) -> ApiResult<Option<User>> {
        match self.0.owner_id {
            Some(id) => Ok(ctx.rows()?.load_one(id).await?.map(User::new)),
            None => Ok(None),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
