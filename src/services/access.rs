//! Who may see a session: those who have a seat in it. To all others there is no such session.

use crate::db::Connection;
use crate::db::members::{self, Seat};
use crate::domain::{SessionId, Viewer};
use crate::error::{AppError, AppResult};

const NO_SESSION: AppError = AppError::NotFound("session");

/// The viewer's seat in the session; `NOT_FOUND` without one.
pub async fn seat(conn: &mut Connection, viewer: &Viewer, session: SessionId) -> AppResult<Seat> {
    let person = viewer.person()?;
    members::find_seat(conn, session, person.user)
        .await?
        .ok_or(NO_SESSION)
}

/// The viewer's seat, the session's row locked until the transaction ends; `NOT_FOUND` without one.
pub async fn locked_seat(
    conn: &mut Connection,
    viewer: &Viewer,
    session: SessionId,
) -> AppResult<Seat> {
    let person = viewer.person()?;
    members::lock_seat(conn, session, person.user)
        .await?
        .ok_or(NO_SESSION)
}
