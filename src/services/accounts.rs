//! People and their accounts.

use diesel_async::AsyncConnection;

use super::logins::{self, SignedIn};
use crate::app::{App, Deed};
use crate::db::users::{self, NewUser, User};
use crate::domain::{ClientAddress, DisplayName, EmailAddress, Password, UserId, Username, Viewer};
use crate::error::{AppError, AppResult};

/// What someone fills in to get an account. It has no `Debug`: it holds a password.
pub struct Registration {
    /// The name they want.
    pub username: String,
    /// Where mail reaches them.
    pub email: String,
    /// The password they want.
    pub password: String,
    /// What they are shown as; the username if nothing.
    pub display_name: Option<String>,
}

/// Opens an account and signs its owner in.
pub async fn register(
    app: &App,
    from: ClientAddress,
    registration: Registration,
) -> AppResult<SignedIn> {
    app.rates().from_address(Deed::Register, from)?;
    let username = Username::parse(&registration.username, "username")?;
    let email = EmailAddress::parse(&registration.email, "email")?;
    let shown_as = registration.display_name.as_deref();
    let display_name = DisplayName::parse(shown_as.unwrap_or(username.as_str()), "displayName")?;
    let password = Password::parse(registration.password, "password")?;

    let password_hash = app.passwords().hash(password).await?;
    let new = NewUser {
        username: &username,
        email: &email,
        display_name: &display_name,
        password_hash: &password_hash,
    };
    let mut conn = app.db().connection().await?;
    let signed_in = conn
        .transaction(async |conn| {
            let user = users::insert(conn, &new).await?;
            logins::open(app, conn, user).await
        })
        .await?;
    for name in [username.as_str(), email.as_str()] {
        app.rates().signed_in(name, from);
    }
    Ok(signed_in)
}

/// The viewer's own account.
pub async fn me(app: &App, viewer: &Viewer) -> AppResult<User> {
    get(app, viewer, viewer.person()?.user).await
}

/// A person. Everyone who is signed in may see who there is.
pub async fn get(app: &App, viewer: &Viewer, id: UserId) -> AppResult<User> {
    viewer.person()?;
    let mut conn = app.db().connection().await?;
    let mut found = users::by_ids(&mut conn, &[id]).await?;
    found.pop().ok_or(AppError::NotFound("person"))
}
