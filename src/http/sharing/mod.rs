//! One execution of an event for all who watch a session with the same document.
//!
//! A subscriber walks along the session by itself: where it is, whether it may go on, and how slow it is, are its own
//! affair (`feed::Follower`). What many see at the same time is shown by their [`group`]; the rest, a replay or
//! what could not be shared, by a [`stage`] of the subscriber's own, as somebody who watches alone would see it.

mod group;
mod stage;

use async_graphql::Variables;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

pub(super) use group::Groups;
use group::Key;
use stage::Stage;

use super::{
    answer::Answer,
    endpoint::{Caller, Endpoint, too_long},
    operation::Live,
};
use crate::{
    api::{Deadline, Walk, shared_variables},
    feed::Item,
    services::watch::Sight,
};

/// What a subscription that can be shared was asked with.
pub(super) struct Asked {
    document: String,
    operation: Option<String>,
    variables: Variables,
    /// Those that matter to what is shown.
    matter: String,
}

impl Asked {
    /// Nothing if it depends on who asks.
    pub(super) fn of(Live(request): &mut Live) -> Option<Self> {
        let (operation, variables) = (request.operation_name.clone(), request.variables.clone());
        let document = request.parsed_query().ok()?;
        let matter = shared_variables(document, operation.as_deref(), &variables)?;
        Some(Self {
            document: request.query.clone(),
            operation,
            variables,
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
    async_stream::stream! {
        // Until it has begun: from then on a subscription waits as long as it takes.
        let deadline = Deadline::after(endpoint.patience());
        let (wanted, mut walk) = oneshot::channel();
        let live = live.with(deadline.clone());
        let mut own = Stage::new(endpoint.schema(), live, Some(wanted));
        let begun = tokio::select! {
            // It is handed over while this waits for the first answer.
            biased;
            Ok(walk) = &mut walk => Ok(walk),
            event = own.next() => Err(event),
            () = deadline.passed() => Err(Some(Err(too_long()))),
        };
        let Walk { session, epoch, view, mut sights } = match begun {
            Ok(walk) => walk,
            Err(event) => {
                if let Some(event) = event {
                    yield endpoint.told(event, &caller).answer;
                }
                return;
            }
        };
        let Asked { document, operation, variables, matter } = asked;
        let key = Key { session, epoch, view, document, operation, variables: matter };
        let group = endpoint.groups().join(key, variables);
        // Kept while it is needed: a subscriber who waits costs little.
        let mut own = Some(own);
        while let Some(sight) = sights.next().await {
            if let Sight::Item(seen) = &sight
                && let Some(forms) = &seen.forms
            {
                own = None;
                if let Some(text) = group.show(seen, forms).await {
                    yield Answer::Executed(text);
                    continue;
                }
            }
            let is_live = matches!(&sight, Sight::Item(seen) if matches!(seen.item, Item::CaughtUp(_)));
            let stage = own.get_or_insert_with(|| {
                Stage::new(endpoint.schema(), caller.sign(group.operation()), None)
            });
            let Some(event) = stage.show(sight).await else {
                return;
            };
            let told = endpoint.told(event, &caller);
            yield told.answer;
            if told.is_last {
                return;
            }
            if is_live {
                own = None;
            }
        }
    }
}
