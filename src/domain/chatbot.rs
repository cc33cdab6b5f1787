//! What a chatbot is called and what writes its replies.

use super::stored_text::stored_text;
use crate::error::{AppError, AppResult};

stored_text! {
    /// What writes a chatbot's replies.
    ChatbotEngine {
        /// Rules; needs no model and no key.
        Builtin = "BUILTIN",
        /// A model server that speaks as OpenAI's does.
        OpenAi = "OPENAI",
    }
}

/// A chatbot's handle as it is compared: trimmed and folded, a leading `@` dropped.
///
/// It serves for looking a chatbot up; that nobody may have such a name is found out by not finding it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handle(String);

impl Handle {
    /// Folds a handle as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        let text = text.strip_prefix('@').unwrap_or(text);
        if text.len() > 100 || text.contains('\0') {
            return Err(AppError::bad_input(
                field,
                "This is not a chatbot's handle.",
            ));
        }
        Ok(Self(text.to_lowercase()))
    }

    /// The folded handle.
    pub fn key(&self) -> &str {
        &self.0
    }
}
