//! An execution that shows one sight after another, without a walk of its own.

use async_graphql::Response;
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::sync::{mpsc, oneshot};

use crate::{
    api::{Schema, Showing, Walk},
    error::AppResult,
    http::{execution, operation::Live},
    services::watch::Sight,
};

/// One execution of a subscription. It begins when it first shows something.
pub(super) struct Stage {
    sights: mpsc::Sender<Sight>,
    answers: BoxStream<'static, AppResult<Response>>,
}

impl Stage {
    /// Executes an operation, and hands its walk over if somebody wants it.
    pub(super) fn new(schema: &Schema, live: Live, walk: Option<oneshot::Sender<Walk>>) -> Self {
        // One at a time is shown, and taken before the next.
        let (sights, shown) = mpsc::channel(1);
        let live = live.with(Showing::new(shown, walk));
        Self {
            sights,
            answers: execution::follow(schema.clone(), live).boxed(),
        }
    }

    /// What comes of it by itself: until it has handed its walk over, that is why it can't.
    pub(super) async fn next(&mut self) -> Option<AppResult<Response>> {
        self.answers.next().await
    }

    /// Shows a sight. Nothing if the execution has ended. One that was given up in the middle of this shows
    /// nothing right any more.
    pub(super) async fn show(&mut self, sight: Sight) -> Option<AppResult<Response>> {
        self.sights.send(sight).await.ok()?;
        self.next().await
    }
}
