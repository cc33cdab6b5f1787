//! What people do to messages that stand: edited, taken back. Each is a change in the session's log.
//!
//! The session must be locked in the transaction that does it, so that edits, deletions and the ends of
//! replies come one after the other.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::Message;
use super::replies::move_on;
use super::schema::{messages, sessions};
use crate::domain::{MessageContent, MessageStatus, Rev, RunnerId, Seq, SessionId};
use crate::error::AppResult;

/// Gives a message another content. It keeps its place, and the moment it became final: an edit is no second
/// arrival.
pub async fn edit(
    conn: &mut Connection,
    message: &Message,
    content: &MessageContent,
) -> AppResult<Message> {
    let rev = next_rev(conn, message.session_id).await?;
    let edited = diesel::update(messages::table.find((message.session_id, message.seq)))
        .set((
            messages::rev.eq(rev),
            messages::content.eq(content.as_str()),
            messages::edited_at.eq(sql::<Timestamptz>("clock_timestamp()").nullable()),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?;
    move_on(conn, message.session_id, rev).await?;
    Ok(edited)
}

/// Takes a message back: its content is gone from the row, and so is the digest of what it said first. Its
/// place stays. It must not be under way.
pub async fn delete(conn: &mut Connection, message: &Message) -> AppResult<Message> {
    let rev = next_rev(conn, message.session_id).await?;
    // A key without its digest is still the sender's: a retry finds what became of the message.
    let digest = message.client_key.as_ref().map(|_| Vec::<u8>::new());
    let deleted = diesel::update(messages::table.find((message.session_id, message.seq)))
        .set((
            messages::rev.eq(rev),
            messages::status.eq(MessageStatus::Deleted),
            messages::content.eq(""),
            messages::failure.eq(None::<String>),
            messages::client_digest.eq(digest),
            messages::lease_holder.eq(None::<RunnerId>),
            messages::lease_until.eq(None::<DateTime<Utc>>),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?;
    move_on(conn, message.session_id, rev).await?;
    Ok(deleted)
}

/// The replies under way that answer this message and none beside it that still stands, in order. What was said
/// to other chatbots meanwhile is not answered by them.
pub async fn answering_only(
    conn: &mut Connection,
    session: SessionId,
    message: Seq,
) -> AppResult<Vec<Seq>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    struct Reply {
        #[diesel(sql_type = Integer)]
        seq: Seq,
    }
    let replies: Vec<Reply> = diesel::sql_query(
        "select seq from messages reply \
         where session_id = $1 and status in ('PENDING', 'STREAMING') \
           and seq = any ((select answered_by from messages where session_id = $1 and seq = $2)::int[]) \
           and not exists ( \
               select from messages said \
               where said.session_id = $1 and said.seq <> $2 and said.status <> 'DELETED' \
                 and said.seq between reply.in_reply_to \
                                  and coalesce(reply.answers_up_to, reply.in_reply_to) \
                 and reply.seq = any (said.answered_by)) \
         order by seq",
    )
    .bind::<SqlUuid, _>(session)
    .bind::<Integer, _>(message)
    .load(conn)
    .await?;
    Ok(replies.into_iter().map(|reply| reply.seq).collect())
}

async fn next_rev(conn: &mut Connection, session: SessionId) -> AppResult<Rev> {
    let head: Rev = sessions::table
        .find(session)
        .select(sessions::rev)
        .first(conn)
        .await?;
    Ok(head.next())
}
