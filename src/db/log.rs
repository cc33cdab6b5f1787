//! A session's log, read from a place on: what a returning client must see.
//!
//! The log has an entry for every message's birth, at `added_rev`, and one for its last change since, at
//! `rev`. Because births keep their place, whoever has come to a place knows every message born before it,
//! also when a replay broke off there. A change shows the message as it is now. So does a birth, but for a
//! reply that has ended since: that is shown as it was born, and its end comes in its place.
//!
//! The session itself has one entry too, for its last change, at `details_rev`. It has no birth: whoever
//! reads the log knows the session.

use std::sync::Arc;

use diesel::deserialize::{self, QueryableByName};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::SqlQuery;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::{COLUMNS, Message};
use super::schema::messages;
use super::sessions::{self, Session};
use crate::domain::{Rev, Seq, SessionId};
use crate::error::AppResult;

/// A message's birth, its last change, or the session's own. Cheap to clone: each follower of a session gets
/// one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands in the log.
    pub place: Rev,
    /// What was born or has changed, as it was when this was read or announced.
    pub news: News,
}

/// What an entry of the log is about.
#[derive(Clone, Debug)]
pub enum News {
    /// A message.
    Message(Arc<Message>),
    /// The session itself.
    Session(Arc<Session>),
}

/// A place in the log, and the message of its entry; without one, the entry is the session's.
struct Row {
    place: Rev,
    /// Of how many rows this is one.
    found: i64,
    message: Option<Message>,
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let seq: Option<Seq> = NamedRow::get::<Nullable<Integer>, _>(row, "seq")?;
        Ok(Self {
            place: NamedRow::get::<BigInt, _>(row, "place")?,
            found: NamedRow::get::<BigInt, _>(row, "found")?,
            message: seq
                .map(|_| <Message as QueryableByName<Pg>>::build(row))
                .transpose()?,
        })
    }
}

impl Entry {
    /// The entry of the change that a message has just gone through.
    pub fn latest(message: Message) -> Self {
        Self {
            place: message.rev,
            news: News::Message(Arc::new(message)),
        }
    }

    /// The entry of the change that a session has just gone through.
    pub fn of_session(session: Session) -> Self {
        Self {
            place: session.details_rev,
            news: News::Session(Arc::new(session)),
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
            news: News::Message(Arc::new(message)),
        }
    }

    /// About how much memory it holds.
    pub fn bytes(&self) -> usize {
        match &self.news {
            News::Message(message) => size_of::<Message>() + message.content.len(),
            News::Session(session) => size_of::<Session>() + session.title.len(),
        }
    }

    /// The message that it is about, if it is about one.
    pub fn message(&self) -> Option<&Arc<Message>> {
        match &self.news {
            News::Message(message) => Some(message),
            News::Session(_) => None,
        }
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

impl LogPage<Row> {
    fn new(rows: Vec<Row>, limit: PageLimit) -> Self {
        // The database counted before it left out what was too large.
        let found = match rows.as_slice() {
            [row, ..] => row.found,
            [] => 0,
        };
        Self {
            is_last: found < limit.entries as i64 && found == rows.len() as i64,
            rows,
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
    // The session's own entry is read in a statement of its own. If it has changed in between, its place is
    // another one, and the page is read anew.
    loop {
        let page = read_entries(conn, session, rev, limit).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        let mut is_current = true;
        for Row { place, message, .. } in page.rows {
            if let Some(message) = message {
                rows.push(Entry::read(place, message));
                continue;
            }
            let found = sessions::by_ids(conn, &[session]).await?.pop();
            let found = found.filter(|session| session.details_rev == place);
            is_current &= found.is_some();
            rows.extend(found.map(Entry::of_session));
        }
        if is_current {
            return Ok(LogPage {
                rows,
                is_last: page.is_last,
            });
        }
    }
}

async fn read_entries(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: PageLimit,
) -> AppResult<LogPage<Row>> {
    let rows = within(&format!(
        "(select added_rev as place, {COLUMNS} from messages m \
          where session_id = $1 and added_rev > $2 order by added_rev limit $3) \
         union all \
         (select rev as place, {COLUMNS} from messages m \
          where session_id = $1 and rev > $2 and rev > added_rev order by rev limit $3) \
         union all \
         (select s.details_rev as place, {COLUMNS} from sessions s left join messages m on false \
          where s.id = $1 and s.details_rev > $2) \
         order by place limit $3",
    ))
    .bind::<SqlUuid, _>(session)
    .bind::<BigInt, _>(rev)
    .bind::<BigInt, _>(limit.entries as i64)
    .bind::<BigInt, _>(limit.bytes as i64)
    .load(conn)
    .await?;
    Ok(LogPage::new(rows, limit))
}

/// The next messages that became final after `rev`, in the order in which they did.
pub async fn finished_after(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
    limit: PageLimit,
) -> AppResult<LogPage<Message>> {
    let rows = within(&format!(
        "select finished_rev as place, {COLUMNS} from messages m \
         where session_id = $1 and finished_rev > $2 order by finished_rev limit $3",
    ))
    .bind::<SqlUuid, _>(session)
    .bind::<BigInt, _>(rev)
    .bind::<BigInt, _>(limit.entries as i64)
    .bind::<BigInt, _>(limit.bytes as i64)
    .load(conn)
    .await?;
    let page = LogPage::new(rows, limit);
    Ok(LogPage {
        rows: page
            .rows
            .into_iter()
            .filter_map(|row| row.message)
            .collect(),
        is_last: page.is_last,
    })
}

/// Of the rows that `query` gives in order of `place`, those before which there are fewer than `$4` bytes of
/// text. A text's length is known without reading it. The session's entry has none.
fn within(query: &str) -> SqlQuery {
    diesel::sql_query(format!(
        "select * from ( \
           select q.*, count(*) over () as found, \
             sum(coalesce(octet_length(content), 0)) over (order by place) \
               - coalesce(octet_length(content), 0) as before \
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
