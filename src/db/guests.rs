//! Guests: visitors without an account, how they come back, and who of them has been away for too long.
//!
//! A guest is in one session, their visit, for as long as there is a guest.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{guests, logins, members, sessions, users};
use crate::domain::{DisplayName, LoginId, Role, Seq, SessionId, SessionKind, UserId, Username};
use crate::error::AppResult;

/// A guest, and the one login they have.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct Guest {
    /// Who.
    pub user: UserId,
    /// Their login.
    pub login: LoginId,
    /// Their visit.
    pub visit: SessionId,
}

/// Adds a guest with a login. They need a seat in their `visit` before the transaction ends.
pub async fn insert(
    conn: &mut Connection,
    visit: SessionId,
    display_name: &DisplayName,
    token_hash: &[u8],
) -> AppResult<Guest> {
    let (user, login) = (UserId::new(), LoginId::new());
    let username = Username::of_guest(user);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user),
            users::username.eq(username.as_str()),
            users::username_key.eq(username.key()),
            users::display_name.eq(display_name.as_str()),
            users::role.eq(Role::Guest),
        ))
        .execute(conn)
        .await?;
    diesel::insert_into(guests::table)
        .values((guests::user_id.eq(user), guests::token_hash.eq(token_hash)))
        .execute(conn)
        .await?;
    diesel::insert_into(logins::table)
        .values((logins::id.eq(login), logins::user_id.eq(user)))
        .execute(conn)
        .await?;
    Ok(Guest { user, login, visit })
}

/// The guest whose token this is, if they visit this owner and their login is open.
pub async fn find(
    conn: &mut Connection,
    token_hash: &[u8],
    owner: UserId,
) -> AppResult<Option<Guest>> {
    Ok(guests::table
        .inner_join(logins::table.on(logins::user_id.eq(guests::user_id)))
        .inner_join(members::table.on(members::user_id.eq(guests::user_id)))
        .inner_join(sessions::table.on(sessions::id.eq(members::session_id)))
        .filter(guests::token_hash.eq(token_hash))
        .filter(logins::ended_at.is_null())
        .filter(sessions::owner_id.eq(owner))
        .select((guests::user_id, logins::id, sessions::id))
        .first(conn)
        .await
        .optional()?)
}

/// Notes that a guest has come back. Says whether they still are one.
pub async fn note_seen(conn: &mut Connection, guest: &Guest) -> AppResult<bool> {
    let now = diesel::dsl::now;
    let seen = diesel::update(guests::table.find(guest.user))
        .set(guests::seen_at.eq(now))
        .execute(conn)
        .await?;
    // A statement of its own, outside of any transaction: two locks at once could meet those of an erasure.
    diesel::update(logins::table.find(guest.login))
        .set(logins::last_used_at.eq(now))
        .execute(conn)
        .await?;
    Ok(seen == 1)
}

/// What a guest is shown as; nothing for anybody else.
pub async fn find_name(conn: &mut Connection, user: UserId) -> AppResult<Option<String>> {
    Ok(users::table
        .find(user)
        .filter(users::role.eq(Role::Guest))
        .select(users::display_name)
        .first(conn)
        .await
        .optional()?)
}

/// The guests of a session.
pub async fn of_session(conn: &mut Connection, session: SessionId) -> AppResult<Vec<UserId>> {
    Ok(members::table
        .inner_join(users::table)
        .filter(members::session_id.eq(session))
        .filter(users::role.eq(Role::Guest))
        .select(members::user_id)
        .load(conn)
        .await?)
}

/// Deletes guests of whom nothing is left that they said.
pub async fn delete(conn: &mut Connection, guests: &[UserId]) -> AppResult<()> {
    diesel::delete(users::table.filter(users::id.eq_any(guests)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the logins of all who visit this owner.
pub async fn end_logins(conn: &mut Connection, owner: UserId) -> AppResult<()> {
    let guests_of_theirs = members::table
        .inner_join(sessions::table)
        .inner_join(users::table)
        .filter(sessions::owner_id.eq(owner))
        .filter(sessions::kind.eq(SessionKind::Visit))
        .filter(users::role.eq(Role::Guest))
        .select(members::user_id);
    diesel::update(logins::table)
        .filter(logins::user_id.eq_any(guests_of_theirs))
        .filter(logins::ended_at.is_null())
        .set(logins::ended_at.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Some guests who have not been seen for so many days, and their visits. Nobody is locked: ask
/// [`is_away`] under the lock of the visit.
pub async fn away(
    conn: &mut Connection,
    days: i32,
    limit: i64,
) -> AppResult<Vec<(UserId, SessionId)>> {
    let then = days_ago(conn, days).await?;
    Ok(guests::table
        .inner_join(members::table.on(members::user_id.eq(guests::user_id)))
        .filter(guests::seen_at.lt(then))
        .select((guests::user_id, members::session_id))
        .order(guests::seen_at)
        .limit(limit)
        .load(conn)
        .await?)
}

/// The same of those in whose visit nothing was ever said, if they have been away for two days longer at most: who is
/// not found by then is one of [`away`] some day. So it costs the visits of two days, and not all there are.
pub async fn silently_away(
    conn: &mut Connection,
    days: i32,
    limit: i64,
) -> AppResult<Vec<(UserId, SessionId)>> {
    let then = days_ago(conn, days).await?;
    Ok(guests::table
        .inner_join(members::table.on(members::user_id.eq(guests::user_id)))
        .inner_join(sessions::table.on(sessions::id.eq(members::session_id)))
        .filter(guests::seen_at.lt(then))
        .filter(guests::seen_at.gt(then - TimeDelta::days(2)))
        .filter(sessions::last_seq.eq(Seq(0)))
        .select((guests::user_id, members::session_id))
        .order(guests::seen_at)
        .limit(limit)
        .load(conn)
        .await?)
}

/// Whether a guest has not been seen for so many days. They don't come back until the transaction ends.
pub async fn is_away(conn: &mut Connection, guest: UserId, days: i32) -> AppResult<bool> {
    let then = days_ago(conn, days).await?;
    let found: Option<UserId> = guests::table
        .find(guest)
        .filter(guests::seen_at.lt(then))
        .select(guests::user_id)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(found.is_some())
}

/// By PostgreSQL's clock, which `seen_at` was read from.
async fn days_ago(conn: &mut Connection, days: i32) -> AppResult<DateTime<Utc>> {
    let then = sql::<Timestamptz>("now() - interval '1 day' * ").bind::<Integer, _>(days);
    Ok(diesel::select(then).get_result(conn).await?)
}
