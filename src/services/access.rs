//! Who may see a session and who may do what there, as proof values.
//!
//! Those with a seat see all of it. Of a room, everybody with an account sees [from outside](from_outside) what they
//! need to decide whether to join, unless they were removed from it. To all others there is no such session, and
//! whoever has no seat can do nothing in it but join.
//!
//! A guest has one seat, in their visit. What needs more than a seat asks for an [`Account`], which no guest can
//! give.

use crate::db::Connection;
use crate::db::members::{self, Seat};
use crate::db::sessions::{self, Session};
use crate::domain::{Account, Rev, Seq, SessionId, SessionKind, Viewer};
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

/// An account's seat in a session that its owner runs, its row locked until the transaction ends; `NOT_FOUND` without a
/// seat, `FORBIDDEN` if it is not the owner's.
pub async fn locked_owner_seat(
    conn: &mut Connection,
    account: Account,
    session: SessionId,
) -> AppResult<Seat> {
    let seat = members::lock_seat(conn, session, account.user()).await?;
    of_owner(seat.ok_or(NO_SESSION)?)
}

/// The seat, if it is the owner's; `FORBIDDEN` otherwise.
pub fn of_owner(seat: Seat) -> AppResult<Seat> {
    if seat.is_owner() {
        return Ok(seat);
    }
    Err(AppError::Forbidden("Only the session's owner may do this."))
}

/// The session as far as the viewer may know of it: whole with a seat, a room [from outside](from_outside)
/// without one; `NOT_FOUND` for all else.
pub async fn known(
    conn: &mut Connection,
    viewer: &Viewer,
    session: SessionId,
) -> AppResult<Session> {
    let user = viewer.person()?.user;
    if let Some(seat) = members::find_seat(conn, session, user).await? {
        return Ok(seat.into_session());
    }
    if viewer.account().is_err() {
        return Err(NO_SESSION);
    }
    let room = sessions::find(conn, session).await?.ok_or(NO_SESSION)?;
    if is_open(&room) && !members::is_removed(conn, session, user).await? {
        return Ok(from_outside(room));
    }
    Err(NO_SESSION)
}

/// A room to be joined, its row locked until the transaction ends; `NOT_FOUND` if it is no room, or the account's
/// owner was removed from it.
pub async fn locked_room(
    conn: &mut Connection,
    account: Account,
    session: SessionId,
) -> AppResult<Session> {
    let room = sessions::find_locked(conn, session).await?;
    let room = room.filter(is_open).ok_or(NO_SESSION)?;
    if members::is_removed(conn, session, account.user()).await? {
        return Err(NO_SESSION);
    }
    Ok(room)
}

fn is_open(session: &Session) -> bool {
    session.kind == SessionKind::Room
}

/// What somebody who is not in a room may know of it: what it is called, who runs it, who is in it, which
/// chatbots, and when it last changed. Not what is said there, nor how much: it has no messages for them, and
/// its cursor is its beginning.
pub fn from_outside(room: Session) -> Session {
    Session {
        last_seq: Seq(0),
        rev: Rev::START,
        details_rev: Rev::START,
        ..room
    }
}
