//! How far somebody has read.

use super::{access, seating};
use crate::app::App;
use crate::db::members;
use crate::db::sessions::Session;
use crate::domain::{Seq, SessionId, Viewer};
use crate::error::{AppError, AppResult};

/// Notes that the viewer has read a session up to a message. It never falls.
///
/// What nobody has said yet can't have been read: a place beyond the last message is refused rather than
/// cut, so that what comes meanwhile does not count as read unseen. No change of the session: the log does
/// not move. Their other devices hear of it in their inboxes.
pub async fn mark_read(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    up_to: Seq,
) -> AppResult<Session> {
    viewer.person()?;
    let mut conn = app.db().connection().await?;
    let seat = access::seat(&mut conn, viewer, session).await?;
    let last = seat.session().last_seq;
    if !(Seq(0)..=last).contains(&up_to) {
        return Err(AppError::bad_input(
            "upTo",
            format!("`upTo` is 0 to {} here: the last message's `seq`.", last.0),
        ));
    }
    members::mark_read(&mut conn, &seat, up_to).await?;
    drop(conn);
    seating::announce_own(app, &seat);
    Ok(seat.into_session())
}
