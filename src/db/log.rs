//! A session's log, read from a place on: what a returning client must see.
//!
//! The log has an entry for every message's birth, at `added_rev`, and one for its last change since, at
//! `rev`. Because births keep their place, whoever has come to a place knows every message born before it,
//! also when a replay broke off there. A change shows the message as it is now. So does a birth, but for a
//! reply that has ended since: that is shown as it was born, and its end comes in its place.

use std::sync::Arc;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::Message;
use super::schema::messages;
use crate::domain::{Rev, SessionId};
use crate::error::AppResult;

/// A message's birth, or its last change. Cheap to clone: each follower of a session gets one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands in the log.
    pub place: Rev,
    /// The message, as it was when this was read or announced.
    pub message: Arc<Message>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    #[diesel(sql_type = BigInt)]
    place: Rev,
    #[diesel(embed)]
    message: Message,
}

impl Entry {
    /// The entry of the change that a message has just gone through.
    pub fn latest(message: Message) -> Self {
        Self {
            place: message.rev,
            message: Arc::new(message),
        }
    }

    fn read(place: Rev, message: Message) -> Self {
        let is_birth = place == message.added_rev;
        let message = if is_birth && message.rev > place && message.in_reply_to.is_some() {
            message.into_born()
        } else {
            message
        };
        Self {
            place,
            message: Arc::new(message),
        }
    }

    /// Whether this is the message's birth.
    pub fn is_birth(&self) -> bool {
        self.place == self.message.added_rev
    }
}

/// The next entries after `rev`, in order, at most `limit`.
pub async fn entries_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: i64,
) -> AppResult<Vec<Entry>> {
    let rows: Vec<Row> = diesel::sql_query(
        "(select added_rev as place, m.* from messages m \
          where session_id = $1 and added_rev > $2 order by added_rev limit $3) \
         union all \
         (select rev as place, m.* from messages m \
          where session_id = $1 and rev > $2 and rev > added_rev order by rev limit $3) \
         order by place limit $3",
    )
    .bind::<SqlUuid, _>(session)
    .bind::<BigInt, _>(rev)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Entry::read(row.place, row.message))
        .collect())
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
