//! The rooms that there are to join.

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{members, removals, sessions};
use super::sessions::{ListKey, Session};
use crate::domain::{Account, PageRequest};
use crate::error::AppResult;

/// A page of the rooms that somebody with an account was not removed from, latest change first, and whether they are in each.
pub async fn page(
    conn: &mut Connection,
    account: Account,
    request: &PageRequest<ListKey>,
) -> AppResult<Vec<(Session, bool)>> {
    let user = account.user();
    let removal = removals::table
        .filter(removals::session_id.eq(sessions::id))
        .filter(removals::user_id.eq(user));
    let seat = members::table
        .filter(members::session_id.eq(sessions::id))
        .filter(members::user_id.eq(user));
    let mut query = sessions::table
        // Spelled as the partial index spells it: a bound parameter would hide from the planner that it fits.
        .filter(sql::<Bool>("sessions.kind = 'ROOM'"))
        .filter(not(exists(removal)))
        .select((Session::as_select(), exists(seat)))
        .order((sessions::updated_at.desc(), sessions::id))
        .limit(request.fetch())
        .into_boxed();
    if let Some(after) = request.bounds.after {
        // The first condition is for the index, the second for rooms of the same microsecond.
        query = query
            .filter(sessions::updated_at.le(after.updated_at))
            .filter(
                sessions::updated_at
                    .lt(after.updated_at)
                    .or(sessions::id.gt(after.id)),
            );
    }
    Ok(query.load(conn).await?)
}
