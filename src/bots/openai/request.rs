//! What a model server is asked.

use serde::Serialize;

use crate::bots::memory::Turn;
use crate::config::OpenAi;

/// The body of a request for a reply that comes in pieces.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: &'a [Turn],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// Every server but OpenAI's own knows this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<usize>,
    /// OpenAI's newer models refuse the older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<usize>,
}

impl<'a> Body<'a> {
    /// Asks `model` to go on from these turns.
    pub(super) fn new(
        server: &OpenAi,
        model: &'a str,
        temperature: Option<f64>,
        messages: &'a [Turn],
    ) -> Self {
        let is_openai = server.base_url.host_str() == Some("api.openai.com");
        Self {
            model,
            messages,
            stream: true,
            temperature,
            max_tokens: (!is_openai).then_some(server.reply),
            max_completion_tokens: is_openai.then_some(server.reply),
        }
    }
}
