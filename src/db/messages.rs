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
    /// The replies that answer it, in the order in which they were owed.
    pub replies: Vec<Message>,
}

/// How a chatbot answers a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a reply of its own.
    Anew(ChatbotId),
    /// With this reply to an earlier message, which waits to be written.
    Joining(Seq),
}

/// What the seat's person sent before under this key, if anything.
pub async fn find_by_key(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
) -> AppResult<Option<EarlierSend>> {
    let row: Option<(Message, Option<Vec<u8>>, Vec<Seq>)> = messages::table
        .filter(messages::session_id.eq(seat.session().id))
        .filter(messages::user_id.eq(seat.user()))
        .filter(messages::client_key.eq(key.as_str()))
        .select((
            Message::as_select(),
            messages::client_digest,
            messages::answered_by,
        ))
        .first(conn)
        .await
        .optional()?;
    let Some((message, digest, answered_by)) = row else {
        return Ok(None);
    };
    let places: Vec<_> = answered_by
        .iter()
        .map(|reply| (message.session_id, *reply))
        .collect();
    let mut replies = by_places(conn, &places).await?;
    replies.sort_by_key(|reply| answered_by.iter().position(|seq| *seq == reply.seq));
    Ok(Some(EarlierSend {
        message,
        digest: digest.unwrap_or_default(),
        replies,
    }))
}

/// Appends a message, and the `PENDING` replies of the chatbots that should answer it; those that wait already
/// answer it too. Gives the message and all its replies, in the order of `answers`.
///
/// The seat must be locked in this transaction ([`members::lock_seat`](super::members::lock_seat)): its
/// counters are the ones to count on from.
pub async fn append(
    conn: &mut Connection,
    seat: &Seat,
    content: &MessageContent,
    key: Option<&SendKey>,
    answers: &[Answer],
) -> AppResult<(Message, Vec<Message>)> {
    let session = seat.session();
    let place = |n: i32| {
        (
            Seq(session.last_seq.0 + n),
            Rev(session.rev.0 + i64::from(n)),
        )
    };
    let mut births = 1;
    let answered_by: Vec<Seq> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Anew(_) => {
                births += 1;
                place(births).0
            }
            Answer::Joining(reply) => *reply,
        })
        .collect();
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
            messages::answered_by.eq(&answered_by),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?;
    super::members::mark_read(conn, seat, seq).await?;

    let mut replies = Vec::with_capacity(answers.len());
    let mut born = 1;
    for answer in answers {
        replies.push(match answer {
            Answer::Anew(chatbot) => {
                born += 1;
                bear(conn, session.id, place(born), *chatbot, seq).await?
            }
            Answer::Joining(reply) => join(conn, session.id, *reply, seq).await?,
        });
    }
    Ok((message, replies))
}

/// Inserts the reply that a chatbot owes to a message.
async fn bear(
    conn: &mut Connection,
    session: SessionId,
    (seq, rev): (Seq, Rev),
    chatbot: ChatbotId,
    to: Seq,
) -> AppResult<Message> {
    Ok(diesel::insert_into(messages::table)
        .values((
            messages::session_id.eq(session),
            messages::seq.eq(seq),
            messages::rev.eq(rev),
            messages::added_rev.eq(rev),
            messages::chatbot_id.eq(chatbot),
            messages::content.eq(""),
            messages::status.eq(MessageStatus::Pending),
            messages::in_reply_to.eq(to),
        ))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?)
}

/// Has a waiting reply answer a later message too.
async fn join(
    conn: &mut Connection,
    session: SessionId,
    reply: Seq,
    message: Seq,
) -> AppResult<Message> {
    Ok(diesel::update(messages::table.find((session, reply)))
        .set(messages::answers_up_to.eq(message))
        .returning(Message::as_returning())
        .get_result(conn)
        .await?)
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
