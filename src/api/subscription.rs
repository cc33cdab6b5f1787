//! Live.

use std::time::Duration;

use async_graphql::{Context, ID, Subscription as GraphQLSubscription};
use futures_util::{Stream, StreamExt, future};

use super::error::ApiError;
use super::in_line::InLine;
use super::types::{ContextExt, InboxEvent, Message, SessionEvent};
use super::{ids, showing};
use crate::error::AppError;
use crate::feed::{Item, View};
use crate::services::inbox;
use crate::services::watch::{self, EndReason, Sight};

/// The root of every subscription.
pub struct Subscription;

/// Live. A subscription `after` a cursor first gives what came since, then what comes, each change once and
/// in order; without one it begins now.
#[GraphQLSubscription]
impl Subscription {
    /// Finished messages of a session, each once, in the order in which they became final: people's
    /// messages at once, replies when they are whole. Edits are not told. A reply that was written anew comes
    /// again when it is whole: under the same id, with its new text.
    ///
    /// Keep the last message's `cursor`. The subscription ends with an error that tells why; with
    /// `UNAVAILABLE`, come back `after` your last cursor. `NOT_FOUND` if you are not in the session, any more or
    /// at all.
    async fn message_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(
            desc = "Continue from this cursor: a session's or a message's. Left out: from now on."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<InLine<Message>, ApiError>> + use<>, ApiError> {
        let session = ids::session(&session_id, "sessionId")?;
        let walk = async {
            let (app, viewer, epoch) = (ctx.app()?, ctx.viewer()?, ctx.epoch()?);
            let sights = watch::session(app, viewer, epoch, session, after, View::Finished).await?;
            ctx.deadline()?.lift();
            Ok(sights.filter(|sight| future::ready(is_message_or_end(sight))))
        };
        let sights = showing::sights(ctx, session, View::Finished, walk).await?;
        Ok(sights.filter_map(|sight| future::ready(message(sight))))
    }

    /// Everything that happens in a session: messages added and changed, text of replies as it is written,
    /// who is typing, changes of the session itself.
    ///
    /// Keep the last `cursor`. The last event is `FeedEnded`; if it says `retry`, come back `after` that
    /// cursor. `NOT_FOUND` if you are not in the session.
    async fn session_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(
            desc = "Continue from this cursor: a session's, a message's or an event's. Left out: from now on."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = InLine<SessionEvent>> + use<>, ApiError> {
        let session = ids::session(&session_id, "sessionId")?;
        let (app, epoch) = (ctx.app()?.clone(), ctx.epoch()?);
        let walk = async {
            let (app, viewer) = (ctx.app()?, ctx.viewer()?);
            let sights =
                watch::session(app, viewer, epoch, session, after, View::Everything).await?;
            ctx.deadline()?.lift();
            Ok(sights)
        };
        let sights = showing::sights(ctx, session, View::Everything, walk).await?;
        Ok(sights.filter_map(move |sight| {
            let event = SessionEvent::new(&app, epoch, session, sight);
            future::ready(event.map(InLine))
        }))
    }

    /// What happens around your sessions: those that you get into, those in which something changes, those that you
    /// are not in any more. One subscription for all of them, however many they are.
    ///
    /// First `CaughtUp`: without `after` at once, otherwise behind what has changed meanwhile. To begin, subscribe,
    /// wait for it, and read your `sessions` then; what is told while you read is newer. Keep the last `cursor`. The
    /// last event is `FeedEnded`; if it says `retry`, come back `after` that cursor, if it says `CURSOR_UNKNOWN`,
    /// begin anew.
    async fn inbox(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Continue from this cursor: an inbox event's. Left out: from now on.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = InboxEvent> + use<>, ApiError> {
        let (app, viewer, epoch) = (ctx.app()?.clone(), ctx.viewer()?, ctx.epoch()?);
        let user = viewer.person()?.user;
        let sights = inbox::open(&app, viewer, epoch, after)?;
        ctx.deadline()?.lift();
        Ok(sights.map(move |sight| InboxEvent::new(&app, epoch, user, sight)))
    }
}

/// Whether `messageAdded` tells of a sight.
fn is_message_or_end(sight: &Sight) -> bool {
    match sight {
        Sight::Item(seen) => matches!(seen.item, Item::Added(_)),
        Sight::Typing { .. } => false,
        Sight::End(_) => true,
    }
}

fn message(sight: Sight) -> Option<Result<InLine<Message>, ApiError>> {
    match sight {
        Sight::Item(seen) => match seen.item {
            Item::Added(seen) => Some(Ok(InLine(Message::seen(seen)))),
            _ => None,
        },
        Sight::Typing { .. } => None,
        Sight::End(reason) => Some(Err(end_error(reason).into())),
    }
}

fn end_error(reason: EndReason) -> AppError {
    match reason {
        EndReason::Removed | EndReason::SessionDeleted => AppError::NotFound("session"),
        EndReason::SignedOut => AppError::Unauthenticated("This login has ended. Sign in again."),
        EndReason::TokenExpired => {
            AppError::Unauthenticated("The access token has expired. Refresh it and come back.")
        }
        EndReason::CursorUnknown => AppError::bad_input(
            "after",
            "This cursor is not known here. Read the session anew.",
        ),
        EndReason::ServerStopping => AppError::Unavailable {
            retry_after: Duration::from_secs(1),
            cause: anyhow::anyhow!("the server is stopping"),
        },
    }
}
