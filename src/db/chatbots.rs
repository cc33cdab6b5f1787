//! Chatbots.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{chatbots, session_chatbots};
use crate::domain::{ChatbotEngine, ChatbotId, Handle, PageRequest, SessionId, UserId};
use crate::error::AppResult;

/// A chatbot, as anyone who may talk to it sees it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = chatbots, check_for_backend(diesel::pg::Pg))]
pub struct Chatbot {
    /// Which.
    pub id: ChatbotId,
    /// As its owner typed it.
    pub handle: String,
    /// Folded for comparison; orders the list.
    pub handle_key: String,
    /// What it is shown as.
    pub name: String,
    /// What a client may show before the first message.
    pub greeting: String,
    /// What writes its replies.
    pub engine: ChatbotEngine,
    /// Nobody for a chatbot of the house.
    pub owner_id: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A page of the chatbots that a person may talk to, those of the house and their own, by handle.
pub async fn page(
    conn: &mut Connection,
    user: UserId,
    request: &PageRequest<String>,
) -> AppResult<Vec<Chatbot>> {
    let mut query = chatbots::table
        .filter(chatbots::deleted_at.is_null())
        .filter(chatbots::owner_id.is_null().or(chatbots::owner_id.eq(user)))
        .select(Chatbot::as_select())
        .order(chatbots::handle_key)
        .limit(request.fetch())
        .into_boxed();
    if let Some(after) = &request.bounds.after {
        query = query.filter(chatbots::handle_key.gt(after));
    }
    Ok(query.load(conn).await?)
}

/// The chatbots with these handles that a person may talk to, in any order.
pub async fn by_handles(
    conn: &mut Connection,
    user: UserId,
    handles: &[Handle],
) -> AppResult<Vec<Chatbot>> {
    let keys: Vec<&str> = handles.iter().map(Handle::key).collect();
    Ok(chatbots::table
        .filter(chatbots::handle_key.eq_any(keys))
        .filter(chatbots::deleted_at.is_null())
        .filter(chatbots::owner_id.is_null().or(chatbots::owner_id.eq(user)))
        .select(Chatbot::as_select())
        .load(conn)
        .await?)
}

/// The chatbots with these ids, in any order, deleted ones included: they stay as authors.
pub async fn by_ids(conn: &mut Connection, ids: &[ChatbotId]) -> AppResult<Vec<Chatbot>> {
    Ok(chatbots::table
        .filter(chatbots::id.eq_any(ids))
        .select(Chatbot::as_select())
        .load(conn)
        .await?)
}

/// The chatbots of these sessions, in the order they were invited.
pub async fn of_sessions(
    conn: &mut Connection,
    sessions: &[SessionId],
) -> AppResult<Vec<(SessionId, Chatbot)>> {
    Ok(session_chatbots::table
        .inner_join(chatbots::table)
        .filter(session_chatbots::session_id.eq_any(sessions))
        .select((session_chatbots::session_id, Chatbot::as_select()))
        .order((session_chatbots::session_id, session_chatbots::position))
        .load(conn)
        .await?)
}

/// The chatbot that answers in a session unless another is asked for.
pub async fn find_first(conn: &mut Connection, session: SessionId) -> AppResult<Option<ChatbotId>> {
    Ok(session_chatbots::table
        .inner_join(chatbots::table)
        .filter(session_chatbots::session_id.eq(session))
        .filter(chatbots::deleted_at.is_null())
        .select(session_chatbots::chatbot_id)
        .order(session_chatbots::position)
        .first(conn)
        .await
        .optional()?)
}
