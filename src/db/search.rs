//! Finding messages by their words.
//!
//! `messages.words` holds the words of a message that has come to its end, and one that no text can have: a
//! space and the session's id. The index over it is everybody's, and a common word stands in it for all of
//! them. So short sessions are read by their key, which costs less than looking a common word up; in a long one
//! the index finds what has both the words and the session's own. Either way no message of another session is
//! read. The index itself passes over what others said, but for the beginning of a word: all that have it are
//! collected first. So it is not asked for one of a few letters, which many words have: then all of the session is
//! looked through.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Float, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::messages::{COLUMNS, Message};
use crate::domain::{PageRequest, SearchText, Seq, SessionId, UserId};
use crate::error::AppResult;

/// Up to so many messages a session is read as a whole.
const SHORT: i32 = 1_000;

/// Where a message stands among those that were found, the best first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchKey {
    /// How well it fits.
    pub rank: f32,
    /// In which session.
    pub session: SessionId,
    /// Its place there.
    pub seq: Seq,
}

/// A message that was found.
#[derive(Clone, Debug, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Found {
    /// The message.
    #[diesel(embed)]
    pub message: Message,
    /// How well it fits.
    #[diesel(sql_type = Float)]
    pub rank: f32,
}

impl Found {
    /// Where it stands.
    pub fn key(&self) -> SearchKey {
        SearchKey {
            rank: self.rank,
            session: self.message.session_id,
            seq: self.message.seq,
        }
    }
}

/// A search as PostgreSQL writes it down.
#[derive(Clone, Debug)]
pub struct Query {
    whole: String,
    /// What the index is asked for.
    indexed: Option<String>,
}

/// Reads what somebody looks for; nothing if that has no word by which it could be found.
pub async fn read(conn: &mut Connection, text: &SearchText) -> AppResult<Option<Query>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    struct Read {
        #[diesel(sql_type = Text)]
        query: String,
        #[diesel(sql_type = Bool)]
        has_words: bool,
    }
    // A beginning is taken as it is written too, since the parser takes an address that is half typed for
    // something else.
    let read: Read = diesel::sql_query(
        "with last as ( \
             select '''' || replace(replace(lower($3), '\\', '\\\\'), '''', '''''') || ''':*' as word \
         ), beginning as ( \
             select case when $3 = '' then ''::tsquery \
                         else to_tsquery('simple', word) end as parsed, \
                    case when $3 = '' then ''::tsquery else word::tsquery end as written \
             from last \
         ), read as ( \
             select websearch_to_tsquery('simple', $1) \
                 || (websearch_to_tsquery('simple', $2) \
                     && case when numnode(parsed) = 0 or parsed = written then parsed \
                             else parsed || written end) as query \
             from beginning \
         ) \
         select query::text, querytree(query) not in ('', 'T') as has_words from read",
    )
    .bind::<Text, _>(text.alternatives())
    .bind::<Text, _>(text.words())
    .bind::<Text, _>(text.beginning())
    .get_result(conn)
    .await?;
    Ok(read.has_words.then(|| Query {
        indexed: (!text.is_broad()).then(|| read.query.clone()),
        whole: read.query,
    }))
}

/// A page of what fits in a person's sessions, or in one of them, the best first.
///
/// It costs what fits in long sessions and what was said in short ones: all of it is ranked.
pub async fn page(
    conn: &mut Connection,
    user: UserId,
    session: Option<SessionId>,
    query: &Query,
    request: &PageRequest<SearchKey>,
) -> AppResult<Vec<Found>> {
    let after = request.bounds.after;
    let sql = format!(
        "with own as materialized ( \
             select s.id, s.last_seq from members \
             join sessions s on s.id = members.session_id \
             where members.user_id = $1 and ($2 is null or members.session_id = $2) \
         ), fitting as ( \
             select said.session_id, said.seq, ts_rank(said.words, $3::tsquery, 1) as rank \
             from own cross join lateral ( \
                 select session_id, seq, words from messages \
                 where session_id = own.id and ts_match_vq(words, $3::tsquery) \
             ) said where own.last_seq <= {SHORT} \
             union all \
             select said.session_id, said.seq, ts_rank(said.words, $3::tsquery, 1) as rank \
             from own cross join lateral ( \
                 select session_id, seq, words from messages \
                 where words @@ (coalesce($8::tsquery, ''::tsquery) && (''' ' || own.id || '''')::tsquery) \
                   and ts_match_vq(words, $3::tsquery) \
             ) said where own.last_seq > {SHORT} \
         ), best as materialized ( \
             select * from fitting \
             where $4 is null or (rank, session_id, seq) < ($4, $5, $6) \
             order by rank desc, session_id desc, seq desc limit $7 \
         ) \
         select {COLUMNS}, best.rank from best join messages m using (session_id, seq) \
         order by best.rank desc, m.session_id desc, m.seq desc"
    );
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(user)
        .bind::<Nullable<SqlUuid>, _>(session)
        .bind::<Text, _>(&query.whole)
        .bind::<Nullable<Float>, _>(after.map(|after| after.rank))
        .bind::<Nullable<SqlUuid>, _>(after.map(|after| after.session))
        .bind::<Nullable<Integer>, _>(after.map(|after| after.seq))
        .bind::<BigInt, _>(request.fetch())
        .bind::<Nullable<Text>, _>(&query.indexed)
        .load(conn)
        .await?)
}
