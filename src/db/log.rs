//! A session's log, read from a place on: what a returning client must see.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::Message;
use super::schema::messages;
use crate::domain::{Rev, SessionId};
use crate::error::AppResult;

/// The next changes after `rev`, in order, at most `limit`. A message that changed several times comes
/// once, at its last change and as it is now.
pub async fn changes_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: i64,
) -> AppResult<Vec<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::rev.gt(rev))
        .order(messages::rev)
        .limit(limit)
        .select(Message::as_select())
        .load(conn)
        .await?)
}

/// The next messages that became final after `rev`, in the order in which they did, at most `limit`.
pub async fn finished_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: i64,
) -> AppResult<Vec<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::finished_rev.gt(rev))
        .order(messages::finished_rev)
        .limit(limit)
        .select(Message::as_select())
        .load(conn)
        .await?)
}

/// The replies under way, in order.
pub async fn under_way(conn: &mut Connection, session: SessionId) -> AppResult<Vec<Message>> {
    // Spelled as the partial index spells it: a bound parameter would hide from the planner that it fits.
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(is_under_way())
        .order(messages::seq)
        .select(Message::as_select())
        .load(conn)
        .await?)
}

/// The condition of the index `messages_under_way`, word for word.
pub(super) fn is_under_way() -> SqlLiteral<Bool> {
    sql("status in ('PENDING', 'STREAMING')")
}
