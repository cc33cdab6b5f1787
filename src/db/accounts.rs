//! Erasing a person with everything that is theirs alone.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{
    chatbots, members, messages, regenerations, session_chatbots, sessions, users,
};
use crate::domain::{ChatbotId, SessionId, UserId};
use crate::error::AppResult;

/// Locks all that a person has a part in until the transaction ends: their sessions, which are given, and their
/// account, so that nothing of theirs is begun meanwhile.
///
/// Sessions come first, as everybody who writes takes them; so whoever sends does not wait for this while this
/// waits for them.
pub async fn lock(conn: &mut Connection, user: UserId) -> AppResult<Vec<SessionId>> {
    // A life's history takes longer than any single statement may otherwise.
    diesel::sql_query("set local statement_timeout = '10min'")
        .execute(conn)
        .await?;
    lock_sessions(conn, user).await?;
    users::table
        .find(user)
        .select(users::id)
        .for_update()
        .first::<UserId>(conn)
        .await
        .optional()?;
    // Those that were begun between the two. There is no more of them to come.
    lock_sessions(conn, user).await
}

async fn lock_sessions(conn: &mut Connection, user: UserId) -> AppResult<Vec<SessionId>> {
    let theirs = members::table
        .filter(members::user_id.eq(user))
        .select(members::session_id);
    Ok(sessions::table
        .filter(sessions::id.eq_any(theirs))
        .select(sessions::id)
        .order(sessions::id)
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// Erases a person who is in no session any more: their account and logins. What they said to others stays, by
/// [`UserId::DELETED`]. Their chatbots go too; those that are left as the authors of what they wrote are given.
/// [`lock`] must have been called in this transaction.
pub async fn erase(conn: &mut Connection, user: UserId) -> AppResult<Vec<ChatbotId>> {
    diesel::update(messages::table.filter(messages::user_id.eq(user)))
        .set((
            messages::user_id.eq(UserId::DELETED),
            messages::client_key.eq(None::<String>),
            messages::client_digest.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    diesel::delete(regenerations::table.filter(regenerations::user_id.eq(user)))
        .execute(conn)
        .await?;
    // Those that answer nobody any more.
    let theirs = chatbots::table.filter(chatbots::owner_id.eq(user));
    let is_invited = session_chatbots::table.filter(session_chatbots::chatbot_id.eq(chatbots::id));
    diesel::delete(theirs.filter(not(exists(is_invited))))
        .execute(conn)
        .await?;
    // One that still answers somebody stays the named author of what it wrote, and says nothing more.
    let left = diesel::update(theirs)
        .set((
            chatbots::owner_id.eq(None::<UserId>),
            chatbots::persona.eq(None::<String>),
            chatbots::deleted_at.eq(diesel::dsl::now),
        ))
        .returning(chatbots::id)
        .get_results(conn)
        .await?;
    diesel::delete(users::table.find(user))
        .execute(conn)
        .await?;
    Ok(left)
}
