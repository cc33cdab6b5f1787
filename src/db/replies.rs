//! Replies as jobs: who writes one, until when, and how it ends.
//!
//! A reply's row is its job. A runner claims it with a lease; every later write proves that the lease is
//! still held, so a runner that was taken for dead and wakes up again writes nothing. The same holds for one
//! whose reply was cancelled, or is to be written anew: ending a reply ends the lease.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::log::is_under_way;
use super::messages::{COLUMNS, Message};
use super::schema::{messages, sessions};
use crate::domain::{MessageStatus, Rev, RunnerId, Seq, SessionId};
use crate::error::AppResult;

/// When a claim ends that is made or renewed now, in SQL.
fn lease_end(length: Duration) -> String {
    format!(
        "clock_timestamp() + interval '{} milliseconds'",
        length.as_millis()
    )
}

/// The proof that a runner may write a reply, until somebody takes it over. The attempt is part of it: a
/// runner that takes over from itself, after it was cut off for too long, must not be two.
#[derive(Clone, Debug)]
pub struct Lease {
    session: SessionId,
    seq: Seq,
    runner: RunnerId,
    attempt: i16,
    /// How long it holds without a sign of life.
    length: Duration,
}

/// A reply that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to write it.
    pub lease: Lease,
    /// The row as it was found: `STREAMING` if a runner before this one showed text and then died.
    pub message: Message,
    /// How often this writing of it was begun.
    pub tries: i16,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Claimed {
    #[diesel(embed)]
    message: Message,
    #[diesel(sql_type = SmallInt)]
    first_attempt: i16,
}

/// A reply that has ended.
pub struct Ended {
    /// Its row.
    pub message: Message,
    /// Whether another reply of the session is to be written, which may have waited for this one.
    pub is_waited_for: bool,
}

/// How a reply ends.
#[derive(Clone, Debug)]
pub struct Ending {
    /// `COMPLETE`, `CANCELLED` or `FAILED`.
    pub status: MessageStatus,
    /// All of its text.
    pub content: String,
    /// `FAILED` only: why, in words for a person.
    pub failure: Option<String>,
}

/// The row of a reply under way whose lease is held.
macro_rules! held {
    ($lease:expr) => {
        messages::table
            .find(($lease.session, $lease.seq))
            .filter(messages::lease_holder.eq($lease.runner))
            .filter(messages::attempt.eq($lease.attempt))
            .filter(is_under_way())
    };
}

/// Claims replies that nobody writes, the oldest first, at most `limit`. Runners that claim at the same
/// time get different ones. A chatbot writes one reply at a time in a session: the others wait for it.
pub async fn claim(
    conn: &mut Connection,
    runner: RunnerId,
    limit: usize,
    length: Duration,
) -> AppResult<Vec<Claim>> {
    let lease_end = lease_end(length);
    let claimed: Vec<Claimed> = diesel::sql_query(format!(
        "with open as materialized ( \
             select session_id, seq from messages m \
             where status in ('PENDING', 'STREAMING') \
               and (lease_until is null or lease_until < clock_timestamp()) \
               and not exists ( \
                   select from messages earlier \
                   where earlier.session_id = m.session_id and earlier.seq < m.seq \
                     and earlier.chatbot_id = m.chatbot_id \
                     and earlier.status in ('PENDING', 'STREAMING')) \
             order by created_at limit $2 \
             for update skip locked \
         ) \
         update messages m set lease_holder = $1, lease_until = {lease_end}, attempt = m.attempt + 1 \
         from open \
         where m.session_id = open.session_id and m.seq = open.seq \
         returning {COLUMNS}, m.first_attempt"
    ))
    .bind::<SqlUuid, _>(runner)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(conn)
    .await?;
    Ok(claimed
        .into_iter()
        .map(|claimed| Claim {
            lease: Lease {
                session: claimed.message.session_id,
                seq: claimed.message.seq,
                runner,
                attempt: claimed.message.attempt,
                length,
            },
            tries: claimed.message.attempt - claimed.first_attempt,
            message: claimed.message,
        })
        .collect())
}

/// Keeps the text so far in the row and holds the lease for longer. Does not move the log: text under way
/// is not a change until it is whole. Says whether the lease was still held.
pub async fn checkpoint(conn: &mut Connection, lease: &Lease, text: &str) -> AppResult<bool> {
    let written = diesel::update(held!(lease))
        .set((
            messages::status.eq(MessageStatus::Streaming),
            messages::content.eq(text),
            messages::lease_until.eq(sql::<Timestamptz>(&lease_end(lease.length)).nullable()),
        ))
        .execute(conn)
        .await?;
    Ok(written == 1)
}

/// Holds the lease for longer, with nothing to show yet. Says whether it was still held.
pub async fn renew(conn: &mut Connection, lease: &Lease) -> AppResult<bool> {
    let renewed = diesel::update(held!(lease))
        .set(messages::lease_until.eq(sql::<Timestamptz>(&lease_end(lease.length)).nullable()))
        .execute(conn)
        .await?;
    Ok(renewed == 1)
}

/// Gives a reply back of which nothing was shown, for another runner to take at once.
///
/// The attempt does not count: servers that come and go must not use a reply up. A runner gives back only
/// when it ends, so none ever holds the same attempt twice.
pub async fn release(conn: &mut Connection, lease: &Lease) -> AppResult<()> {
    diesel::update(held!(lease))
        .filter(messages::status.eq(MessageStatus::Pending))
        .set((
            messages::lease_until.eq(None::<chrono::DateTime<chrono::Utc>>),
            messages::attempt.eq(messages::attempt - 1),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a reply: a change in the session's log. Nothing if the lease is no longer held, or somebody else
/// ended it. Must run in a transaction.
pub async fn finish(
    conn: &mut Connection,
    lease: &Lease,
    ending: &Ending,
) -> AppResult<Option<Ended>> {
    // The session's lock first, as everyone who moves its counters takes it.
    let head: Option<Rev> = sessions::table
        .find(lease.session)
        .select(sessions::rev)
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    let Some(rev) = head.map(Rev::next) else {
        return Ok(None);
    };
    let finished: Option<Message> = diesel::update(held!(lease))
        .set((
            messages::rev.eq(rev),
            messages::finished_rev.eq(rev),
            messages::status.eq(ending.status),
            messages::content.eq(&ending.content),
            messages::failure.eq(&ending.failure),
            messages::lease_until.eq(None::<chrono::DateTime<chrono::Utc>>),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    let Some(message) = finished else {
        return Ok(None);
    };
    let is_waited_for = move_on(conn, lease.session, rev).await?;
    Ok(Some(Ended {
        message,
        is_waited_for,
    }))
}

/// Moves a session's log to `rev`. Says whether a reply is to be written in it.
pub(super) async fn move_on(
    conn: &mut Connection,
    session: SessionId,
    rev: Rev,
) -> AppResult<bool> {
    let is_owed = "exists (select from messages \
                   where session_id = sessions.id and status in ('PENDING', 'STREAMING'))";
    Ok(diesel::update(sessions::table.find(session))
        .set((
            sessions::rev.eq(rev),
            sessions::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
        ))
        .returning(sql::<Bool>(is_owed))
        .get_result(conn)
        .await?)
}
