//! Sessions and which chatbots are in them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::members::NewSeats;
use super::prepared::{Prepared, any_of};
use super::schema::{erased_sessions, members, session_chatbots, sessions};
use super::{Connection, OnConstraint, guests};
use crate::domain::{ChatbotId, PageRequest, Rev, Seq, SessionId, SessionKind, Title, UserId};
use crate::error::{AppError, AppResult};

/// A session. It travels between processes: nothing in it is secret from its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Who it is for.
    pub kind: SessionKind,
    /// Empty for none.
    pub title: String,
    /// Who runs it.
    pub owner_id: UserId,
    /// The seq of the newest message; 0 before the first.
    pub last_seq: Seq,
    /// The head of its log.
    pub rev: Rev,
    /// Where in its log it last changed itself: its title, its members, whether its chatbots are paused.
    pub details_rev: Rev,
    /// A person has taken over: chatbots keep silent.
    pub chatbots_paused: bool,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Where a session stands in the list, latest change first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListKey {
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Which: two may have changed in the same microsecond.
    pub id: SessionId,
}

impl Session {
    /// Where it stands in the list.
    pub fn list_key(&self) -> ListKey {
        ListKey {
            updated_at: self.updated_at,
            id: self.id,
        }
    }
}

/// A session to be started.
pub struct NewSession<'a> {
    /// Its id: chosen by the caller, so that a retry names the same session.
    pub id: SessionId,
    /// Who it is for.
    pub kind: SessionKind,
    /// What it is called.
    pub title: &'a Title,
    /// Who starts it: its owner and first member.
    pub owner: UserId,
    /// Which chatbots answer there, the first by default.
    pub chatbots: &'a [ChatbotId],
}

/// Starts a session with its owner as a member. Does nothing if there is one with this id: a retry.
/// `NOT_FOUND` if there was one. Must run in a transaction.
pub async fn insert(conn: &mut Connection, new: &NewSession<'_>) -> AppResult<NewSeats> {
    // Of a retry too: the first try may have been stored and then cut off before it told anyone.
    let seats = NewSeats {
        session: new.id,
        users: vec![new.owner],
    };
    let started = diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(new.id),
            sessions::kind.eq(new.kind),
            sessions::title.eq(new.title.as_str()),
            sessions::owner_id.eq(new.owner),
        ))
        .on_conflict(sessions::id)
        .do_nothing()
        .execute(conn)
        .await
        .on_constraint("sessions_owner_fkey", || {
            AppError::Unauthenticated("This account has just been deleted.")
        })?;
    if started == 0 {
        return Ok(seats);
    }
    // Asked after the insert, which waited for whoever was erasing it.
    let was_erased: bool = diesel::select(exists(erased_sessions::table.find(new.id)))
        .get_result(conn)
        .await?;
    if was_erased {
        return Err(AppError::NotFound("session"));
    }
    diesel::insert_into(members::table)
        .values((
            members::session_id.eq(new.id),
            members::user_id.eq(new.owner),
        ))
        .execute(conn)
        .await?;
    if !new.chatbots.is_empty() {
        let rows: Vec<_> = (0_i16..)
            .zip(new.chatbots)
            .map(|(position, chatbot)| {
                (
                    session_chatbots::session_id.eq(new.id),
                    session_chatbots::chatbot_id.eq(chatbot),
                    session_chatbots::position.eq(position),
                )
            })
            .collect();
        diesel::insert_into(session_chatbots::table)
            .values(rows)
            .execute(conn)
            .await
            // Erased since it was found, with the account of who made it.
            .on_constraint("session_chatbots_chatbot_fkey", || {
                AppError::NotFound("chatbot")
            })?;
    }
    Ok(seats)
}

/// A page of a person's sessions, latest change first.
pub async fn page(
    conn: &mut Connection,
    user: UserId,
    archived: bool,
    request: &PageRequest<ListKey>,
) -> AppResult<Vec<Session>> {
    let mut query = members::table
        .inner_join(sessions::table)
        .filter(members::user_id.eq(user))
        .filter(members::archived.eq(archived))
        .select(Session::as_select())
        .order((sessions::updated_at.desc(), sessions::id))
        .limit(request.fetch())
        .into_boxed();
    if let Some(after) = request.bounds.after {
        query = query.filter(
            sessions::updated_at
                .lt(after.updated_at)
                .or(sessions::updated_at
                    .eq(after.updated_at)
                    .and(sessions::id.gt(after.id))),
        );
    }
    Ok(query.load(conn).await?)
}

/// The sessions with these ids, in any order.
pub async fn by_ids(conn: &mut Connection, ids: &[SessionId]) -> AppResult<Vec<Session>> {
    Ok(sessions::table
        .filter(sessions::id.eq_any(ids))
        .select(Session::as_select())
        .load(conn)
        .await?)
}

/// The head of a session's log; nothing if there is no such session.
pub async fn find_rev(conn: &mut Connection, session: SessionId) -> AppResult<Option<Rev>> {
    Ok(sessions::table
        .find(session)
        .select(sessions::rev)
        .first(conn)
        .await
        .optional()?)
}

/// What may be decided about a session; what is not there stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = sessions)]
pub struct Decisions {
    /// What it is called.
    pub title: Option<String>,
    /// Whether chatbots keep silent.
    pub chatbots_paused: Option<bool>,
    /// Who runs it.
    pub owner_id: Option<UserId>,
}

/// Notes in the log that a member sees the session differently, who has put it away: their other devices must
/// hear of it. It keeps its place in everybody's list. The session must be locked in this transaction.
pub async fn touch(conn: &mut Connection, session: SessionId) -> AppResult<Session> {
    Ok(diesel::update(sessions::table.find(session))
        .set((
            sessions::rev.eq(sessions::rev + 1),
            sessions::details_rev.eq(sessions::rev + 1),
        ))
        .returning(Session::as_returning())
        .get_result(conn)
        .await?)
}

/// Erases a session with all that was said in it, and its guests: they have no other. Its id is not given out again.
/// The session must be locked in this transaction.
pub async fn erase(conn: &mut Connection, session: SessionId) -> AppResult<()> {
    // A long history takes longer than any single statement may otherwise.
    diesel::sql_query("set local statement_timeout = '10min'")
        .execute(conn)
        .await?;
    let guests = guests::of_session(conn, session).await?;
    diesel::delete(sessions::table.find(session))
        .execute(conn)
        .await?;
    guests::delete(conn, &guests).await?;
    // Other ids are made by chance, and never twice.
    if session.is_from_a_key() {
        diesel::insert_into(erased_sessions::table)
            .values(erased_sessions::session_id.eq(session))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Changes the session itself, or, with nothing decided, notes that its members have changed: a change in its
/// log, behind all that the transaction changed before. The session must be locked in this transaction.
pub async fn decide(
    conn: &mut Connection,
    session: SessionId,
    decisions: &Decisions,
) -> AppResult<Session> {
    Ok(diesel::update(sessions::table.find(session))
        .set((
            decisions,
            sessions::rev.eq(sessions::rev + 1),
            sessions::details_rev.eq(sessions::rev + 1),
            sessions::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
        ))
        .returning(Session::as_returning())
        .get_result(conn)
        .await?)
}

/// Locks a session's row until the transaction ends: its counters stand still.
pub async fn lock(conn: &mut Connection, session: SessionId) -> AppResult<()> {
    find_locked(conn, session).await.map(drop)
}

/// A session, its row locked until the transaction ends: its counters stand still.
pub async fn find_locked(conn: &mut Connection, session: SessionId) -> AppResult<Option<Session>> {
    Ok(sessions::table
        .find(session)
        .select(Session::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?)
}

/// Sessions whose rows were locked in this transaction: their counters stand still until it ends.
pub struct Locked(HashMap<SessionId, Session>);

impl Locked {
    /// The session, if its row is locked.
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.0.get(&id)
    }
}

/// What becomes of a session whose lock somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// It is waited for.
    Wait,
    /// It is left out.
    Skip,
}

/// Locks the rows of those of these sessions that some of these people are in, in the order of their ids, so that
/// nobody who does the same waits for this and is waited for. Who is in none of them has nobody wait.
pub async fn lock_all(
    conn: &mut Connection,
    ids: &[SessionId],
    users: &[UserId],
    busy: Busy,
) -> AppResult<Locked> {
    let seats = members::table
        .filter(members::session_id.eq(sessions::id))
        .filter(any_of("members.user_id", users));
    let locked = sessions::table
        .filter(any_of("sessions.id", ids))
        .filter(exists(seats))
        .select(Session::as_select())
        .order(sessions::id)
        .for_no_key_update();
    let found: Vec<Session> = match busy {
        Busy::Wait => Prepared(locked).load(conn).await?,
        Busy::Skip => Prepared(locked.skip_locked()).load(conn).await?,
    };
    let by_id = found.into_iter().map(|session| (session.id, session));
    Ok(Locked(by_id.collect()))
}

/// The session, if there is one.
pub async fn find(conn: &mut Connection, session: SessionId) -> AppResult<Option<Session>> {
    Ok(sessions::table
        .find(session)
        .select(Session::as_select())
        .first(conn)
        .await
        .optional()?)
}
