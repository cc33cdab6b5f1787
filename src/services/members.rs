//! Who is in a session: joining, being added and removed, leaving.
//!
//! Each of these is a change of the session itself, in its log. It takes the session's lock, as a send does:
//! behind a removal, nothing that the removed person sent follows, and no feed of theirs goes on.

use diesel_async::AsyncConnection;

use super::{access, guests, seating};
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::members::{self, NewSeats, Seat};
use crate::db::sessions::{self, Decisions, Session};
use crate::db::{Connection, users};
use crate::domain::{Seq, SessionId, UserId, Username, Viewer};
use crate::error::{AppError, AppResult};

/// The most people in one session.
pub const MAX_MEMBERS: i64 = 1_000;

const NO_MEMBER: AppError = AppError::NotFound("member");

/// What is left of a session when somebody has given up their seat.
pub(super) enum Left {
    /// It goes on with the others.
    Others(Session),
    /// Nobody who could run it was left: it is erased.
    Nobody(SessionId),
}

/// Takes a seat in a room for the viewer, who may read all that was said there. Again, it is given as it is.
///
/// `NOT_FOUND` if there is no such room, or the viewer was removed from it; `CONFLICT` if it is full. Everybody
/// there is told, so it counts as a send.
pub async fn join(app: &App, viewer: &Viewer, id: SessionId) -> AppResult<Session> {
    let account = viewer.account()?;
    let user = account.user();
    app.rates().by_person(Deed::SendMessage, user)?;
    let mut conn = app.db().connection().await?;
    let (session, seats) = conn
        .transaction(async |conn| {
            let room = match members::lock_seat(conn, id, user).await? {
                Some(seat) => return Ok((seat.into_session(), None)),
                None => access::locked_room(conn, account, id).await?,
            };
            seat(conn, room, user, "id").await
        })
        .await?;
    seating::announce(app, seats);
    announce(app, &session);
    Ok(session)
}

/// Gives somebody a seat in a session of the viewer's, also if they were removed before. Again, it is given as
/// it is.
///
/// `NOT_FOUND` if there is no such session or person, `FORBIDDEN` if the viewer does not run it, `CONFLICT` if it
/// is full. Everybody there is told, so it counts as a send.
pub async fn add(
    app: &App,
    viewer: &Viewer,
    id: SessionId,
    username: &Username,
) -> AppResult<Session> {
    let account = viewer.account()?;
    app.rates().by_person(Deed::SendMessage, account.user())?;
    let mut conn = app.db().connection().await?;
    let (session, seats) = conn
        .transaction(async |conn| {
            let owner = access::locked_owner_seat(conn, account, id).await?;
            let found = users::addable(conn, std::slice::from_ref(username)).await?;
            let user = found.first().ok_or(AppError::NotFound("person"))?.id;
            members::forget_removal(conn, id, user).await?;
            seat(conn, owner.into_session(), user, "username").await
        })
        .await?;
    seating::announce(app, seats);
    announce(app, &session);
    Ok(session)
}

/// Takes somebody's seat in a session of the viewer's away. To them it does not exist from then on; they are
/// back only if its owner adds them again. Again, it is given as it is. A guest is erased with their seat.
///
/// `NOT_FOUND` if there is no such session or no such member, `FORBIDDEN` if the viewer does not run it.
pub async fn remove(
    app: &App,
    viewer: &Viewer,
    id: SessionId,
    username: &Username,
) -> AppResult<Session> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    let session = conn
        .transaction(async |conn| {
            let owner = access::locked_owner_seat(conn, account, id).await?;
            let user = users::find(conn, username).await?.ok_or(NO_MEMBER)?.id;
            if user == owner.user() {
                return Err(AppError::bad_input(
                    "username",
                    "You can't remove yourself. Leave the session instead.",
                ));
            }
            if members::delete(conn, id, user).await? {
                members::note_removal(conn, id, user).await?;
                let changed = Decisions {
                    title: guests::forget(conn, owner.session(), user).await?,
                    ..Decisions::default()
                };
                return sessions::decide(conn, id, &changed).await;
            }
            match members::is_removed(conn, id, user).await? {
                true => Ok(owner.into_session()),
                false => Err(NO_MEMBER),
            }
        })
        .await?;
    announce(app, &session);
    Ok(session)
}

/// Gives up the viewer's seat. Who runs the session hands it to whoever with an account has been in it the longest;
/// the last of them out erases it. A guest is erased with their seat. `NOT_FOUND` without one.
pub async fn leave(app: &App, viewer: &Viewer, id: SessionId) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    let left = conn
        .transaction(async |conn| {
            let seat = access::locked_seat(conn, viewer, id).await?;
            match viewer.account() {
                Ok(_) => give_up(conn, &seat).await,
                Err(_) => end_visit(conn, &seat).await,
            }
        })
        .await?;
    announce_left(app, left);
    Ok(())
}

/// Gives up a seat for its person. The session must be locked in this transaction.
pub(super) async fn give_up(conn: &mut Connection, seat: &Seat) -> AppResult<Left> {
    let id = seat.session().id;
    members::delete(conn, id, seat.user()).await?;
    let Some(longest) = members::find_longest(conn, id).await? else {
        sessions::erase(conn, id).await?;
        return Ok(Left::Nobody(id));
    };
    let changed = Decisions {
        title: guests::forget(conn, seat.session(), seat.user()).await?,
        owner_id: seat.is_owner().then_some(longest),
        ..Decisions::default()
    };
    Ok(Left::Others(sessions::decide(conn, id, &changed).await?))
}

/// Ends a guest's visit: their seat is given up, and they are erased. What was said stays with its owner; if nothing
/// ever was, nothing stays. The session must be locked in this transaction.
pub(super) async fn end_visit(conn: &mut Connection, guest: &Seat) -> AppResult<Left> {
    let visit = guest.session();
    if visit.last_seq == Seq(0) {
        sessions::erase(conn, visit.id).await?;
        return Ok(Left::Nobody(visit.id));
    }
    give_up(conn, guest).await
}

/// Tells of a seat that was given up.
pub(super) fn announce_left(app: &App, left: Left) {
    match left {
        Left::Others(session) => announce(app, &session),
        Left::Nobody(session) => app.bus().publish(Notice::SessionDeleted { session }),
    }
}

/// A seat in a locked session for somebody who may have one already; `field` names who or what asks for it.
async fn seat(
    conn: &mut Connection,
    session: Session,
    user: UserId,
    field: &'static str,
) -> AppResult<(Session, Option<NewSeats>)> {
    if members::is_member(conn, session.id, user).await? {
        return Ok((session, None));
    }
    if members::count(conn, session.id).await? >= MAX_MEMBERS {
        return Err(AppError::conflict(
            field,
            format!("A session has at most {MAX_MEMBERS} people."),
        ));
    }
    let seats = members::insert(conn, &session, &[user]).await?;
    let session = sessions::decide(conn, session.id, &Decisions::default()).await?;
    Ok((session, Some(seats)))
}

/// Also where nothing changed: it may be the retry of a change that was stored and then cut off before it was
/// told. Those who know drop what they know.
fn announce(app: &App, session: &Session) {
    app.bus().publish(Notice::SessionChanged {
        session: session.clone(),
    });
}
