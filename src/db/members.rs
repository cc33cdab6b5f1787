//! Who is in a session, and the proof of it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{members, sessions, users};
use super::sessions::Session;
use super::users::User;
use crate::domain::{Seq, SessionId, UserId};
use crate::error::AppResult;

/// The proof that a person is in a session. Only looking it up makes one.
#[derive(Clone, Debug)]
pub struct Seat {
    session: Session,
    user: UserId,
}

impl Seat {
    /// The session, as it was when the proof was made.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The person.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The session, when the proof is not needed any more.
    pub fn into_session(self) -> Session {
        self.session
    }
}

/// A member of a session.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: User,
    /// The seq of the newest message they have read.
    pub read_up_to: Seq,
    /// Since when.
    pub joined_at: DateTime<Utc>,
}

/// The person's seat in the session, if they have one.
pub async fn find_seat(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<Option<Seat>> {
    let session = sessions::table
        .inner_join(members::table)
        .filter(sessions::id.eq(session))
        .filter(members::user_id.eq(user))
        .select(Session::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(session.map(|session| Seat { session, user }))
}

/// The person's seat, with the session's row locked: its counters stand still until the transaction ends.
pub async fn lock_seat(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<Option<Seat>> {
    // The lock is taken first and membership read after it, so that a removal which commits meanwhile is
    // seen: one statement would judge membership as it was before it waited for the lock.
    let locked = sessions::table
        .find(session)
        .select(Session::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    let Some(session) = locked else {
        return Ok(None);
    };
    let is_member: bool =
        diesel::select(diesel::dsl::exists(members::table.find((session.id, user))))
            .get_result(conn)
            .await?;
    Ok(is_member.then_some(Seat { session, user }))
}

/// Notes how far the seat's person has read. It never falls.
pub async fn mark_read(conn: &mut Connection, seat: &Seat, up_to: Seq) -> AppResult<()> {
    diesel::update(members::table.find((seat.session.id, seat.user)))
        .filter(members::read_up_to.lt(up_to))
        .set(members::read_up_to.eq(up_to))
        .execute(conn)
        .await?;
    Ok(())
}

/// The members of these sessions, the longest first.
pub async fn of_sessions(
    conn: &mut Connection,
    sessions: &[SessionId],
) -> AppResult<Vec<(SessionId, Member)>> {
    let rows: Vec<(SessionId, Seq, DateTime<Utc>, User)> = members::table
        .inner_join(users::table)
        .filter(members::session_id.eq_any(sessions))
        .select((
            members::session_id,
            members::read_up_to,
            members::joined_at,
            User::as_select(),
        ))
        .order((members::session_id, members::joined_at, members::user_id))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(session, read_up_to, joined_at, user)| {
            (
                session,
                Member {
                    user,
                    read_up_to,
                    joined_at,
                },
            )
        })
        .collect())
}

/// How far a person has read in each of these sessions.
pub async fn read_up_to(
    conn: &mut Connection,
    user: UserId,
    sessions: &[SessionId],
) -> AppResult<Vec<(SessionId, Seq)>> {
    Ok(members::table
        .filter(members::session_id.eq_any(sessions))
        .filter(members::user_id.eq(user))
        .select((members::session_id, members::read_up_to))
        .load(conn)
        .await?)
}
