//! What becomes of a guest without a seat: they have no other, so they are erased.

use crate::db::sessions::Session;
use crate::db::{Connection, accounts, guests};
use crate::domain::{DisplayName, SessionKind, UserId};
use crate::error::AppResult;

/// Erases somebody who has just lost their seat in a session, if they were its guest, as the account of somebody who
/// had one: what they said stays, by [`UserId::DELETED`]. Gives what the session is called from now on, if it was called
/// by their name. It must be locked in this transaction.
pub(super) async fn forget(
    conn: &mut Connection,
    session: &Session,
    user: UserId,
) -> AppResult<Option<String>> {
    if session.kind != SessionKind::Visit {
        return Ok(None);
    }
    let Some(name) = guests::find_name(conn, user).await? else {
        return Ok(None);
    };
    accounts::erase(conn, user).await?;
    let is_called_so = session.title == name;
    Ok(is_called_so.then(|| DisplayName::of_visitor().as_str().to_owned()))
}
