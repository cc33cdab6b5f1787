//! A conversation as a chatbot's engine needs it: what was said, newest first, and what the chatbot is told
//! to be.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{chatbots, members, messages, session_chatbots, sessions};
use crate::domain::{ChatbotId, MessageStatus, Seq, SessionId, SessionKind, UserId};
use crate::error::AppResult;

/// What somebody said, and nothing else about the message.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages, check_for_backend(diesel::pg::Pg))]
pub struct Said {
    /// Its place in the session.
    pub seq: Seq,
    /// The author, if a person who is still here.
    pub user_id: Option<UserId>,
    /// The author, if a chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// How far it has come.
    pub status: MessageStatus,
    /// The words.
    pub content: String,
}

/// What a chatbot's owner made it. It has no `Debug`: the persona is for its owner and its engine.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = chatbots, check_for_backend(diesel::pg::Pg))]
pub struct Character {
    /// The model it asks for; the default one if none.
    pub model: Option<String>,
    /// How freely the model chooses its words; the model's own default if none.
    pub temperature: Option<f64>,
    /// Who it is, in the words of its owner.
    pub persona: Option<String>,
}

/// The messages of a session before a place, newest first, at most `limit`.
pub async fn before(
    conn: &mut Connection,
    session: SessionId,
    place: Seq,
    limit: i64,
) -> AppResult<Vec<Said>> {
    Ok(messages::table
        .filter(messages::session_id.eq(session))
        .filter(messages::seq.lt(place))
        .select(Said::as_select())
        .order(messages::seq.desc())
        .limit(limit)
        .load(conn)
        .await?)
}

/// What the chatbot is told to be.
pub async fn character(conn: &mut Connection, chatbot: ChatbotId) -> AppResult<Option<Character>> {
    Ok(chatbots::table
        .find(chatbot)
        .select(Character::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Whether anybody beside one person and one chatbot speaks in the session, or may have spoken there: in a room
/// people come and go.
pub async fn has_several(conn: &mut Connection, session: SessionId) -> AppResult<bool> {
    let kind: Option<SessionKind> = sessions::table
        .find(session)
        .select(sessions::kind)
        .first(conn)
        .await
        .optional()?;
    if kind == Some(SessionKind::Room) {
        return Ok(true);
    }
    // Two are as many as a hundred, and a room may have thousands.
    let people: Vec<UserId> = members::table
        .filter(members::session_id.eq(session))
        .select(members::user_id)
        .limit(2)
        .load(conn)
        .await?;
    let chatbots: Vec<ChatbotId> = session_chatbots::table
        .filter(session_chatbots::session_id.eq(session))
        .select(session_chatbots::chatbot_id)
        .limit(2)
        .load(conn)
        .await?;
    Ok(people.len() > 1 || chatbots.len() > 1)
}
