//! Waiting for a reply to end: on behalf of a send, or of whoever has asked its writer to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::watch;
use crate::app::{App, Place};
use crate::db::members;
use crate::db::messages::{self, Message};
use crate::domain::{Rev, UserId, Viewer};
use crate::error::{AppError, AppResult};
use crate::feed::{Item, Reader, Start, View};

/// The longest a send may wait for its reply.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// A place to wait in, for as long as it is held; `RATE_LIMITED` if the viewer waits for as many replies as one
/// may at once.
pub fn hold_back(app: &App, viewer: &Viewer) -> AppResult<Place<UserId>> {
    let place = app.waits().take(viewer.person()?.user);
    place.ok_or(AppError::RateLimited {
        retry_after: Duration::from_secs(1),
    })
}

/// Waits until the reply has ended, at most `wait` and only as long as somebody waits for the answer; then
/// gives it as it is, which may be under way. A reader who loses their seat meanwhile gets what they had.
///
/// It can't fail: the send that owes the reply is stored, and must be told so even if the database has gone
/// since.
pub async fn for_reply(
    app: &App,
    reply: Message,
    reader: Reader,
    wait: Duration,
    hung_up: &CancellationToken,
) -> Message {
    // From right before it was begun on, so that nothing of it is missed.
    let start = Start::After(Rev(reply.rev.0 - 1));
    let mut follower = app
        .feeds()
        .follow(reply.session_id, start, View::Everything, reader);
    let ended = async {
        loop {
            match watch::next(&mut follower).await.map(|seen| seen.item) {
                Ok(Item::Added(seen) | Item::Changed(seen))
                    if seen.message.seq == reply.seq && !seen.message.status.is_under_way() =>
                {
                    return Some(Arc::unwrap_or_clone(seen.message));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    tokio::select! {
        ended = timeout(wait, ended) => if let Ok(ended) = ended { return ended.unwrap_or(reply) },
        // The answer must still reach the client.
        () = app.stopping().cancelled() => {}
        () = hung_up.cancelled() => return reply,
    }
    match find(app, &reply, reader).await {
        Ok(Some(now)) => now,
        Ok(None) => reply,
        Err(error) => {
            let cause = error.cause_chain();
            tracing::warn!(cause, "a send can't look at its reply");
            reply
        }
    }
}

async fn find(app: &App, reply: &Message, reader: Reader) -> AppResult<Option<Message>> {
    let mut conn = app.db().connection().await?;
    let found = messages::find(&mut conn, reply.session_id, reply.seq).await?;
    // After the message, so that what was read may be shown.
    match reader {
        Reader::Member(user) => {
            let is_in = members::is_member(&mut conn, reply.session_id, user).await?;
            Ok(found.filter(|_| is_in))
        }
        Reader::Parlor => Ok(found),
    }
}
