//! What is given out of the database page by page, from its beginning to its end: transcripts, and everything that is
//! a person's. A page is bounded in rows and in bytes, and nothing is held between two.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::chatbots::Chatbot;
use super::log::PageLimit;
use super::members::Seat;
use super::messages::{COLUMNS, Message};
use super::schema::{chatbots, logins, members, messages};
use crate::domain::{ChatbotId, LoginId, Seq, SessionId, UserId};
use crate::error::AppResult;

/// A login as its owner may see it.
#[derive(Clone, Debug, Queryable)]
pub struct PastLogin {
    /// Which.
    pub id: LoginId,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it last got a new access token.
    pub last_used_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A person's part in a session, as they themselves may see it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
pub struct Membership {
    /// Which session.
    pub session_id: SessionId,
    /// Who.
    pub user_id: UserId,
    /// The seq of the newest message they have read.
    pub read_up_to: Seq,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Whether they have put it away.
    pub archived: bool,
}

/// The next messages of the seat's session, by their place. One at least, however large; none after the last.
pub async fn messages(
    conn: &mut Connection,
    seat: &Seat,
    after: Seq,
    limit: PageLimit,
) -> AppResult<Vec<Message>> {
    page(conn, seat.session().id, None, after, limit).await
}

/// The next session that the person said something in and has not been in since `then`, by id.
pub async fn departed(
    conn: &mut Connection,
    user: UserId,
    then: DateTime<Utc>,
    after: SessionId,
) -> AppResult<Option<SessionId>> {
    let is_member = members::table
        .filter(members::session_id.eq(messages::session_id))
        .filter(members::user_id.eq(user))
        .filter(members::joined_at.le(then));
    Ok(messages::table
        .filter(messages::user_id.eq(user))
        .filter(messages::session_id.gt(after))
        .filter(not(exists(is_member)))
        .order((messages::session_id, messages::seq))
        .select(messages::session_id)
        .first(conn)
        .await
        .optional()?)
}

/// The next messages that the person wrote in a session, by their place, whether they are in it or not. One at
/// least, however large; none after the last.
pub async fn own_words(
    conn: &mut Connection,
    user: UserId,
    session: SessionId,
    after: Seq,
    limit: PageLimit,
) -> AppResult<Vec<Message>> {
    page(conn, session, Some(user), after, limit).await
}

/// The author's index has the session second, so their words cost nothing of what others said around them.
async fn page(
    conn: &mut Connection,
    session: SessionId,
    author: Option<UserId>,
    after: Seq,
    limit: PageLimit,
) -> AppResult<Vec<Message>> {
    let by_author = match author {
        Some(_) => "user_id = $2",
        None => "$2::uuid is null",
    };
    Ok(diesel::sql_query(format!(
        "select {COLUMNS} from ( \
           select page.*, sum(octet_length(content)) over (order by seq) - octet_length(content) as before \
           from ( \
             select * from messages \
             where session_id = $1 and {by_author} and seq > $3 \
             order by seq limit $4 \
           ) page \
         ) m where before < $5 order by seq",
    ))
    .bind::<SqlUuid, _>(session)
    .bind::<Nullable<SqlUuid>, _>(author.map(|author| author.0))
    .bind::<Integer, _>(after)
    .bind::<BigInt, _>(limit.entries as i64)
    .bind::<BigInt, _>(limit.bytes as i64)
    .load(conn)
    .await?)
}

/// The person's part in their next sessions, by id.
pub async fn memberships(
    conn: &mut Connection,
    user: UserId,
    after: SessionId,
    limit: i64,
) -> AppResult<Vec<Membership>> {
    Ok(members::table
        .filter(members::user_id.eq(user))
        .filter(members::session_id.gt(after))
        .order(members::session_id)
        .select(Membership::as_select())
        .limit(limit)
        .load(conn)
        .await?)
}

/// The person's next logins, by id.
pub async fn logins(
    conn: &mut Connection,
    user: UserId,
    after: LoginId,
    limit: i64,
) -> AppResult<Vec<PastLogin>> {
    Ok(logins::table
        .filter(logins::user_id.eq(user))
        .filter(logins::id.gt(after))
        .order(logins::id)
        .select((
            logins::id,
            logins::created_at,
            logins::last_used_at,
            logins::ended_at,
        ))
        .limit(limit)
        .load(conn)
        .await?)
}

/// The person's next chatbots, by id.
pub async fn chatbots(
    conn: &mut Connection,
    user: UserId,
    after: ChatbotId,
    limit: i64,
) -> AppResult<Vec<Chatbot>> {
    Ok(chatbots::table
        .filter(chatbots::owner_id.eq(user))
        .filter(chatbots::id.gt(after))
        .order(chatbots::id)
        .select(Chatbot::as_select())
        .limit(limit)
        .load(conn)
        .await?)
}
