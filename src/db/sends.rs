//! What people sent, found again by its key: a send that is repeated is the same send.

use diesel::deserialize;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, Binary, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::members::Seat;
use super::messages::{COLUMNS, Message, by_places};
use super::prepared::Prepared;
use crate::domain::{ClientKey, Seq, SessionId, UserId};
use crate::error::AppResult;

/// The idempotency key of a send, and the digest of what was sent with it.
#[derive(Clone, Debug)]
pub struct SendKey {
    /// The client's key.
    pub key: ClientKey,
    /// SHA-256 of the content.
    pub digest: Vec<u8>,
}

/// What was sent before under the same key.
#[derive(Clone)]
pub struct EarlierSend {
    /// The message, as it is now.
    pub message: Message,
    /// SHA-256 of the content it was sent with.
    pub digest: Vec<u8>,
    /// The replies that answer it, in the order in which they were owed.
    pub replies: Vec<Message>,
}

/// A message with what is kept of its send.
struct Row {
    message: Message,
    digest: Option<Vec<u8>>,
    answered_by: Vec<Seq>,
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            message: <Message as QueryableByName<Pg>>::build(row)?,
            digest: NamedRow::get::<Nullable<Binary>, _>(row, "client_digest")?,
            answered_by: NamedRow::get::<Array<Integer>, _>(row, "answered_by")?,
        })
    }
}

impl Row {
    /// The places of the replies that answer it, in order.
    fn replies(&self) -> impl Iterator<Item = (SessionId, Seq)> {
        let session = self.message.session_id;
        self.answered_by.iter().map(move |reply| (session, *reply))
    }
}

/// What the seat's person sent before under this key, if anything.
pub async fn find_by_key(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
) -> AppResult<Option<EarlierSend>> {
    Ok(find_by_keys(conn, &[(seat, key)]).await?.pop())
}

/// What the seats' people sent before under these keys, in any order.
pub async fn find_by_keys(
    mut conn: &Connection,
    keys: &[(&Seat, &ClientKey)],
) -> AppResult<Vec<EarlierSend>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let sessions: Vec<SessionId> = keys.iter().map(|(seat, _)| seat.session().id).collect();
    let users: Vec<UserId> = keys.iter().map(|(seat, _)| seat.user()).collect();
    let keys: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
    let query = diesel::sql_query(format!(
        "select {COLUMNS}, m.client_digest, m.answered_by \
         from unnest((select $1), (select $2), (select $3)) as given (session_id, user_id, client_key) \
         join messages m using (session_id, user_id, client_key)",
    ))
    .bind::<Array<SqlUuid>, _>(sessions)
    .bind::<Array<SqlUuid>, _>(users)
    .bind::<Array<Text>, _>(keys);
    let rows: Vec<Row> = Prepared(query).load(&mut conn).await?;
    let places: Vec<_> = rows.iter().flat_map(Row::replies).collect();
    let replies = match places.as_slice() {
        [] => Vec::new(),
        places => by_places(conn, places).await?,
    };
    let reply_at = |place| replies.iter().find(|reply| reply.place() == place).cloned();
    Ok(rows
        .into_iter()
        .map(|row| EarlierSend {
            replies: row.replies().filter_map(reply_at).collect(),
            message: row.message,
            digest: row.digest.unwrap_or_default(),
        })
        .collect())
}
