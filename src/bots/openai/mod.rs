//! The engine for language models: any server that speaks OpenAI's `/v1/chat/completions` and streams.
//!
//! Address, key and models are the operator's. A reply is asked for with what fits of the conversation, read
//! as it comes, and bounded in bytes and time whatever the server does.

mod answer;
mod breaker;
mod call;
pub mod check;
mod lines;
pub(super) mod queue;
mod request;
mod server;
mod trouble;

use std::sync::Arc;

use async_stream::try_stream;
use futures_util::StreamExt;
use tracing::{info, warn};

use self::breaker::Breaker;
use self::call::{Call, Upstream};
use self::queue::Queue;
use self::request::Body;
use self::trouble::Trouble;
use super::engine::{Engine, Failure, Pieces};
use super::{Patience, memory};
use crate::app::App;
use crate::config::Config;
use crate::error::AppError;
use crate::outside;
use crate::services::conversation;
use crate::services::replies::Assignment;

/// The engine. Without a model server it is there too, and says so.
pub(super) struct OpenAi {
    upstream: Option<Arc<Upstream>>,
    queue: Arc<Queue>,
}

impl OpenAi {
    pub(super) fn new(config: &Config, patience: &Patience) -> Self {
        let upstream = config.openai.as_ref().and_then(|server| {
            let client = outside::client(patience.connect)
                .inspect_err(|_| warn!("the model server can't be called: see `parlor doctor`"));
            Some(Arc::new(Upstream {
                server: server.clone(),
                client: client.ok()?,
                breaker: Breaker::new(patience.rest),
                patience: patience.clone(),
            }))
        });
        Self {
            upstream,
            queue: Arc::new(Queue::new(patience.turn)),
        }
    }
}

impl Engine for OpenAi {
    fn reply(&self, app: &App, assignment: Assignment) -> Pieces {
        let (app, queue, upstream) = (app.clone(), self.queue.clone(), self.upstream.clone());
        let (session, seq) = assignment.place;
        let pieces = try_stream! {
            let upstream = upstream.ok_or(Trouble::NotSetUp)?;
            // Before anything is read, so that those who wait hold no conversations.
            let _turn = queue.turn().await?;
            let reading = queue.reading().await;
            let body = body(&app, &assignment, &upstream).await?;
            drop(reading);
            let mut call = Call::begin(&upstream, &body).await?;
            drop(body);
            while let Some(piece) = call.next().await? {
                yield piece;
            }
        };
        pieces
            .map(move |piece: Result<String, Stop>| {
                piece.map_err(|stop| match stop {
                    Stop::Trouble(trouble) => {
                        info!(%session, seq = seq.0, ?trouble, "no reply, or no more of it");
                        Failure::Told(trouble.words().to_owned())
                    }
                    Stop::Failure(failure) => failure,
                })
            })
            .boxed()
    }
}

/// What the server is asked, as bytes.
async fn body(app: &App, assignment: &Assignment, upstream: &Upstream) -> Result<Vec<u8>, Stop> {
    let server = &upstream.server;
    let circumstances = conversation::circumstances(app, assignment).await?;
    let character = &circumstances.character;
    let model = server.model(character.model.as_deref());
    let model = model.ok_or(Trouble::ModelNotAllowed)?;
    let budget = server.context - server.reply;
    let turns = memory::recall(app, assignment, &circumstances, budget).await?;
    let body = Body::new(server, model, character.temperature, &turns);
    serde_json::to_vec(&body).map_err(|error| AppError::Internal(error.into()).into())
}

/// What ends a reply before its end.
enum Stop {
    Trouble(Trouble),
    Failure(Failure),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<AppError> for Stop {
    fn from(error: AppError) -> Self {
        Self::Failure(error.into())
    }
}
