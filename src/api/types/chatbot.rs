//! Chatbots.

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object};
use chrono::{DateTime, Utc};

use super::{ContextExt, User};
use crate::api::error::ApiResult;
use crate::api::in_line::Fields;
use crate::db::chatbots;
use crate::domain::{self, NodeId};
use crate::services::chatbots::Wishes;

/// What writes a chatbot's replies.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ChatbotEngine")]
pub enum ChatbotEngine {
    /// Rules: small talk. Needs no model and no key.
    Builtin,
    /// A language model, on the server that this place's operator has set up.
    #[graphql(name = "OPENAI")]
    OpenAi,
}

/// What becomes of a message that comes while the chatbot is replying in the same session.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::WhileReplying")]
pub enum WhileReplying {
    /// It is answered after that reply. Those that come while an answer waits are answered together with it.
    Queue,
    /// The reply under way is cancelled, its text so far is kept, and the message is answered at once.
    Interrupt,
    /// It is refused with `CONFLICT`, and nothing is stored.
    Reject,
}

/// A row of `chatbots`.
pub struct Chatbot(pub(in crate::api) chatbots::Chatbot);

impl Fields for Chatbot {}

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

    /// `OPENAI` only: the model that writes its replies.
    async fn model(&self, ctx: &Context<'_>) -> ApiResult<Option<String>> {
        if self.0.engine != domain::ChatbotEngine::OpenAi {
            return Ok(None);
        }
        let server = ctx.app()?.config().openai.as_ref();
        let default = || server.and_then(|server| server.model(None));
        let model = self.0.model.as_deref().or_else(default);
        Ok(model.map(str::to_owned))
    }

    /// `OPENAI` only: how freely the model chooses its words, 0 to 2. Null for as freely as it does by itself.
    async fn temperature(&self) -> Option<f64> {
        self.0.temperature
    }

    /// The system prompt: what it is told to be. Null unless you own the chatbot or are an admin.
    async fn persona(&self, ctx: &Context<'_>) -> ApiResult<Option<&str>> {
        let viewer = ctx.viewer()?;
        let is_owner = viewer.user().is_some() && viewer.user() == self.0.owner_id;
        let may_see = is_owner || viewer.is_admin();
        Ok(self.0.persona.as_deref().filter(|_| may_see))
    }

    /// What becomes of a message that comes while it is replying.
    async fn while_replying(&self) -> WhileReplying {
        self.0.while_replying.into()
    }

    /// Who made it. Null for a chatbot of the house.
    async fn owner(&self, ctx: &Context<'_>) -> ApiResult<Option<User>> {
        match self.0.owner_id {
            Some(id) => Ok(Box::pin(ctx.rows()?.load_one(id)).await?.map(User::new)),
            None => Ok(None),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// What a chatbot should be. What is left out stays as it is; of a new chatbot, as it is by default.
#[derive(InputObject)]
pub struct ChatbotInput {
    /// Its unique name, which a new one needs: 3 to 32 letters a to z, digits, `.`, `_` or `-`, the first and
    /// the last a letter or digit. Unique without regard to case; free again once its chatbot is deleted.
    handle: Option<String>,
    /// What to show it as: 1 to 80 characters. By default its handle.
    name: Option<String>,
    /// What a client may show before the first message: up to 1,000 characters. Empty for none.
    greeting: Option<String>,
    /// What writes its replies. By default `OPENAI` where a model server is set up, otherwise `BUILTIN`.
    engine: Option<ChatbotEngine>,
    /// `OPENAI` only: one of the models that this place's operator allows. Null for the first of them.
    model: MaybeUndefined<String>,
    /// `OPENAI` only: how freely the model chooses its words, 0 to 2. Null for as freely as it does by itself.
    temperature: MaybeUndefined<f64>,
    /// The system prompt: what it is told to be, up to 8,000 characters. Null or empty for none.
    persona: MaybeUndefined<String>,
    /// What becomes of a message that comes while it is replying. By default `QUEUE`.
    while_replying: Option<WhileReplying>,
}

impl From<ChatbotInput> for Wishes {
    fn from(input: ChatbotInput) -> Self {
        Self {
            handle: input.handle,
            name: input.name,
            greeting: input.greeting,
            engine: input.engine.map(Into::into),
            model: input.model.into(),
            temperature: input.temperature.into(),
            persona: input.persona.into(),
            while_replying: input.while_replying.map(Into::into),
        }
    }
}
