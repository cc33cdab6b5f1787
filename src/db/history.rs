//! Pages of what was said, in one session or in all of a person's.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::{COLUMNS, Message};
use super::schema::{members, messages};
use crate::domain::{PageRequest, Seq, SessionId, UserId};
use crate::error::AppResult;

/// A message's place among those of several sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryKey {
    /// When it was born: follows seq within a session.
    pub created_at: DateTime<Utc>,
    /// In which session.
    pub session: SessionId,
    /// Its place there.
    pub seq: Seq,
}

impl HistoryKey {
    /// The message's.
    pub fn of(message: &Message) -> Self {
        Self {
            created_at: message.created_at,
            session: message.session_id,
            seq: message.seq,
        }
    }
}

/// A page of one session's history, in the order it is fetched; nothing for whoever has no seat in it.
///
/// Asked with the page, and not before it: whoever is removed between two statements would be shown what was said
/// after that.
pub async fn page(
    conn: &mut Connection,
    reader: UserId,
    session: SessionId,
    request: &PageRequest<Seq>,
) -> AppResult<Vec<Message>> {
    let mut query = messages::table
        .filter(messages::session_id.eq(session))
        .filter(exists(members::table.find((session, reader))))
        .select(Message::as_select())
        .limit(request.fetch())
        .into_boxed();
    if let Some(after) = request.bounds.after {
        query = query.filter(messages::seq.gt(after));
    }
    if let Some(before) = request.bounds.before {
        query = query.filter(messages::seq.lt(before));
    }
    query = if request.is_from_end() {
        query.order(messages::seq.desc())
    } else {
        query.order(messages::seq.asc())
    };
    Ok(query.load(conn).await?)
}

/// One message; nothing for whoever has no seat in its session.
pub async fn find(
    conn: &mut Connection,
    reader: UserId,
    session: SessionId,
    seq: Seq,
) -> AppResult<Option<Message>> {
    Ok(messages::table
        .find((session, seq))
        .filter(exists(members::table.find((session, reader))))
        .select(Message::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// A page at the end of the history of all of a person's sessions, newest first.
///
/// Each session gives the keys of its newest from an index, and only what is shown is read: so the cost grows
/// with the number of sessions, not with their length.
pub async fn page_of_all(
    conn: &mut Connection,
    user: UserId,
    request: &PageRequest<HistoryKey>,
) -> AppResult<Vec<Message>> {
    let merged = |bound: &str| {
        diesel::sql_query(format!(
            "with newest as materialized ( \
                 select place.* from members \
                 cross join lateral ( \
                     select created_at, session_id, seq from messages \
                     where session_id = members.session_id {bound} \
                     order by created_at desc, seq desc limit $2 \
                 ) place \
                 where members.user_id = $1 \
                 order by created_at desc, session_id desc, seq desc limit $2 \
             ) \
             select {COLUMNS} from newest join messages m using (session_id, seq) \
             order by m.created_at desc, m.session_id desc, m.seq desc"
        ))
        .bind::<SqlUuid, _>(user)
        .bind::<BigInt, _>(request.fetch())
    };
    let rows = match request.bounds.before {
        None => merged("").load(conn).await?,
        // The first condition is for the index, the second for messages of the same microsecond.
        Some(before) => {
            merged("and created_at <= $3 and (created_at, session_id, seq) < ($3, $4, $5)")
                .bind::<Timestamptz, _>(before.created_at)
                .bind::<SqlUuid, _>(before.session)
                .bind::<Integer, _>(before.seq)
                .load(conn)
                .await?
        }
    };
    Ok(rows)
}
