//! Replies under way as people steer them: cancelled, joined by further messages, begun anew.
//!
//! Each of these is decided in the session's row first, which must be locked, and in the reply's row after
//! that. Whoever writes the reply holds a lease on that row and finds it gone.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::log::is_under_way;
use super::members::Seat;
use super::messages::Message;
use super::prepared::{Prepared, any_of};
use super::replies::{Ended, move_on};
use super::schema::{messages, regenerations, sessions};
use crate::domain::{ChatbotId, ClientKey, MessageStatus, Rev, RunnerId, Seq, SessionId};
use crate::error::AppResult;

/// Cancels these replies of a session, in order, with the text that was kept of them: each a change in the
/// log. Those that have ended are left alone. The session must be locked in this transaction.
pub async fn cancel(
    conn: &mut Connection,
    session: SessionId,
    seqs: &[Seq],
) -> AppResult<Vec<Ended>> {
    let mut cancelled = Vec::new();
    let head: Option<Rev> = sessions::table
        .find(session)
        .select(sessions::rev)
        .first(conn)
        .await
        .optional()?;
    // The session was deleted, and they with it.
    let Some(mut rev) = head else {
        return Ok(Vec::new());
    };
    for seq in seqs {
        let ended: Option<Message> = diesel::update(messages::table.find((session, *seq)))
            .filter(is_under_way())
            .set((
                messages::rev.eq(rev.next()),
                messages::finished_rev.eq(rev.next()),
                messages::status.eq(MessageStatus::Cancelled),
                messages::lease_holder.eq(None::<RunnerId>),
                messages::lease_until.eq(None::<chrono::DateTime<chrono::Utc>>),
            ))
            .returning(Message::as_returning())
            .get_result(conn)
            .await
            .optional()?;
        if let Some(message) = ended {
            rev = rev.next();
            cancelled.push(message);
        }
    }
    if cancelled.is_empty() {
        return Ok(Vec::new());
    }
    let is_waited_for = move_on(conn, session, rev).await?;
    Ok(cancelled
        .into_iter()
        .map(|message| Ended {
            message,
            is_waited_for,
        })
        .collect())
}

/// The replies under way of these sessions, those of each in order.
pub async fn of_sessions(mut conn: &Connection, sessions: &[SessionId]) -> AppResult<Vec<Message>> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let query = messages::table
        .filter(any_of("messages.session_id", sessions))
        .filter(is_under_way())
        .select(Message::as_select())
        .order((messages::session_id, messages::seq));
    Ok(Prepared(query).load(&mut conn).await?)
}

/// The replies of a session that somebody is writing, of which text was shown.
pub async fn being_written(conn: &mut Connection, session: SessionId) -> AppResult<Vec<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(is_under_way())
        .filter(messages::status.eq(MessageStatus::Streaming))
        .filter(messages::lease_until.gt(sql::<Timestamptz>("clock_timestamp()").nullable()))
        .select(Message::as_select())
        .order(messages::seq)
        .load(conn)
        .await?)
}

/// The last message that a reply answers.
pub async fn answers_up_to(
    conn: &mut Connection,
    session: SessionId,
    reply: Seq,
) -> AppResult<Option<Seq>> {
    let found: Option<Option<Seq>> = messages::table
        .find((session, reply))
        .select(messages::answers_up_to)
        .first(conn)
        .await
        .optional()?;
    Ok(found.flatten())
}

/// The newest reply of a session.
pub async fn newest(conn: &mut Connection, session: SessionId) -> AppResult<Option<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::chatbot_id.is_not_null())
        .select(Message::as_select())
        .order(messages::seq.desc())
        .first(conn)
        .await
        .optional()?)
}

/// Has a reply that has ended written anew, in its place: a change in the log. Whoever wrote it before holds
/// nothing of it any more, and what they may yet announce is void. The session must be locked in this
/// transaction.
pub async fn begin_anew(conn: &mut Connection, reply: &Message) -> AppResult<Message> {
    let session = reply.session_id;
    let head: Rev = sessions::table
        .find(session)
        .select(sessions::rev)
        .first(conn)
        .await?;
    let begun = diesel::update(messages::table.find((session, reply.seq)))
        .set((
            messages::rev.eq(head.next()),
            messages::finished_rev.eq(None::<Rev>),
            messages::status.eq(MessageStatus::Pending),
            messages::content.eq(""),
            messages::failure.eq(None::<String>),
            messages::lease_holder.eq(None::<RunnerId>),
            messages::lease_until.eq(None::<chrono::DateTime<chrono::Utc>>),
            messages::attempt.eq(messages::attempt + 1),
            messages::first_attempt.eq(messages::attempt + 1),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?;
    move_on(conn, session, head.next()).await?;
    Ok(begun)
}

/// The reply that the seat's person had written anew with this key, if any.
pub async fn regenerated(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
) -> AppResult<Option<Seq>> {
    let place = (seat.session().id, seat.user(), key.as_str());
    Ok(regenerations::table
        .find(place)
        .select(regenerations::seq)
        .first(conn)
        .await
        .optional()?)
}

/// Notes that the seat's person had a reply written anew with this key. The session must be locked in this
/// transaction.
pub async fn note_regenerated(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
    reply: Seq,
) -> AppResult<()> {
    diesel::insert_into(regenerations::table)
        .values((
            regenerations::session_id.eq(seat.session().id),
            regenerations::user_id.eq(seat.user()),
            regenerations::client_key.eq(key.as_str()),
            regenerations::seq.eq(reply),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The replies that a chatbot owes, in all sessions: the sessions in order of their ids, and the replies of each.
pub async fn owed_by(
    conn: &mut Connection,
    chatbot: ChatbotId,
) -> AppResult<BTreeMap<SessionId, Vec<Seq>>> {
    let owed: Vec<(SessionId, Seq)> = messages::table
        .filter(is_under_way())
        .filter(messages::chatbot_id.eq(chatbot))
        .select((messages::session_id, messages::seq))
        .order((messages::session_id, messages::seq))
        .load(conn)
        .await?;
    let mut by_session = BTreeMap::<SessionId, Vec<Seq>>::new();
    for (session, seq) in owed {
        by_session.entry(session).or_default().push(seq);
    }
    Ok(by_session)
}
