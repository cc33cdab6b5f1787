//! What every engine does: turn what a person said into a stream of text.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::builtin;
use crate::domain::ChatbotEngine;
use crate::services::replies::Assignment;

/// Pieces of a reply, of any size, in order. The end of the stream is the end of the reply.
pub(super) type Pieces = BoxStream<'static, Result<String, Failure>>;

/// Why an engine can't go on, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure(pub(super) String);

/// Begins a reply.
pub(super) fn reply(assignment: &Assignment) -> Pieces {
    match assignment.chatbot.engine {
        ChatbotEngine::Builtin => builtin::reply(assignment),
        ChatbotEngine::OpenAi => {
            let failure = Failure("No model server is set up here.".to_owned());
            futures_util::stream::iter([Err(failure)]).boxed()
        }
    }
}
