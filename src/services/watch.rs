//! Watching a session live, until there is a reason to stop.

use std::time::Duration;

use chrono::Utc;
use futures_util::Stream;
use tokio::time::sleep;

use super::typing::{Presence, Typists};
use super::{access, logins};
use crate::app::App;
use crate::db::{members, users::User};
use crate::domain::{Epoch, Person, Rev, SessionId, Viewer};
use crate::error::AppResult;
use crate::feed::{Follower, Gone, Item, Reader, Seen, Start, View};
use crate::seldom::Seldom;

/// How long a walk waits before it tries a step again that the database refused.
pub(super) const RETRY: Duration = Duration::from_millis(500);

/// Why a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The viewer is not in the session any more: they left, or were removed.
    Removed,
    /// The session was erased.
    SessionDeleted,
    /// The viewer's login has ended.
    SignedOut,
    /// The viewer's access token has expired.
    TokenExpired,
    /// The cursor is forged, of another session, from before a restored backup or ahead of the log; or a backup
    /// was restored just now.
    CursorUnknown,
    /// This server process is ending; others go on.
    ServerStopping,
}

impl EndReason {
    /// Whether watching again from the last cursor helps, if need be with a new token.
    pub fn retry(self) -> bool {
        matches!(self, Self::TokenExpired | Self::ServerStopping)
    }
}

/// What someone who watches a session sees.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Something in the session.
    Item(Seen),
    /// Another person types, or does no more.
    Typing {
        /// Who.
        user: User,
        /// Whether they do.
        typing: bool,
    },
    /// The last there is to see.
    End(EndReason),
}

/// Watches a session from a cursor on, or from now on. `NOT_FOUND` without a seat in it.
///
/// `epoch` is the one that whoever asks had taken before they read anything: cursors are opened in it, and the
/// walk ends with it.
///
/// Ends with [`Sight::End`] and nothing after it. A database out of reach ends nothing: the walk stands
/// still until it is back.
pub async fn session(
    app: &App,
    viewer: &Viewer,
    epoch: Epoch,
    session: SessionId,
    after: Option<String>,
    view: View,
) -> AppResult<impl Stream<Item = Sight> + Send + use<>> {
    let person = viewer.person()?.clone();
    let seat = access::seat(&mut *app.db().connection().await?, viewer, session).await?;
    let start = match after {
        None => Some(Start::Now),
        Some(cursor) => app
            .open_cursor(epoch, session, &cursor)
            .filter(|rev| (Rev::START..=seat.session().rev).contains(rev))
            .map(Start::After),
    };
    let reader = Reader::Member(seat.user());
    // In a box: whoever walks would have room for it twice.
    let follower = start.map(|start| Box::new(app.feeds().follow(session, start, view, reader)));
    Ok(walk(app.clone(), person, session, epoch, follower))
}

/// Whether the viewer has a seat in the session now.
pub async fn is_seated(app: &App, viewer: &Viewer, session: SessionId) -> AppResult<bool> {
    let user = viewer.person()?.user;
    members::is_member(&mut *app.db().connection().await?, session, user).await
}

fn walk(
    app: App,
    person: Person,
    session: SessionId,
    epoch: Epoch,
    follower: Option<Box<Follower>>,
) -> impl Stream<Item = Sight> + Send {
    async_stream::stream! {
        let Some(mut follower) = follower else {
            yield Sight::End(EndReason::CursorUnknown);
            return;
        };
        let mut end = Seldom::new(reason_to_end(app.clone(), person.clone(), epoch));
        let mut typists = Typists::default();
        let _presence = Presence { app: app.clone(), session, user: person.user };
        loop {
            let sight = tokio::select! {
                biased;
                reason = &mut end => Sight::End(reason),
                seen = next(&mut follower) => match seen {
                    Ok(Seen { item: Item::Typing { user, typing }, .. }) => {
                        // In a box: it takes room only while it reads the database.
                        match Box::pin(typists.look(&app, &person, session, (user, typing))).await {
                            Some(user) => Sight::Typing { user, typing },
                            None => continue,
                        }
                    }
                    Ok(seen) => Sight::Item(seen),
                    Err(Gone::Removed) => Sight::End(EndReason::Removed),
                    Err(Gone::Deleted) => Sight::End(EndReason::SessionDeleted),
                },
            };
            let is_end = matches!(sight, Sight::End(_));
            yield sight;
            if is_end {
                return;
            }
        }
    }
}

/// Waits for what comes next, however long the log can't be read.
pub(super) async fn next(follower: &mut Follower) -> Result<Seen, Gone> {
    loop {
        match follower.next().await {
            Ok(seen) => return seen,
            Err(error) => {
                let cause = error.cause_chain();
                tracing::warn!(cause, "a watch can't read the log");
                sleep(RETRY).await;
            }
        }
    }
}

/// Waits for the first reason to end.
pub(super) async fn reason_to_end(app: App, person: Person, epoch: Epoch) -> EndReason {
    let time_left = person.expires_at - Utc::now();
    tokio::select! {
        () = app.stopping().cancelled() => EndReason::ServerStopping,
        () = logins::ended(&app, &person) => EndReason::SignedOut,
        () = app.epoch_ended(epoch) => EndReason::CursorUnknown,
        () = sleep(time_left.to_std().unwrap_or_default()) => EndReason::TokenExpired,
    }
}
