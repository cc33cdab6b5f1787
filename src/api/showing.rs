//! A subscription in two halves, so that what many see is shown once for all of them: the walk along a session,
//! which is each subscriber's own, and the execution of what is seen on it.
//!
//! Whoever runs a subscription says by a [`Showing`] how the resolver is to work: the walk is handed over, and
//! sights are brought in to be shown. Without one, the resolver shows its own walk.

use std::sync::{Mutex, PoisonError};

use async_graphql::Context;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use super::error::ApiResult;
use super::types::ContextExt as _;
use crate::domain::{Epoch, SessionId};
use crate::feed::View;
use crate::services::watch::Sight;

/// A subscriber's walk along a session. Each sight on it is one event.
pub struct Walk {
    /// Along which.
    pub session: SessionId,
    /// The epoch that its cursors belong to.
    pub epoch: Epoch,
    /// What of the session it sees.
    pub view: View,
    /// What the subscriber sees.
    pub sights: BoxStream<'static, Sight>,
}

/// Carried by a request as data, it takes a subscription's two halves apart.
pub struct Showing(Mutex<Halves>);

struct Halves {
    walk: Option<oneshot::Sender<Walk>>,
    sights: Option<mpsc::Receiver<Sight>>,
}

impl Showing {
    /// Shows these sights, and hands a walk over if one is wanted.
    pub fn new(sights: mpsc::Receiver<Sight>, walk: Option<oneshot::Sender<Walk>>) -> Self {
        Self(Mutex::new(Halves {
            walk,
            sights: Some(sights),
        }))
    }

    fn take(&self) -> Halves {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Halves {
            walk: halves.walk.take(),
            sights: halves.sights.take(),
        }
    }
}

/// What a resolver is to show, whose own walk is `walk`. It is not begun if nobody wants it.
pub(super) async fn sights<S: Stream<Item = Sight> + Send + 'static>(
    ctx: &Context<'_>,
    session: SessionId,
    view: View,
    walk: impl Future<Output = ApiResult<S>> + Send,
) -> ApiResult<BoxStream<'static, Sight>> {
    let Some(showing) = ctx.data_opt::<Showing>() else {
        return Ok(walk.await?.boxed());
    };
    let halves = showing.take();
    if let Some(wanted) = halves.walk {
        let walk = Walk {
            session,
            epoch: ctx.epoch()?,
            view,
            sights: walk.await?.boxed(),
        };
        // Nobody waits for it any more: then nothing is shown either.
        let _ = wanted.send(walk);
    }
    Ok(match halves.sights {
        Some(mut sights) => stream::poll_fn(move |cx| sights.poll_recv(cx)).boxed(),
        None => stream::empty().boxed(),
    })
}
