//! One execution of an event for all who watch a session with the same document.
//!
//! A subscriber walks along the session by itself: where it is, whether it may go on, and how slow it is, are its own
//! affair (`feed::Follower`). What many see at the same time is shown by their [`group`]; the rest, a replay or
//! what could not be shared, by a [`stage`] of the subscriber's own, as somebody who watches alone would see it.

mod group;
mod stage;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::Variables;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use tokio::sync::oneshot;

pub(super) use group::Groups;
use group::{Group, Key};
use stage::Stage;

use super::{
    answer::Answer,
    endpoint::{Caller, Endpoint, Told, too_long},
    operation::Live,
};
use crate::{
    api::{Deadline, ParsedDocument, Walk, shared_variables},
    error::AppResult,
    feed::Item,
    services::watch::{self, Sight},
};

/// What a subscription that can be shared was asked with.
pub(super) struct Asked {
    document: Arc<ParsedDocument>,
    operation: Option<String>,
    variables: Variables,
    /// Those that matter to what is shown.
    matter: String,
}

impl Asked {
    /// Nothing if it depends on who asks.
    pub(super) fn of(Live { request, document }: &Live) -> Option<Self> {
        let (operation, variables) = (&request.operation_name, &request.variables);
        let matter = shared_variables(document.parsed(), operation.as_deref(), variables)?;
        Some(Self {
            document: document.clone(),
            operation: operation.clone(),
            variables: variables.clone(),
            matter,
        })
    }
}

/// Runs a subscription that can be shared.
pub(super) fn run(
    endpoint: Endpoint,
    live: Live,
    asked: Asked,
    caller: Caller,
) -> impl Stream<Item = Answer> + Send + 'static {
    // In a box, as all that a subscriber who waits does not need.
    let begun = Box::pin(begin(endpoint, live, asked, caller));
    async_stream::stream! {
        let (mut subscriber, mut sights) = match begun.await {
            Ok(begun) => begun,
            Err(refused) => {
                if let Some(told) = refused {
                    yield told.answer;
                }
                return;
            }
        };
        while let Some(sight) = sights.next().await {
            let told = match subscriber.show(sight).await {
                Shown::Told(told) => told,
                Shown::Nothing => continue,
                Shown::Over => return,
            };
            yield told.answer;
            if told.is_last {
                return;
            }
        }
    }
}

/// Begins as any subscription does, and takes its walk over. Fails with what it is told instead, if anything.
async fn begin(
    endpoint: Endpoint,
    live: Live,
    asked: Asked,
    caller: Caller,
) -> Result<(Subscriber, BoxStream<'static, Sight>), Option<Told>> {
    // Until it has begun: from then on a subscription waits as long as it takes.
    let deadline = Deadline::after(endpoint.patience());
    let (wanted, mut walk) = oneshot::channel();
    let mut own = Stage::new(endpoint.schema(), live.with(deadline.clone()), Some(wanted));
    let begun = tokio::select! {
        // It is handed over while this waits for the first answer.
        biased;
        Ok(walk) = &mut walk => Ok(walk),
        event = own.next() => Err(event),
        () = deadline.passed() => Err(Some(Err(too_long()))),
    };
    let walk = begun.map_err(|event| event.map(|event| endpoint.told(event, &caller)))?;
    let Walk {
        session,
        epoch,
        view,
        sights,
    } = walk;
    let key = Key {
        session,
        epoch,
        view,
        document: asked.document.text().clone(),
        operation: asked.operation,
        variables: asked.matter,
    };
    let subscriber = Subscriber {
        group: endpoint.groups().join(key, asked.document, asked.variables),
        endpoint,
        caller,
        own: Some(own),
    };
    Ok((subscriber, sights))
}

/// A wait of this length for what others make is long: much may have been done meanwhile.
const LONG: Duration = Duration::from_millis(100);

/// What came of showing a sight.
enum Shown {
    /// This.
    Told(Told),
    /// Nothing: it is not theirs to see any more. Their walk is about to say so.
    Nothing,
    /// Nothing, and there is nothing more to come.
    Over,
}

/// Somebody who belongs to a group.
struct Subscriber {
    endpoint: Endpoint,
    caller: Caller,
    group: Arc<Group>,
    /// Kept while it is needed only: a subscriber who waits costs little.
    own: Option<Stage>,
}

impl Subscriber {
    /// What they are told of a sight.
    async fn show(&mut self, sight: Sight) -> Shown {
        if let Sight::Item(seen) = &sight
            && let Some(forms) = &seen.forms
        {
            self.own = None;
            let asked = Instant::now();
            let made = self.group.show(seen, forms).await;
            // Their seat was looked up before the wait, and what is shown with the event in it.
            if asked.elapsed() > LONG {
                match Box::pin(self.is_seated()).await {
                    Ok(true) => {}
                    Ok(false) => return Shown::Nothing,
                    Err(error) => return Shown::Told(self.endpoint.told(Err(error), &self.caller)),
                }
            }
            if let Some(text) = made {
                return Shown::Told(Told {
                    answer: Answer::Executed(text),
                    is_last: false,
                });
            }
        }
        match Box::pin(self.show_alone(sight)).await {
            Some(told) => Shown::Told(told),
            None => Shown::Over,
        }
    }

    async fn is_seated(&mut self) -> AppResult<bool> {
        let (app, viewer) = (self.endpoint.app(), &self.caller.viewer);
        watch::is_seated(app, viewer, self.group.session()).await
    }

    async fn show_alone(&mut self, sight: Sight) -> Option<Told> {
        let has_caught_up =
            matches!(&sight, Sight::Item(seen) if matches!(seen.item, Item::CaughtUp(_)));
        let Self {
            endpoint,
            caller,
            group,
            own,
        } = self;
        let begin = || Stage::new(endpoint.schema(), caller.sign(group.operation()), None);
        let event = own.get_or_insert_with(begin).show(sight).await?;
        if has_caught_up {
            *own = None;
        }
        Some(endpoint.told(event, caller))
    }
}
