//! What every engine does: turn what a person said into a stream of text.

use futures_util::stream::BoxStream;

use crate::app::App;
use crate::error::AppError;
use crate::services::replies::Assignment;

/// Writes replies. One engine serves all chatbots that have it; `engines` lists them.
pub trait Engine: Send + Sync {
    /// Begins a reply. Must not block: whatever takes time happens when the stream is polled.
    fn reply(&self, app: &App, assignment: Assignment) -> Pieces;
}

/// Pieces of a reply, of any size, in order. The end of the stream is the end of the reply.
///
/// Dropping it ends everything that was under way for it: so a reply is cancelled.
pub type Pieces = BoxStream<'static, Result<String, Failure>>;

/// Why an engine can't go on.
#[derive(Debug)]
pub enum Failure {
    /// The reply ends with these words for a person. They hold nothing that an outside server said.
    Told(String),
    /// Something else. With a database out of reach, the reply is left to another attempt; with a fault of Parlor's
    /// own it ends, because another attempt would meet it again.
    Fault(AppError),
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Self::Fault(error)
    }
}
