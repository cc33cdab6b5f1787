//! Erasing a person with everything that is theirs alone: shut first, then step by step, each a short transaction
//! that holds up nobody for long. What is still to be erased is known from what is there, so that anybody can go on.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::{chatbots, logins, members, messages, refresh_tokens, session_chatbots, users};
use crate::domain::{ChatbotId, LoginId, Seq, SessionId, UserId};
use crate::error::AppResult;

/// The most rows of one kind in a step: some hundredths of a second.
const STEP: i64 = 500;

/// Shuts an account for good and marks it as being erased. All that says whose it was is gone with this: the row
/// looks like [the one](UserId::DELETED) that stands for all who left, and nobody can sign in by it. Its name and
/// its address are free.
pub async fn shut(conn: &mut Connection, user: UserId) -> AppResult<()> {
    // The blank keeps this key apart from all that can be a username or an address.
    diesel::sql_query(
        "update users set username = gone.username, display_name = gone.display_name, \
                username_key = gone.username_key || ' ' || users.id, \
                email = null, email_key = null, bio = '', password_hash = null, \
                disabled_at = now(), erasing_at = now() \
         from users gone where users.id = $1 and gone.id = $2",
    )
    .bind::<SqlUuid, _>(user)
    .bind::<SqlUuid, _>(UserId::DELETED)
    .execute(conn)
    .await?;
    Ok(())
}

/// A shut account that nobody has gone on erasing for a minute. It is the caller's for the next one; of several
/// callers each is given another.
pub async fn claim(conn: &mut Connection) -> AppResult<Option<UserId>> {
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(sql_type = SqlUuid)]
        id: UserId,
    }
    let claimed: Option<Claimed> = diesel::sql_query(
        "update users set erasing_at = now() where id = ( \
             select id from users where erasing_at < now() - interval '1 minute' \
             order by erasing_at limit 1 for no key update skip locked \
         ) returning id",
    )
    .get_result(conn)
    .await
    .optional()?;
    Ok(claimed.map(|claimed| claimed.id))
}

/// A session that a person is in, if any.
pub async fn find_seat(conn: &mut Connection, user: UserId) -> AppResult<Option<SessionId>> {
    Ok(members::table
        .filter(members::user_id.eq(user))
        .select(members::session_id)
        .order(members::session_id)
        .first(conn)
        .await
        .optional()?)
}

/// A session in which a person has said something, if any.
pub async fn find_words(conn: &mut Connection, user: UserId) -> AppResult<Option<SessionId>> {
    Ok(messages::table
        .filter(messages::user_id.eq(user))
        .select(messages::session_id)
        .order((messages::session_id, messages::seq))
        .first(conn)
        .await
        .optional()?)
}

/// Hands some of what a person said in a session over to [`UserId::DELETED`], and says how much. The session must be locked in this
/// transaction: so whoever erases it or what was said there does not meet this half-way.
pub async fn hand_over_words(
    conn: &mut Connection,
    session: SessionId,
    user: UserId,
) -> AppResult<usize> {
    let theirs: Vec<Seq> = messages::table
        .filter(messages::user_id.eq(user))
        .filter(messages::session_id.eq(session))
        .select(messages::seq)
        .order(messages::seq)
        .limit(STEP)
        .load(conn)
        .await?;
    Ok(diesel::update(messages::table)
        .filter(messages::session_id.eq(session))
        .filter(messages::seq.eq_any(theirs))
        .set((
            messages::user_id.eq(UserId::DELETED),
            messages::client_key.eq(None::<String>),
            messages::client_digest.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?)
}

/// Deletes some of what only a person themselves could use, and says how many rows: their tokens, their logins and
/// the keys of what they asked for.
pub async fn forget(conn: &mut Connection, user: UserId) -> AppResult<usize> {
    let asked = diesel::sql_query(
        "delete from regenerations where (session_id, user_id, client_key) in ( \
             select session_id, user_id, client_key from regenerations where user_id = $1 limit $2 \
         )",
    )
    .bind::<SqlUuid, _>(user)
    .bind::<BigInt, _>(STEP)
    .execute(conn)
    .await?;
    let theirs: Vec<LoginId> = logins::table
        .filter(logins::user_id.eq(user))
        .select(logins::id)
        .order(logins::id)
        .limit(STEP)
        .load(conn)
        .await?;
    // A token before its login, as whoever exchanges one takes them.
    let tokens: Vec<Vec<u8>> = refresh_tokens::table
        .filter(refresh_tokens::login_id.eq_any(&theirs))
        .select(refresh_tokens::token_hash)
        .limit(STEP)
        .load(conn)
        .await?;
    let forgotten = if tokens.is_empty() {
        let theirs = logins::table.filter(logins::id.eq_any(theirs));
        diesel::delete(theirs).execute(conn).await?
    } else {
        let tokens = refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(tokens));
        diesel::delete(tokens).execute(conn).await?
    };
    Ok(asked + forgotten)
}

/// Deletes some of a person's chatbots that answer nobody any more, and says how many.
pub async fn delete_chatbots(conn: &mut Connection, user: UserId) -> AppResult<usize> {
    lock(conn, user).await?;
    let is_invited = session_chatbots::table.filter(session_chatbots::chatbot_id.eq(chatbots::id));
    let alone: Vec<ChatbotId> = chatbots::table
        .filter(chatbots::owner_id.eq(user))
        .filter(not(exists(is_invited)))
        .select(chatbots::id)
        .order(chatbots::id)
        .limit(STEP)
        .load(conn)
        .await?;
    let alone = chatbots::table.filter(chatbots::id.eq_any(alone));
    Ok(diesel::delete(alone).execute(conn).await?)
}

/// Silences some of a person's chatbots and gives them: those that still have a place in somebody's session. Each
/// stays the author of what it wrote, by its name and handle; what else its owner wrote into it is gone.
pub async fn disown_chatbots(conn: &mut Connection, user: UserId) -> AppResult<Vec<ChatbotId>> {
    let theirs: Vec<ChatbotId> = chatbots::table
        .filter(chatbots::owner_id.eq(user))
        .select(chatbots::id)
        .order(chatbots::id)
        .limit(STEP)
        .load(conn)
        .await?;
    Ok(
        diesel::update(chatbots::table.filter(chatbots::id.eq_any(theirs)))
            .set((
                chatbots::owner_id.eq(None::<UserId>),
                chatbots::persona.eq(None::<String>),
                chatbots::greeting.eq(""),
                chatbots::deleted_at.eq(diesel::dsl::now),
            ))
            .returning(chatbots::id)
            .get_results(conn)
            .await?,
    )
}

/// Deletes the account itself. Says whether it is gone; it is not while anything else of its owner's is left.
pub async fn erase(conn: &mut Connection, user: UserId) -> AppResult<bool> {
    lock(conn, user).await?;
    // Asked under the lock, for what was begun by a request that was under way.
    let is_left = diesel::select(
        exists(members::table.filter(members::user_id.eq(user)))
            .or(exists(messages::table.filter(messages::user_id.eq(user))))
            .or(exists(chatbots::table.filter(chatbots::owner_id.eq(user)))),
    );
    if is_left.get_result(conn).await? {
        return Ok(false);
    }
    diesel::delete(users::table.find(user))
        .execute(conn)
        .await?;
    Ok(true)
}

/// Locks the account, so that nothing of its owner's is begun until the transaction ends: what was begun is there.
async fn lock(conn: &mut Connection, user: UserId) -> AppResult<()> {
    users::table
        .find(user)
        .select(users::id)
        .for_update()
        .first::<UserId>(conn)
        .await
        .optional()?;
    Ok(())
}
