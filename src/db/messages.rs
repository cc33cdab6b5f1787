//! Messages: one of a session, or some.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::Connection;
use super::prepared::Prepared;
use super::schema::messages;
use crate::domain::{Author, ChatbotId, MessageStatus, Rev, Seq, SessionId, UserId};
use crate::error::AppResult;

/// A message. It travels between processes: nothing in it is secret from the session's members, except
/// `client_key`, which `api` shows to its author only.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Queryable, QueryableByName, Selectable,
)]
#[diesel(table_name = messages, check_for_backend(diesel::pg::Pg))]
pub struct Message {
    /// Whose log it is in.
    pub session_id: SessionId,
    /// Its place there.
    pub seq: Seq,
    /// Its last change.
    pub rev: Rev,
    /// Its birth.
    pub added_rev: Rev,
    /// When it first became final; nothing while under way.
    pub finished_rev: Option<Rev>,
    /// The author, if a person.
    pub user_id: Option<UserId>,
    /// The author, if a chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// What it says; of a reply under way, what was checkpointed so far.
    pub content: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed, in words for a person.
    pub failure: Option<String>,
    /// The place of the message it answers.
    pub in_reply_to: Option<Seq>,
    /// The sender's idempotency key.
    pub client_key: Option<String>,
    /// When it was born.
    pub created_at: DateTime<Utc>,
    /// When its author last changed it.
    pub edited_at: Option<DateTime<Utc>>,
    /// How often a runner took it on.
    pub attempt: i16,
}

impl Message {
    /// Who wrote it.
    pub fn author(&self) -> Option<Author> {
        let user = self.user_id.map(Author::User);
        user.or(self.chatbot_id.map(Author::Chatbot))
    }

    /// A reply as it was when it was owed.
    pub(super) fn into_born(self) -> Self {
        Self {
            rev: self.added_rev,
            finished_rev: None,
            content: String::new(),
            status: MessageStatus::Pending,
            failure: None,
            edited_at: None,
            attempt: 0,
            ..self
        }
    }

    /// In which session it stands, and where there.
    pub fn place(&self) -> (SessionId, Seq) {
        (self.session_id, self.seq)
    }
}

/// The columns of a [`Message`], of `messages m`. Not all there are: what is only searched in is as large as the
/// content again.
pub(super) const COLUMNS: &str = "m.session_id, m.seq, m.rev, m.added_rev, m.finished_rev, m.user_id, \
     m.chatbot_id, m.content, m.status, m.failure, m.in_reply_to, m.client_key, m.created_at, \
     m.edited_at, m.attempt";

/// One message of a session.
pub async fn find(
    conn: &mut Connection,
    session: SessionId,
    seq: Seq,
) -> AppResult<Option<Message>> {
    Ok(messages::table
        .find((session, seq))
        .select(Message::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The messages behind a place that a reply answers, in order; `up_to` is the last of them.
pub async fn answered(
    conn: &mut Connection,
    (session, reply): (SessionId, Seq),
    after: Seq,
    up_to: Seq,
) -> AppResult<Vec<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::seq.gt(after))
        .filter(messages::seq.le(up_to))
        .filter(messages::answered_by.contains(vec![reply]))
        .select(Message::as_select())
        .order(messages::seq)
        .load(conn)
        .await?)
}

/// The messages at these places, in any order.
pub async fn by_places(
    mut conn: &Connection,
    places: &[(SessionId, Seq)],
) -> AppResult<Vec<Message>> {
    let (ids, seqs): (Vec<SessionId>, Vec<Seq>) = places.iter().copied().unzip();
    // Pairs, not any id with any seq: the two lists are walked together.
    let query = diesel::sql_query(format!(
        "select {COLUMNS} from unnest((select $1), (select $2)) as place (session_id, seq) \
         join messages m using (session_id, seq)",
    ))
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Integer>, _>(seqs);
    Ok(Prepared(query).load(&mut conn).await?)
}
