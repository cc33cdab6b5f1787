//! Chatbots: whose they are, who may see them, and making, changing and deleting one's own.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::error::{DbError, OnConstraint};
use super::schema::{chatbots, members, session_chatbots, users};
use crate::domain::{
    Account, Candidate, ChatbotEngine, ChatbotId, Handle, PageRequest, SessionId, UserId,
    WhileReplying,
};
use crate::error::{AppError, AppResult};

/// A chatbot. Its persona is for its owner and admins only: `api` sees to that. So it has no `Debug` that
/// would show it, and does not travel.
#[derive(Clone, Queryable, Selectable)]
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
    /// The model it asks for; the operator's default if none.
    pub model: Option<String>,
    /// How freely the model chooses its words; the model's own default if none.
    pub temperature: Option<f64>,
    /// The system prompt.
    pub persona: Option<String>,
    /// What becomes of a message that comes while it is replying.
    pub while_replying: WhileReplying,
    /// Nobody for a chatbot of the house.
    pub owner_id: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// A deleted one stays as the author of what it wrote.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What there is to decide about a chatbot, all of it.
#[derive(Clone, AsChangeset, Insertable)]
#[diesel(table_name = chatbots, treat_none_as_null = true)]
pub struct Traits {
    /// As its owner typed it.
    pub handle: String,
    /// Folded for comparison.
    pub handle_key: String,
    /// What it is shown as.
    pub name: String,
    /// What a client may show before the first message.
    pub greeting: String,
    /// What writes its replies.
    pub engine: ChatbotEngine,
    /// The model it asks for.
    pub model: Option<String>,
    /// How freely the model chooses its words.
    pub temperature: Option<f64>,
    /// The system prompt.
    pub persona: Option<String>,
    /// What becomes of a message that comes while it is replying.
    pub while_replying: WhileReplying,
}

/// Makes a chatbot of a person's, unless they have `most` of them. Must run in a transaction.
pub async fn insert(
    conn: &mut Connection,
    owner: Account,
    traits: &Traits,
    most: i64,
) -> AppResult<Chatbot> {
    let owner = owner.user();
    // Makers for the same person wait for each other here, so that none of them counts too few.
    let _: UserId = users::table
        .find(owner)
        .select(users::id)
        .for_no_key_update()
        .first(conn)
        .await?;
    let made: i64 = chatbots::table
        .filter(chatbots::owner_id.eq(owner))
        .filter(chatbots::deleted_at.is_null())
        .count()
        .get_result(conn)
        .await?;
    if made >= most {
        return Err(AppError::conflict(
            "input",
            format!("You have {made} chatbots, and {most} are the most. Delete one first."),
        ));
    }
    let made = diesel::insert_into(chatbots::table)
        .values((
            chatbots::id.eq(ChatbotId::new()),
            chatbots::owner_id.eq(owner),
            traits,
        ))
        .returning(Chatbot::as_returning())
        .get_result(conn)
        .await;
    Ok(handle_is_free(made)?)
}

/// Changes a chatbot that was not deleted.
pub async fn update(
    conn: &mut Connection,
    id: ChatbotId,
    traits: &Traits,
) -> AppResult<Option<Chatbot>> {
    let changed = diesel::update(chatbots::table.find(id))
        .filter(chatbots::deleted_at.is_null())
        .set(traits)
        .returning(Chatbot::as_returning())
        .get_result(conn)
        .await
        .optional();
    Ok(handle_is_free(changed)?)
}

fn handle_is_free<T>(outcome: Result<T, diesel::result::Error>) -> Result<T, DbError> {
    outcome.on_constraint("chatbots_handle_key", || {
        AppError::conflict("handle", "This handle is taken.")
    })
}

/// Deletes a chatbot: it answers no more, and stays as an author. Says whether it was still there.
pub async fn delete(conn: &mut Connection, id: ChatbotId) -> AppResult<bool> {
    let deleted = diesel::update(chatbots::table.find(id))
        .filter(chatbots::deleted_at.is_null())
        .set(chatbots::deleted_at.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    Ok(deleted == 1)
}

/// The chatbot that a person's handle names, locked until the transaction ends.
pub async fn lock(
    conn: &mut Connection,
    account: Account,
    handle: &Handle,
) -> AppResult<Option<Chatbot>> {
    let user = account.user();
    Ok(chatbots::table
        .filter(chatbots::handle_key.eq(handle.key()))
        .filter(chatbots::deleted_at.is_null())
        .filter(chatbots::owner_id.is_null().or(chatbots::owner_id.eq(user)))
        .select(Chatbot::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?)
}

/// Whether a person is in a session that this chatbot is in, or was in when it was deleted.
pub async fn shares_a_session(
    conn: &mut Connection,
    user: UserId,
    id: ChatbotId,
) -> AppResult<bool> {
    let shared = members::table
        .inner_join(
            session_chatbots::table.on(session_chatbots::session_id.eq(members::session_id)),
        )
        .filter(members::user_id.eq(user))
        .filter(session_chatbots::chatbot_id.eq(id));
    Ok(diesel::select(exists(shared)).get_result(conn).await?)
}

/// A page of the chatbots that a person may talk to, those of the house and their own, by handle.
pub async fn page(
    conn: &mut Connection,
    account: Account,
    request: &PageRequest<String>,
) -> AppResult<Vec<Chatbot>> {
    let user = account.user();
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
    account: Account,
    handles: &[Handle],
) -> AppResult<Vec<Chatbot>> {
    let user = account.user();
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

/// The one that answers those who visit a person: the first that they made of those they have, or that of the house.
pub async fn default_of(conn: &mut Connection, owner: UserId) -> AppResult<ChatbotId> {
    let first = chatbots::table
        .filter(chatbots::owner_id.eq(owner))
        .filter(chatbots::deleted_at.is_null())
        .select(chatbots::id)
        .order((chatbots::created_at, chatbots::id))
        .first(conn)
        .await
        .optional()?;
    Ok(first.unwrap_or(ChatbotId::HOUSE))
}

/// The chatbots of these sessions, in the order they were invited, without deleted ones.
pub async fn of_sessions(
    conn: &mut Connection,
    sessions: &[SessionId],
) -> AppResult<Vec<(SessionId, Chatbot)>> {
    Ok(session_chatbots::table
        .inner_join(chatbots::table)
        .filter(session_chatbots::session_id.eq_any(sessions))
        .filter(chatbots::deleted_at.is_null())
        .select((session_chatbots::session_id, Chatbot::as_select()))
        .order((session_chatbots::session_id, session_chatbots::position))
        .load(conn)
        .await?)
}

/// The chatbots that could answer in a session, in the order of their invitation, and what each does while it
/// is replying. Deleted ones answer no more.
pub async fn candidates(
    conn: &mut Connection,
    session: SessionId,
) -> AppResult<Vec<(Candidate, WhileReplying)>> {
    let rows: Vec<(ChatbotId, String, WhileReplying)> = session_chatbots::table
        .inner_join(chatbots::table)
        .filter(session_chatbots::session_id.eq(session))
        .filter(chatbots::deleted_at.is_null())
        .select((
            session_chatbots::chatbot_id,
            chatbots::handle_key,
            chatbots::while_replying,
        ))
        .order(session_chatbots::position)
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, handle_key, mode)| (Candidate { id, handle_key }, mode))
        .collect())
}
