//! Who is in a session, and the proof of it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::inbox::THIS_TRANSACTION;
use super::prepared::Prepared;
use super::schema::{members, removals, sessions, users};
use super::sessions::{Locked, Session};
use super::users::User;
use super::{Connection, OnConstraint};
use crate::domain::{Role, Seq, SessionId, UserId};
use crate::error::{AppError, AppResult};

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

    /// Whether the person runs the session.
    pub fn is_owner(&self) -> bool {
        self.user == self.session.owner_id
    }

    /// The session, when the proof is not needed any more.
    pub fn into_session(self) -> Session {
        self.session
    }
}

/// Seats that were given. Once the transaction is committed, the inboxes of their people must hear of it.
#[must_use = "whoever got a seat must be told: services::seating::announce"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSeats {
    /// In which session.
    pub session: SessionId,
    /// Whose.
    pub users: Vec<UserId>,
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
    // seen: one statement would judge membership as it was before it waited for the lock. It is asked there too,
    // so that who is not in a session does not wait for it, nor has others wait.
    let seat = members::table.find((session, user));
    let locked = sessions::table
        .find(session)
        .filter(exists(seat))
        .select(Session::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    let Some(session) = locked else {
        return Ok(None);
    };
    let is_member = is_member(conn, session.id, user).await?;
    Ok(is_member.then_some(Seat { session, user }))
}

/// What is found of a seat in a session that was to be locked.
pub enum Place {
    /// The person's seat.
    Seat(Box<Seat>),
    /// There is none, or no such session.
    None,
    /// They have one, in a session that somebody else has locked.
    Busy,
}

/// The places of these people in these sessions, in order. The sessions must have been locked by an earlier
/// statement: one that locks judges membership as it was before it waited for the lock.
pub async fn find_seats(
    mut conn: &Connection,
    locked: &Locked,
    wanted: &[(SessionId, UserId)],
) -> AppResult<Vec<Place>> {
    let (sessions, users): (Vec<_>, Vec<_>) = wanted.iter().copied().unzip();
    let query = diesel::sql_query(
        "select m.session_id, m.user_id \
         from unnest((select $1), (select $2)) as given (session_id, user_id) \
         join members m using (session_id, user_id)",
    )
    .bind::<Array<SqlUuid>, _>(sessions)
    .bind::<Array<SqlUuid>, _>(users);
    let rows: Vec<Membership> = Prepared(query).load(&mut conn).await?;
    let seats: HashSet<_> = rows
        .into_iter()
        .map(|row| (row.session_id, row.user_id))
        .collect();
    let place = |(session, user): &(SessionId, UserId)| {
        if !seats.contains(&(*session, *user)) {
            return Place::None;
        }
        locked.get(*session).map_or(Place::Busy, |session| {
            Place::Seat(Box::new(Seat {
                session: session.clone(),
                user: *user,
            }))
        })
    };
    Ok(wanted.iter().map(place).collect())
}

/// That a person is in a session.
#[derive(QueryableByName)]
struct Membership {
    #[diesel(sql_type = SqlUuid)]
    session_id: SessionId,
    #[diesel(sql_type = SqlUuid)]
    user_id: UserId,
}

/// Whether a person is in a session.
pub async fn is_member(conn: &mut Connection, session: SessionId, user: UserId) -> AppResult<bool> {
    let seat = members::table.find((session, user));
    Ok(diesel::select(exists(seat)).get_result(conn).await?)
}

/// Everyone who is in a session; nobody is in one that does not exist.
pub async fn all_of(conn: &mut Connection, session: SessionId) -> AppResult<HashSet<UserId>> {
    let users: Vec<UserId> = members::table
        .filter(members::session_id.eq(session))
        .select(members::user_id)
        .load(conn)
        .await?;
    Ok(users.into_iter().collect())
}

/// Gives people a seat in a session each. What was said before counts as read; whoever has a seat keeps it as
/// it is. The session must be locked in this transaction.
pub async fn insert(
    conn: &mut Connection,
    session: &Session,
    users: &[UserId],
) -> AppResult<NewSeats> {
    let seats: Vec<_> = users
        .iter()
        .map(|user| {
            (
                members::session_id.eq(session.id),
                members::user_id.eq(user),
                members::read_up_to.eq(session.last_seq),
                // Not when the transaction began, which may have waited for the lock: it says who was here first.
                members::joined_at.eq(sql::<Timestamptz>("clock_timestamp()")),
            )
        })
        .collect();
    diesel::insert_into(members::table)
        .values(seats)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .on_constraint("members_user_fkey", || AppError::NotFound("person"))?;
    Ok(NewSeats {
        session: session.id,
        users: users.to_vec(),
    })
}

/// Takes a person's seat away. Says whether they had one. The session must be locked in this transaction.
pub async fn delete(conn: &mut Connection, session: SessionId, user: UserId) -> AppResult<bool> {
    let deleted = diesel::delete(members::table.find((session, user)))
        .execute(conn)
        .await?;
    Ok(deleted == 1)
}

/// Notes that a person was removed: the session does not exist for them from now on.
pub async fn note_removal(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<()> {
    diesel::insert_into(removals::table)
        .values((removals::session_id.eq(session), removals::user_id.eq(user)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes back that a person was removed.
pub async fn forget_removal(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<()> {
    diesel::delete(removals::table.find((session, user)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a person was removed from a session and has not been added again.
pub async fn is_removed(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<bool> {
    let removal = removals::table.find((session, user));
    Ok(diesel::select(exists(removal)).get_result(conn).await?)
}

/// How many people are in a session.
pub async fn count(conn: &mut Connection, session: SessionId) -> AppResult<i64> {
    Ok(members::table
        .filter(members::session_id.eq(session))
        .count()
        .get_result(conn)
        .await?)
}

/// Whether two people are in a session together.
pub async fn share_a_session(conn: &mut Connection, one: UserId, other: UserId) -> AppResult<bool> {
    let others = diesel::alias!(members as others);
    let same = others.field(members::session_id).eq(members::session_id);
    let shared = members::table
        .inner_join(others.on(same))
        .filter(members::user_id.eq(one))
        .filter(others.field(members::user_id).eq(other));
    Ok(diesel::select(exists(shared)).get_result(conn).await?)
}

/// Who of those with an account has been in a session the longest, if anybody is in it: guests run nothing. Of those
/// whose account is open, if there are any.
pub async fn find_longest(conn: &mut Connection, session: SessionId) -> AppResult<Option<UserId>> {
    Ok(members::table
        .inner_join(users::table)
        .filter(members::session_id.eq(session))
        .filter(users::role.ne(Role::Guest))
        .select(members::user_id)
        // Nobody could do anything about a session that is run by who can't sign in.
        .order((
            users::disabled_at.is_not_null(),
            members::joined_at,
            members::user_id,
        ))
        .first(conn)
        .await
        .optional()?)
}

/// Puts the session away for the seat's person alone, or takes it out again. Says whether it was otherwise.
pub async fn archive(conn: &mut Connection, seat: &Seat, archived: bool) -> AppResult<bool> {
    let changed = diesel::update(members::table.find((seat.session.id, seat.user)))
        .filter(members::archived.ne(archived))
        .set(members::archived.eq(archived))
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// Notes how far the seat's person has read. It never falls. No change in the session's log, so the seat itself
/// notes it for their inbox.
pub async fn mark_read(conn: &mut Connection, seat: &Seat, up_to: Seq) -> AppResult<()> {
    diesel::update(members::table.find((seat.session.id, seat.user)))
        .filter(members::read_up_to.lt(up_to))
        .set((
            members::read_up_to.eq(up_to),
            members::read_in.eq(sql::<BigInt>(THIS_TRANSACTION)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// So many people are read at once, of however many sessions.
const MOST_AT_ONCE: i64 = 20_000;

/// The members of these sessions, the longest first, so many of each at most; `BAD_USER_INPUT` if those are more than
/// 20,000 in all.
pub async fn of_sessions(
    conn: &mut Connection,
    sessions: &[SessionId],
    first: i64,
) -> AppResult<Vec<(SessionId, Member)>> {
    // Session by session: all of a page's would be two hundred thousand.
    let is_asked_for = sql::<Bool>(
        "(members.session_id, members.user_id) in (\
            select one.session_id, one.user_id from unnest(",
    )
    .bind::<Array<SqlUuid>, _>(sessions)
    .sql(
        ") session (id) cross join lateral (\
            select session_id, user_id from members where session_id = session.id \
            order by joined_at, user_id limit ",
    )
    .bind::<BigInt, _>(first)
    .sql(") one)");
    let rows: Vec<(SessionId, Seq, DateTime<Utc>, User)> = members::table
        .inner_join(users::table)
        .filter(members::session_id.eq_any(sessions))
        .filter(is_asked_for)
        .select((
            members::session_id,
            members::read_up_to,
            members::joined_at,
            User::as_select(),
        ))
        .order((members::session_id, members::joined_at, members::user_id))
        .limit(MOST_AT_ONCE + 1)
        .load(conn)
        .await?;
    if rows.len() as i64 > MOST_AT_ONCE {
        return Err(AppError::bad_input(
            "first",
            format!("These sessions have more than {MOST_AT_ONCE} members. Ask for fewer of each."),
        ));
    }
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

/// What a person's own seat says of a session, for their eyes only.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
pub struct OwnSeat {
    /// In which session.
    pub session_id: SessionId,
    /// The seq of the newest message they have read.
    pub read_up_to: Seq,
    /// Whether they have put it away.
    pub archived: bool,
}

/// A person's own seats in these sessions.
pub async fn own_seats(
    conn: &mut Connection,
    user: UserId,
    sessions: &[SessionId],
) -> AppResult<Vec<OwnSeat>> {
    Ok(members::table
        .filter(members::session_id.eq_any(sessions))
        .filter(members::user_id.eq(user))
        .select(OwnSeat::as_select())
        .load(conn)
        .await?)
}
