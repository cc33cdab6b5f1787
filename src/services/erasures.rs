//! The end of an account. It is shut in one transaction, and from then on nobody can use it; then what was its
//! owner's goes step by step, each a short transaction of its own: a seat given up, some messages handed over. So it
//! holds up nobody, however much there is, and a step that fails or a process that dies leaves the rest to whoever
//! [finds](finish_left) it.

use diesel_async::AsyncConnection;

use super::{logins, members, under_way};
use crate::app::App;
use crate::db::{Connection, accounts, logins as stored_logins, members as seats, sessions};
use crate::domain::{ChatbotId, LoginId, UserId};
use crate::error::AppResult;

/// Shuts an account for good and gives the logins that end with that. Who calls this calls [`finish`] after it.
///
/// The person first, then their logins: as everybody takes them who ends several.
pub(super) async fn shut(conn: &mut Connection, user: UserId) -> AppResult<Vec<LoginId>> {
    accounts::shut(conn, user).await?;
    stored_logins::end_all(conn, user).await
}

/// Erases what is left of an account that was shut, and tells of all that ends with it. All of it is gone when this
/// returns.
///
/// Its seats are given up as if its owner left: sessions that nobody else is in are erased, the others handed over,
/// and what they said there stays by `deleted-account`.
pub(super) async fn finish(app: &App, user: UserId, ended: Vec<LoginId>) -> AppResult<()> {
    // First, so that their own devices hear this of all that has ended.
    logins::announce_ends(app, ended);
    // Again if a request that was under way has begun something meanwhile: the last step looks.
    loop {
        give_up_seats(app, user).await?;
        hand_over_words(app, user).await?;
        end_chatbots(app, user).await?;
        let mut conn = app.db().connection().await?;
        while conn
            .transaction(async |conn| accounts::forget(conn, user).await)
            .await?
            > 0
        {}
        let is_gone = conn
            .transaction(async |conn| accounts::erase(conn, user).await)
            .await?;
        if is_gone {
            return Ok(());
        }
    }
}

/// Goes on with every account that was shut and not erased, because a step failed or a process died: of several
/// processes that do this, each with others.
pub async fn finish_left(app: &App) -> AppResult<()> {
    loop {
        let mut conn = app.db().connection().await?;
        let Some(user) = accounts::claim(&mut conn).await? else {
            return Ok(());
        };
        drop(conn);
        finish(app, user, Vec::new()).await?;
    }
}

async fn give_up_seats(app: &App, user: UserId) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    while let Some(session) = accounts::find_seat(&mut conn, user).await? {
        let left = conn
            .transaction(async |conn| {
                match seats::lock_seat(conn, session, user).await? {
                    Some(seat) => members::give_up(conn, &seat).await.map(Some),
                    // Removed while this waited for the session, or it is gone.
                    None => Ok(None),
                }
            })
            .await?;
        if let Some(left) = left {
            members::announce_left(app, left);
        }
    }
    Ok(())
}

async fn hand_over_words(app: &App, user: UserId) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    while let Some(session) = accounts::find_words(&mut conn, user).await? {
        conn.transaction(async |conn| {
            sessions::lock(conn, session).await?;
            accounts::hand_over_words(conn, session, user).await
        })
        .await?;
    }
    Ok(())
}

async fn end_chatbots(app: &App, user: UserId) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    while conn
        .transaction(async |conn| accounts::delete_chatbots(conn, user).await)
        .await?
        > 0
    {}
    drop(conn);
    loop {
        let mut conn = app.db().connection().await?;
        let silenced = accounts::disown_chatbots(&mut conn, user).await?;
        drop(conn);
        if silenced.is_empty() {
            return Ok(());
        }
        for chatbot in silenced {
            // Their account goes whatever becomes of this: who takes such a reply on ends it.
            if let Err(error) = silence(app, chatbot).await {
                let cause = error.cause_chain();
                tracing::warn!(%chatbot, cause, "replies of a deleted chatbot are left to their writers");
            }
        }
    }
}

/// Ends what a chatbot is writing that has been deleted.
async fn silence(app: &App, chatbot: ChatbotId) -> AppResult<()> {
    under_way::ask_all_of_to_stop(app, chatbot).await?;
    let mut conn = app.db().connection().await?;
    let cancelled = conn
        .transaction(async |conn| under_way::cancel_all_of(conn, chatbot).await)
        .await?;
    for (session, ended) in cancelled {
        under_way::announce(app, session, ended);
    }
    Ok(())
}
