//! What is added to the logs of sessions: many messages at once, in one statement.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::members::Seat;
use super::messages::Message;
use super::prepared::Prepared;
use super::sends::SendKey;
use super::sessions::Session;
use crate::domain::{
    Author, ChatbotId, MessageContent, MessageStatus, Rev, Seq, SessionId, UserId,
};
use crate::error::AppResult;

/// How a chatbot answers a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a reply of its own.
    Anew(ChatbotId),
    /// With this reply to an earlier message, which waits to be written.
    Joining(Seq),
}

/// What a transaction adds to the logs of sessions that it has locked: messages, and the `PENDING` replies of
/// the chatbots that should answer them. Nothing is stored before it is [written](Self::write).
#[derive(Default)]
pub struct Additions<'a> {
    births: Vec<Birth<'a>>,
    /// Where the log of each session ends with them.
    ends: BTreeMap<SessionId, (Seq, Rev)>,
    /// How far those have read who have sent something.
    read: BTreeMap<(SessionId, UserId), Seq>,
    /// Replies that were there before, and the last message that each answers now.
    joined: BTreeMap<(SessionId, Seq), Seq>,
}

/// A message that is to be born.
struct Birth<'a> {
    session: SessionId,
    seq: Seq,
    rev: Rev,
    author: Author,
    content: &'a str,
    in_reply_to: Option<Seq>,
    key: Option<&'a SendKey>,
    answered_by: Vec<Seq>,
    answers_up_to: Option<Seq>,
}

/// Where a message is to stand.
#[derive(Clone)]
pub struct Added {
    /// Its own place.
    pub seq: Seq,
    /// Those of the replies that answer it, in the order of the answers that were asked for.
    pub replies: Vec<Seq>,
}

/// What was stored.
#[derive(Default)]
pub struct Written {
    /// The messages that were born: those of each session in the order of its log.
    pub born: Vec<Message>,
    /// When each session changed.
    changed: BTreeMap<SessionId, (Seq, Rev, DateTime<Utc>)>,
}

impl<'a> Additions<'a> {
    /// Adds a message of the seat's person, and what answers it.
    ///
    /// The seat must be locked in this transaction ([`members::find_seats`](super::members::find_seats)): its
    /// counters are the ones to count on from.
    pub fn add(
        &mut self,
        seat: &Seat,
        content: &'a MessageContent,
        key: Option<&'a SendKey>,
        answers: &[Answer],
    ) -> Added {
        let session = seat.session().id;
        let (seq, rev) = self.next_place(seat.session());
        let at = self.births.len();
        self.births.push(Birth {
            session,
            seq,
            rev,
            author: Author::User(seat.user()),
            content: content.as_str(),
            in_reply_to: None,
            key,
            answered_by: Vec::new(),
            answers_up_to: None,
        });
        let mut replies = Vec::with_capacity(answers.len());
        for answer in answers {
            replies.push(match answer {
                Answer::Anew(chatbot) => self.bear(seat.session(), *chatbot, seq),
                Answer::Joining(reply) => self.join((session, *reply), seq),
            });
        }
        self.births[at].answered_by.clone_from(&replies);
        self.read.insert((session, seat.user()), seq);
        Added { seq, replies }
    }

    fn next_place(&mut self, session: &Session) -> (Seq, Rev) {
        let end = (session.last_seq, session.rev);
        let (seq, rev) = self.ends.entry(session.id).or_insert(end);
        (*seq, *rev) = (Seq(seq.0 + 1), rev.next());
        (*seq, *rev)
    }

    /// Adds the reply that a chatbot owes to a message.
    fn bear(&mut self, session: &Session, chatbot: ChatbotId, to: Seq) -> Seq {
        let (seq, rev) = self.next_place(session);
        self.births.push(Birth {
            session: session.id,
            seq,
            rev,
            author: Author::Chatbot(chatbot),
            content: "",
            in_reply_to: Some(to),
            key: None,
            answered_by: Vec::new(),
            answers_up_to: None,
        });
        seq
    }

    /// Has a waiting reply answer a later message too.
    fn join(&mut self, reply: (SessionId, Seq), message: Seq) -> Seq {
        let is_it = |birth: &&mut Birth<'_>| (birth.session, birth.seq) == reply;
        match self.births.iter_mut().find(is_it) {
            Some(birth) => birth.answers_up_to = Some(message),
            None => drop(self.joined.insert(reply, message)),
        }
        reply.1
    }

    /// Stores all of it.
    pub async fn write(self, conn: &mut Connection) -> AppResult<Written> {
        if self.births.is_empty() {
            return Ok(Written::default());
        }
        if !self.joined.is_empty() {
            self.write_joined(conn).await?;
        }
        let rows = self.write_births(conn).await?;
        let mut written = Written::default();
        for row in &rows {
            let (seq, rev) = self.ends[&row.session_id];
            let changed = (seq, rev, row.updated_at);
            written.changed.insert(row.session_id, changed);
        }
        let times: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| ((row.session_id, row.seq), row.created_at))
            .collect();
        let born = self.births.into_iter().map(|birth| {
            let created_at = times[&(birth.session, birth.seq)];
            birth.into_message(created_at)
        });
        written.born = born.collect();
        Ok(written)
    }

    async fn write_births(&self, conn: &mut Connection) -> AppResult<Vec<Stored>> {
        let births = &self.births;
        let key = |birth: &Birth<'a>| birth.key.map(|key| key.key.as_str());
        let digest = |birth: &Birth<'a>| birth.key.map(|key| key.digest.as_slice());
        let query = diesel::sql_query(WRITE)
            .bind::<Array<SqlUuid>, _>(list(self.ends.keys(), |id| *id))
            .bind::<Array<Integer>, _>(list(self.ends.values(), |end| end.0))
            .bind::<Array<BigInt>, _>(list(self.ends.values(), |end| end.1))
            .bind::<Array<SqlUuid>, _>(list(self.read.keys(), |seat| seat.0))
            .bind::<Array<SqlUuid>, _>(list(self.read.keys(), |seat| seat.1))
            .bind::<Array<Integer>, _>(list(self.read.values(), |seq| *seq))
            .bind::<Array<SqlUuid>, _>(list(births, |birth| birth.session))
            .bind::<Array<Integer>, _>(list(births, |birth| birth.seq))
            .bind::<Array<BigInt>, _>(list(births, |birth| birth.rev))
            .bind::<Array<Nullable<SqlUuid>>, _>(list(births, Birth::user))
            .bind::<Array<Nullable<SqlUuid>>, _>(list(births, Birth::chatbot))
            .bind::<Array<Text>, _>(list(births, |birth| birth.content))
            .bind::<Array<Text>, _>(list(births, |birth| birth.status().as_str()))
            .bind::<Array<Nullable<Integer>>, _>(list(births, |birth| birth.in_reply_to))
            .bind::<Array<Nullable<Text>>, _>(list(births, key))
            .bind::<Array<Nullable<Binary>>, _>(list(births, digest))
            .bind::<Array<Text>, _>(list(births, |birth| literal(&birth.answered_by)))
            .bind::<Array<Nullable<Integer>>, _>(list(births, |birth| birth.answers_up_to));
        Ok(Prepared(query).load(conn).await?)
    }

    async fn write_joined(&self, conn: &mut Connection) -> AppResult<()> {
        let query = diesel::sql_query(
            "update messages m set answers_up_to = given.up_to \
             from unnest((select $1), (select $2), (select $3)) as given (session_id, seq, up_to) \
             where m.session_id = given.session_id and m.seq = given.seq",
        )
        .bind::<Array<SqlUuid>, _>(list(self.joined.keys(), |reply| reply.0))
        .bind::<Array<Integer>, _>(list(self.joined.keys(), |reply| reply.1))
        .bind::<Array<Integer>, _>(list(self.joined.values(), |message| *message));
        Prepared(query).execute(conn).await?;
        Ok(())
    }
}

impl Birth<'_> {
    fn user(&self) -> Option<UserId> {
        match self.author {
            Author::User(user) => Some(user),
            Author::Chatbot(_) => None,
        }
    }

    fn chatbot(&self) -> Option<ChatbotId> {
        match self.author {
            Author::User(_) => None,
            Author::Chatbot(chatbot) => Some(chatbot),
        }
    }

    fn status(&self) -> MessageStatus {
        match self.author {
            Author::User(_) => MessageStatus::Complete,
            Author::Chatbot(_) => MessageStatus::Pending,
        }
    }

    fn into_message(self, created_at: DateTime<Utc>) -> Message {
        Message {
            session_id: self.session,
            seq: self.seq,
            rev: self.rev,
            added_rev: self.rev,
            finished_rev: self.user().map(|_| self.rev),
            user_id: self.user(),
            chatbot_id: self.chatbot(),
            content: self.content.to_owned(),
            status: self.status(),
            failure: None,
            in_reply_to: self.in_reply_to,
            client_key: self.key.map(|key| key.key.as_str().to_owned()),
            created_at,
            edited_at: None,
            attempt: 0,
        }
    }
}

impl Written {
    /// The session as it is now, behind what was written.
    pub fn brought_up_to_date(&self, session: Session) -> Session {
        match self.changed.get(&session.id) {
            Some((last_seq, rev, updated_at)) => Session {
                last_seq: *last_seq,
                rev: *rev,
                updated_at: *updated_at,
                ..session
            },
            None => session,
        }
    }
}

/// What PostgreSQL says of a message that was born.
#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = SqlUuid)]
    session_id: SessionId,
    #[diesel(sql_type = Integer)]
    seq: Seq,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

/// Moves the counters of sessions, notes how far the senders have read, which never falls, and inserts messages
/// in the order in which they are given.
const WRITE: &str = "\
with moved as ( \
    update sessions s set last_seq = given.last_seq, rev = given.rev, updated_at = clock_timestamp() \
    from unnest((select $1), (select $2), (select $3)) as given (id, last_seq, rev) \
    where s.id = given.id returning s.id, s.updated_at \
), marked as ( \
    update members m set read_up_to = given.read_up_to \
    from unnest((select $4), (select $5), (select $6)) as given (session_id, user_id, read_up_to) \
    where m.session_id = given.session_id and m.user_id = given.user_id \
      and m.read_up_to < given.read_up_to \
), born as ( \
    insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, chatbot_id, content, \
        status, in_reply_to, client_key, client_digest, answered_by, answers_up_to) \
    select session_id, seq, rev, rev, case when user_id is not null then rev end, user_id, chatbot_id, \
        content, status, in_reply_to, client_key, client_digest, answered_by::integer[], answers_up_to \
    from unnest((select $7), (select $8), (select $9), (select $10), (select $11), (select $12), \
        (select $13), (select $14), (select $15), (select $16), (select $17), (select $18)) as given ( \
        session_id, seq, rev, user_id, chatbot_id, content, status, in_reply_to, client_key, \
        client_digest, answered_by, answers_up_to) \
    returning session_id, seq, created_at \
) \
select born.session_id, seq, created_at, updated_at from born join moved on moved.id = born.session_id";

/// A column of what is given.
fn list<T, U>(rows: impl IntoIterator<Item = T>, of: impl Fn(T) -> U) -> Vec<U> {
    rows.into_iter().map(of).collect()
}

/// An array as PostgreSQL reads it: lists of lists of different lengths are no arrays.
fn literal(seqs: &[Seq]) -> String {
    let seqs: Vec<String> = seqs.iter().map(|seq| seq.0.to_string()).collect();
    format!("{{{}}}", seqs.join(","))
}
