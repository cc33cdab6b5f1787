//! Messages: writing them into a session's log, and finding one again.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::Connection;
use super::members::Seat;
use super::schema::{messages, sessions};
use crate::domain::{
    Author, ChatbotId, ClientKey, MessageContent, MessageStatus, Rev, Seq, SessionId, UserId,
};
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

/// The idempotency key of a send, and the digest of what was sent with it.
#[derive(Clone, Debug)]
pub struct SendKey {
    /// The client's key.
    pub key: ClientKey,
    /// SHA-256 of the content.
    pub digest: Vec<u8>,
}

/// What was sent before under the same key.
pub struct EarlierSend {
    /// The message, as it is now.
    pub message: Message,
    /// SHA-256 of the content it was sent with.
    pub digest: Vec<u8>,
}

/// What the seat's person sent before under this key, if anything.
pub async fn find_by_key(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
) -> AppResult<Option<EarlierSend>> {
    let row: Option<(Message, Option<Vec<u8>>)> = messages::table
        .filter(messages::session_id.eq(seat.session().id))
        .filter(messages::user_id.eq(seat.user()))
        .filter(messages::client_key.eq(key.as_str()))
        .select((Message::as_select(), messages::client_digest))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(message, digest)| EarlierSend {
        message,
        digest: digest.unwrap_or_default(),
    }))
}

/// Appends a message, and the `PENDING` reply of the chatbot that should answer it.
///
/// The seat must be locked in this transaction ([`members::lock_seat`](super::members::lock_seat)): its
/// counters are the ones to count on from. The replies are born in the order of their chatbots.
pub async fn append(
    conn: &mut Connection,
    seat: &Seat,
    content: &MessageContent,
    key: Option<&SendKey>,
    answering: &[ChatbotId],
) -> AppResult<(Message, Vec<Message>)> {
    let session = seat.session();
    let place = |n: i32| {
        (
            Seq(session.last_seq.0 + n),
            Rev(session.rev.0 + i64::from(n)),
        )
    };
    let births = (1..).zip(answering).map(|(n, _)| n + 1).last().unwrap_or(1);
    advance(conn, session.id, births).await?;

    let (seq, rev) = place(1);
    let message = diesel::insert_into(messages::table)
        .values((
            messages::session_id.eq(session.id),
            messages::seq.eq(seq),
            messages::rev.eq(rev),
            messages::added_rev.eq(rev),
            messages::finished_rev.eq(rev),
            messages::user_id.eq(seat.user()),
            messages::content.eq(content.as_str()),
            messages::status.eq(MessageStatus::Complete),
            messages::client_key.eq(key.map(|key| key.key.as_str())),
            messages::client_digest.eq(key.map(|key| &key.digest)),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?;
    super::members::mark_read(conn, seat, seq).await?;

    let mut replies = Vec::with_capacity(answering.len());
    for (n, chatbot) in (2..).zip(answering) {
        let (reply_seq, reply_rev) = place(n);
        let reply = diesel::insert_into(messages::table)
            .values((
                messages::session_id.eq(session.id),
                messages::seq.eq(reply_seq),
                messages::rev.eq(reply_rev),
                messages::added_rev.eq(reply_rev),
                messages::chatbot_id.eq(chatbot),
                messages::content.eq(""),
                messages::status.eq(MessageStatus::Pending),
                messages::in_reply_to.eq(seq),
            ))
            .returning(Message::as_returning())
            .get_result(conn)
            .await?;
        replies.push(reply);
    }
    Ok((message, replies))
}

/// Moves a session's counters by as many messages born at once.
async fn advance(conn: &mut Connection, session: SessionId, births: i32) -> AppResult<()> {
    diesel::update(sessions::table.find(session))
        .set((
            sessions::last_seq.eq(sessions::last_seq + births),
            sessions::rev.eq(sessions::rev + i64::from(births)),
            sessions::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The first reply to a message, if a chatbot answers it: its own, or one that it joined.
pub async fn find_reply(
    conn: &mut Connection,
    session: SessionId,
    to: Seq,
) -> AppResult<Option<Message>> {
    let own = messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::in_reply_to.eq(to))
        .select(Message::as_select())
        .order(messages::seq)
        .first(conn)
        .await
        .optional()?;
    if own.is_some() {
        return Ok(own);
    }
    // Replies that wait end in the order in which they began to: the first that reaches so far is the one.
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::answers_up_to.ge(to))
        .filter(messages::in_reply_to.lt(to))
        .select(Message::as_select())
        .order(messages::answers_up_to)
        .first(conn)
        .await
        .optional()?)
}

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

/// The messages between two of a session, and the second itself, in order.
pub async fn between(
    conn: &mut Connection,
    session: SessionId,
    after: Seq,
    up_to: Seq,
) -> AppResult<Vec<Message>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::seq.gt(after))
        .filter(messages::seq.le(up_to))
        .select(Message::as_select())
        .order(messages::seq)
        .load(conn)
        .await?)
}

/// The messages at these places, in any order.
pub async fn by_places(
    conn: &mut Connection,
    places: &[(SessionId, Seq)],
) -> AppResult<Vec<Message>> {
    let (ids, seqs): (Vec<SessionId>, Vec<Seq>) = places.iter().copied().unzip();
    // Pairs, not any id with any seq: the two lists are walked together.
    let query = diesel::sql_query(format!(
        "select {COLUMNS} from unnest($1, $2) as place (session_id, seq) \
         join messages m using (session_id, seq)",
    ));
    Ok(query
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Integer>, _>(seqs)
        .load(conn)
        .await?)
}
