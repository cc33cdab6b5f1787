//! What a chatbot remembers: its persona, then as much of the conversation as its model can take in, the
//! newest last.

mod recall;
mod tokens;

use recall::Recall;
pub(super) use recall::Turn;

use super::engine::Failure;
use crate::app::App;
use crate::error::AppError;
use crate::panics::caught;
use crate::services::conversation::{self, Circumstances};
use crate::services::replies::Assignment;

/// How many messages are read at a time.
const PAGE: u16 = 32;

/// How many pages are read at most: past a thousand messages a memory has gone far enough back, whatever the
/// budget.
const PAGES: usize = 32;

/// What the model is told before it answers, in at most `budget` tokens.
///
/// The history is read from its end and no further than the budget reaches. Tokens are counted off the async
/// threads: a long message takes milliseconds, and loading the table half a second, once.
pub(super) async fn recall(
    app: &App,
    assignment: &Assignment,
    circumstances: &Circumstances,
    budget: usize,
) -> Result<Vec<Turn>, Failure> {
    let persona = circumstances.character.persona.clone();
    let has_several = circumstances.has_several;
    let mut recall = apart(move || Recall::new(budget, persona.as_deref(), has_several)).await?;
    let mut before = None;
    for _ in 0..PAGES {
        let stretch = conversation::stretch(app, assignment, before, PAGE).await?;
        let is_full;
        (recall, is_full) = apart(move || {
            let is_full = !stretch
                .utterances
                .iter()
                .all(|utterance| recall.take_in(utterance));
            (recall, is_full)
        })
        .await?;
        before = stretch.earlier;
        if is_full || before.is_none() {
            break;
        }
    }
    Ok(recall.into_turns())
}

/// Runs a computation on a thread that may be blocked.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AppError> {
    let done = tokio::task::spawn_blocking(|| caught(work)).await;
    done.map_err(AppError::internal)?
        .map_err(AppError::internal)
}
