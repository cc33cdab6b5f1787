//! What whoever runs the installation does to accounts. Nobody is asked for a proof here: who reaches the database
//! may do all of it. So nothing of this is in the API, and it needs no running server.

use diesel_async::AsyncConnection;

use super::accounts::{Applicant, Registration};
use crate::auth::Passwords;
use crate::db::users::{self, User};
use crate::db::{Db, guests, logins};
use crate::domain::{Role, Username};
use crate::error::{AppError, AppResult};

const NOBODY: AppError = AppError::NotFound("account");

/// Opens an account. Reserved names may be given.
pub async fn create(
    db: &Db,
    passwords: &Passwords,
    registration: Registration,
    role: Role,
) -> AppResult<User> {
    let username = Username::parse(&registration.username, "username")?;
    if username.is_guests() {
        return Err(AppError::bad_input(
            "username",
            "Names like this one are those of visitors.",
        ));
    }
    let applicant = Applicant::check(passwords, username, registration).await?;
    let mut conn = db.connection().await?;
    users::insert(&mut conn, &applicant.as_new(role)).await
}

/// Gives somebody a role. `NOT_FOUND` without an account of this name.
///
/// Who may do less than before is signed out everywhere: what is open was opened with the old role.
pub async fn promote(db: &Db, username: &str, role: Role) -> AppResult<User> {
    let username = Username::parse(username, "username")?;
    let mut conn = db.connection().await?;
    conn.transaction(async |conn| {
        let user = users::set_role(conn, &username, role).await?;
        let user = user.ok_or(NOBODY)?;
        if role != Role::Admin {
            logins::end_all(conn, user.id).await?;
        }
        Ok(user)
    })
    .await
}

/// Shuts an account: its owner can't sign in, and every login of theirs ends, and of those who visit
/// them. Says how many of theirs were open.
/// `NOT_FOUND` without an account of this name.
pub async fn disable(db: &Db, username: &str) -> AppResult<(User, usize)> {
    let username = Username::parse(username, "username")?;
    let mut conn = db.connection().await?;
    conn.transaction(async |conn| {
        // The person first: a login that is being opened waits, and then finds the account shut.
        let user = users::set_disabled(conn, &username, true).await?;
        let user = user.ok_or(NOBODY)?;
        let ended = logins::end_all(conn, user.id).await?;
        guests::end_logins(conn, user.id).await?;
        Ok((user, ended.len()))
    })
    .await
}

/// Opens a shut account again. The logins that were ended stay so. `NOT_FOUND` without an account of this name.
pub async fn enable(db: &Db, username: &str) -> AppResult<User> {
    let username = Username::parse(username, "username")?;
    let mut conn = db.connection().await?;
    let user = users::set_disabled(&mut conn, &username, false).await?;
    user.ok_or(NOBODY)
}
