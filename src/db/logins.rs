//! Logins and their refresh tokens.

use chrono::{TimeDelta, Utc};
use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::prepared::{Prepared, any_of};
use super::schema::{logins, refresh_tokens, users};
use crate::domain::{LoginId, Role, UserId};
use crate::error::AppResult;

/// How long a refresh token is good for when it is not used.
const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

/// A login that is open, and whose it is.
#[derive(Clone, Debug, Queryable)]
pub struct OpenLogin {
    /// Which.
    pub id: LoginId,
    /// Whose.
    pub user: UserId,
    /// What that person may do beyond their own sessions.
    pub role: Role,
}

/// A refresh token as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct StoredToken {
    /// The login it belongs to.
    pub login: LoginId,
    /// Whether it was exchanged for its successor long enough ago; nothing while it is the newest.
    ///
    /// Within ten seconds, an answer that was lost on the way must not sign anybody out. Both times are
    /// PostgreSQL's, so that no server's clock ends a login.
    pub used_long_ago: Option<bool>,
    /// Whether it is too old to be used.
    pub expired: bool,
}

/// Opens a login with its first refresh token.
pub async fn open(conn: &mut Connection, user: UserId, first_token: &[u8]) -> AppResult<LoginId> {
    let login = LoginId::new();
    diesel::insert_into(logins::table)
        .values((logins::id.eq(login), logins::user_id.eq(user)))
        .execute(conn)
        .await?;
    insert_token(conn, login, first_token).await?;
    Ok(login)
}

/// The login, if it is still open and its person not shut out.
pub async fn find_open(conn: &mut Connection, login: LoginId) -> AppResult<Option<OpenLogin>> {
    Ok(logins::table
        .inner_join(users::table)
        .filter(logins::id.eq(login))
        .filter(logins::ended_at.is_null())
        .filter(users::disabled_at.is_null())
        .select((logins::id, users::id, users::role))
        .first(conn)
        .await
        .optional()?)
}

/// Those of these logins that are still open and whose people are not shut out, in any order.
pub async fn all_open(conn: &mut Connection, ids: &[LoginId]) -> AppResult<Vec<OpenLogin>> {
    let query = logins::table
        .inner_join(users::table)
        .filter(any_of("logins.id", ids))
        .filter(logins::ended_at.is_null())
        .filter(users::disabled_at.is_null())
        .select((logins::id, users::id, users::role));
    Ok(Prepared(query).load(conn).await?)
}

/// The stored token, locked until the transaction ends: of twenty that refresh at once, one rotates.
pub async fn lock_token(conn: &mut Connection, hash: &[u8]) -> AppResult<Option<StoredToken>> {
    Ok(refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash))
        .select((
            refresh_tokens::login_id,
            sql::<Nullable<Bool>>("used_at < now() - interval '10 seconds'"),
            refresh_tokens::expires_at.le(now),
        ))
        .for_update()
        .first(conn)
        .await
        .optional()?)
}

/// Replaces a token by its successor.
pub async fn rotate(
    conn: &mut Connection,
    login: LoginId,
    used: &[u8],
    successor: &[u8],
) -> AppResult<()> {
    diesel::update(refresh_tokens::table.filter(refresh_tokens::token_hash.eq(used)))
        .set(refresh_tokens::used_at.eq(now))
        .execute(conn)
        .await?;
    insert_token(conn, login, successor).await?;
    diesel::update(logins::table.filter(logins::id.eq(login)))
        .set(logins::last_used_at.eq(now))
        .execute(conn)
        .await?;
    // Expired tokens prove nothing any more: refused either way, they need not be known.
    diesel::delete(
        refresh_tokens::table
            .filter(refresh_tokens::login_id.eq(login))
            .filter(refresh_tokens::expires_at.le(now)),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends one login. Says whether it was open.
pub async fn end(conn: &mut Connection, login: LoginId) -> AppResult<bool> {
    let ended = diesel::update(logins::table)
        .filter(logins::id.eq(login))
        .filter(logins::ended_at.is_null())
        .set(logins::ended_at.eq(now))
        .execute(conn)
        .await?;
    Ok(ended == 1)
}

/// Ends every login of a person and says which were open.
pub async fn end_all(conn: &mut Connection, user: UserId) -> AppResult<Vec<LoginId>> {
    // In one order, so that two who do this don't wait for each other.
    let open = logins::table
        .filter(logins::user_id.eq(user))
        .filter(logins::ended_at.is_null())
        .select(logins::id)
        .order(logins::id)
        .for_no_key_update()
        .load::<LoginId>(conn)
        .await?;
    Ok(diesel::update(logins::table)
        .filter(logins::id.eq_any(open))
        .filter(logins::ended_at.is_null())
        .set(logins::ended_at.eq(now))
        .returning(logins::id)
        .get_results(conn)
        .await?)
}

/// Deletes some logins that nobody has used for longer than a refresh token is good for, with their tokens, and
/// says how many. Those that others are deleting are left to them.
pub async fn forget_long_past(conn: &mut Connection) -> AppResult<usize> {
    // Few at a time: one that was used every quarter of an hour for a month has thousands of tokens.
    Ok(diesel::sql_query(
        "delete from logins where id in ( \
             select id from logins where last_used_at < now() - interval '31 days' \
             order by last_used_at limit 20 for update skip locked \
         )",
    )
    .execute(conn)
    .await?)
}

async fn insert_token(conn: &mut Connection, login: LoginId, hash: &[u8]) -> AppResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(hash),
            refresh_tokens::login_id.eq(login),
            refresh_tokens::expires_at.eq(Utc::now() + REFRESH_LIFETIME),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
