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
use diesel::query_builder::SqlQuery;
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
    /// Of how many rows this is one.
    #[diesel(sql_type = BigInt)]
    found: i64,
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

    /// About how much memory it holds.
    pub fn bytes(&self) -> usize {
        size_of::<Message>() + self.message.content.len()
    }

    /// Whether this is the message's birth.
    pub fn is_birth(&self) -> bool {
        self.place == self.message.added_rev
    }
}

/// How much of the log is read at once. One row is always read, however large.
#[derive(Clone, Copy, Debug)]
pub struct PageLimit {
    /// So many rows at most.
    pub entries: usize,
    /// No further row once those before it have so many bytes of text.
    pub bytes: usize,
}

/// A part of the log.
#[derive(Debug)]
pub struct LogPage<T> {
    /// In order.
    pub rows: Vec<T>,
    /// Nothing came after them when they were read.
    pub is_last: bool,
}

impl<T> LogPage<T> {
    fn new(rows: Vec<Row>, limit: PageLimit, of: impl Fn(Row) -> T) -> Self {
        // The database counted before it left out what was too large.
        let found = match rows.as_slice() {
            [row, ..] => row.found,
            [] => 0,
        };
        Self {
            is_last: found < limit.entries as i64 && found == rows.len() as i64,
            rows: rows.into_iter().map(of).collect(),
        }
    }
}

/// The next entries after `rev`, in order.
pub async fn entries_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: PageLimit,
) -> AppResult<LogPage<Entry>> {
    let rows = within(
        "(select added_rev as place, m.* from messages m \
          where session_id = $1 and added_rev > $2 order by added_rev limit $3) \
         union all \
         (select rev as place, m.* from messages m \
          where session_id = $1 and rev > $2 and rev > added_rev order by rev limit $3) \
         order by place limit $3",
    )
    .bind::<SqlUuid, _>(session)
    .bind::<BigInt, _>(rev)
    .bind::<BigInt, _>(limit.entries as i64)
    .bind::<BigInt, _>(limit.bytes as i64)
    .load(conn)
    .await?;
    Ok(LogPage::new(rows, limit, |row| {
        Entry::read(row.place, row.message)
    }))
}

/// The next messages that became final after `rev`, in the order in which they did.
pub async fn finished_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: PageLimit,
) -> AppResult<LogPage<Message>> {
    let rows = within(
        "select finished_rev as place, m.* from messages m \
         where session_id = $1 and finished_rev > $2 order by finished_rev limit $3",
    )
    .bind::<SqlUuid, _>(session)
    .bind::<BigInt, _>(rev)
    .bind::<BigInt, _>(limit.entries as i64)
    .bind::<BigInt, _>(limit.bytes as i64)
    .load(conn)
    .await?;
    Ok(LogPage::new(rows, limit, |row| row.message))
}

/// Of the rows that `query` gives in order of `place`, those before which there are fewer than `$4` bytes of
/// text. A text's length is known without reading it.
fn within(query: &str) -> SqlQuery {
    diesel::sql_query(format!(
        "select * from ( \
           select q.*, count(*) over () as found, \
             sum(octet_length(content)) over (order by place) - octet_length(content) as before \
           from ({query}) q \
         ) measured where before < $4 order by place"
    ))
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
