//! Erasing a person with everything that is theirs.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{chatbots, session_chatbots, sessions, users};
use crate::domain::UserId;
use crate::error::AppResult;

/// Erases a person: their account, logins and sessions with all messages in them, and their chatbots. Must
/// run in a transaction.
pub async fn erase(conn: &mut Connection, user: UserId) -> AppResult<()> {
    // A life's history takes longer than any single statement may otherwise.
    diesel::sql_query("set local statement_timeout = '10min'")
        .execute(conn)
        .await?;
    // First, so that a session which is started meanwhile is seen below or finds nobody to belong to.
    users::table
        .find(user)
        .select(users::id)
        .for_update()
        .first::<UserId>(conn)
        .await
        .optional()?;
    diesel::delete(sessions::table.filter(sessions::owner_id.eq(user)))
        .execute(conn)
        .await?;
    // With their sessions gone, nobody is left who was answered by them.
    let theirs = chatbots::table.filter(chatbots::owner_id.eq(user));
    let is_invited = session_chatbots::table.filter(session_chatbots::chatbot_id.eq(chatbots::id));
    diesel::delete(theirs.filter(not(exists(is_invited))))
        .execute(conn)
        .await?;
    // One that still answers somebody stays the named author of what it wrote, and says nothing more.
    diesel::update(theirs)
        .set((
            chatbots::owner_id.eq(None::<UserId>),
            chatbots::persona.eq(None::<String>),
            chatbots::deleted_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await?;
    diesel::delete(users::table.find(user))
        .execute(conn)
        .await?;
    Ok(())
}
