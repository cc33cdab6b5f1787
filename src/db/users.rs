//! People.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::schema::users;
use super::{Connection, OnConstraint};
use crate::domain::{Account, Bio, DisplayName, EmailAddress, Role, UserId, Username};
use crate::error::{AppError, AppResult};

/// A person, as others and they themselves may see them.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// Who.
    pub id: UserId,
    /// As they typed it.
    pub username: String,
    /// What they are shown as.
    pub display_name: String,
    /// A few words about themselves.
    pub bio: String,
    /// For their own and the operator's eyes.
    pub email: Option<String>,
    /// What they may do beyond their own sessions.
    pub role: Role,
    /// When they came.
    pub created_at: DateTime<Utc>,
}

/// What a login is checked against. It has no `Debug` and never travels.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct Credentials {
    /// Whose.
    pub id: UserId,
    /// Argon2id in PHC form; nothing for guests.
    pub password_hash: Option<String>,
    /// Set when an operator shut the account.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Someone with an account, to be added.
pub struct NewUser<'a> {
    /// Their name.
    pub username: &'a Username,
    /// Their address.
    pub email: &'a EmailAddress,
    /// What they are shown as.
    pub display_name: &'a DisplayName,
    /// Argon2id in PHC form.
    pub password_hash: &'a str,
    /// What they may do beyond their own sessions.
    pub role: Role,
}

/// Adds a person. `CONFLICT` if the name or the address is taken, in whatever case.
pub async fn insert(conn: &mut Connection, new: &NewUser<'_>) -> AppResult<User> {
    let user = diesel::insert_into(users::table)
        .values((
            users::id.eq(UserId::new()),
            users::username.eq(new.username.as_str()),
            users::username_key.eq(new.username.key()),
            users::email.eq(new.email.as_str()),
            users::email_key.eq(new.email.key()),
            users::display_name.eq(new.display_name.as_str()),
            users::password_hash.eq(new.password_hash),
            users::role.eq(new.role),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .on_constraint("users_username_key", || {
            AppError::conflict("username", "This username is taken.")
        })
        .on_constraint("users_email_key", address_taken)?;
    Ok(user)
}

fn address_taken() -> AppError {
    AppError::conflict("email", "There is an account with this e-mail address.")
}

/// What becomes different about a person; nothing for what stays.
pub struct ProfileChange {
    /// What they are shown as.
    pub display_name: Option<DisplayName>,
    /// A few words about themselves.
    pub bio: Option<Bio>,
    /// Where mail reaches them.
    pub email: Option<EmailAddress>,
}

/// Changes a person and gives them as they are then; nothing if there is no such person. `CONFLICT` if the
/// address is somebody else's.
pub async fn update(
    conn: &mut Connection,
    account: Account,
    change: &ProfileChange,
) -> AppResult<Option<User>> {
    #[derive(AsChangeset)]
    #[diesel(table_name = users)]
    struct Changes<'a> {
        display_name: Option<&'a str>,
        bio: Option<&'a str>,
        email: Option<&'a str>,
        email_key: Option<String>,
    }
    let changes = Changes {
        display_name: change.display_name.as_ref().map(DisplayName::as_str),
        bio: change.bio.as_ref().map(Bio::as_str),
        email: change.email.as_ref().map(EmailAddress::as_str),
        email_key: change.email.as_ref().map(EmailAddress::key),
    };
    let mut updated: Vec<User> = diesel::update(users::table.find(account.user()))
        // The id to itself: a change of nothing is still an update that can be written.
        .set((users::id.eq(users::id), changes))
        .returning(User::as_returning())
        .get_results(conn)
        .await
        .on_constraint("users_email_key", address_taken)?;
    Ok(updated.pop())
}

/// Gives a person another password; nothing if there is no such person.
pub async fn set_password(
    conn: &mut Connection,
    account: Account,
    password_hash: &str,
) -> AppResult<Option<User>> {
    Ok(diesel::update(users::table.find(account.user()))
        .set(users::password_hash.eq(password_hash))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()?)
}

/// Gives a person with an account another role; nothing if there is none of this name. Without a password
/// there is no account.
pub async fn set_role(
    conn: &mut Connection,
    username: &Username,
    role: Role,
) -> AppResult<Option<User>> {
    Ok(diesel::update(users::table)
        .filter(users::username_key.eq(username.key()))
        .filter(users::password_hash.is_not_null())
        .set(users::role.eq(role))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()?)
}

/// Shuts a person's account, or opens it again; nothing if there is none of this name.
pub async fn set_disabled(
    conn: &mut Connection,
    username: &Username,
    disabled: bool,
) -> AppResult<Option<User>> {
    let since = disabled.then(Utc::now);
    Ok(diesel::update(users::table)
        .filter(users::username_key.eq(username.key()))
        .filter(users::password_hash.is_not_null())
        .set(users::disabled_at.eq(since))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()?)
}

/// The person, if their account is open and their password still the one with this hash. Neither changes
/// until the transaction ends.
pub async fn lock_proved(
    conn: &mut Connection,
    id: UserId,
    password_hash: &str,
) -> AppResult<Option<User>> {
    Ok(users::table
        .find(id)
        .filter(users::password_hash.eq(password_hash))
        .filter(users::disabled_at.is_null())
        .select(User::as_select())
        .for_share()
        .first(conn)
        .await
        .optional()?)
}

/// What a person's password is checked against; nothing if they have none.
pub async fn find_password(conn: &mut Connection, id: UserId) -> AppResult<Option<String>> {
    let found: Option<Option<String>> = users::table
        .find(id)
        .select(users::password_hash)
        .first(conn)
        .await
        .optional()?;
    Ok(found.flatten())
}

/// The person with this name, if they are no guest: those are nobody's to look up.
pub async fn find_known(conn: &mut Connection, username: &Username) -> AppResult<Option<User>> {
    let found = find(conn, username).await?;
    Ok(found.filter(|user| user.role != Role::Guest))
}

/// Somebody with this name who can be visited: with an account that is open, which it stays until the transaction
/// ends.
pub async fn lock_host(conn: &mut Connection, username: &Username) -> AppResult<Option<UserId>> {
    Ok(users::table
        .filter(users::username_key.eq(username.key()))
        .filter(users::disabled_at.is_null())
        .filter(users::role.ne(Role::Guest))
        .select(users::id)
        .for_share()
        .first(conn)
        .await
        .optional()?)
}

/// The person with this name, guests too.
pub async fn find(conn: &mut Connection, username: &Username) -> AppResult<Option<User>> {
    Ok(users::table
        .filter(users::username_key.eq(username.key()))
        .select(User::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Those with these names who may be added to a session, in any order: people with an account that is open.
pub async fn addable(conn: &mut Connection, names: &[Username]) -> AppResult<Vec<User>> {
    let keys: Vec<String> = names.iter().map(Username::key).collect();
    Ok(users::table
        .filter(users::username_key.eq_any(keys))
        .filter(users::disabled_at.is_null())
        .filter(users::role.ne(Role::Guest))
        .select(User::as_select())
        .load(conn)
        .await?)
}

/// What a login by name or by address is checked against.
pub async fn find_credentials(
    conn: &mut Connection,
    name_or_address: &str,
) -> AppResult<Option<Credentials>> {
    // A username has no '@' and an address has one, so one key can't mean two people.
    let key = match EmailAddress::parse(name_or_address, "username") {
        Ok(address) => address.key(),
        Err(_) => name_or_address.trim().to_lowercase(),
    };
    if key.contains('\0') {
        return Ok(None);
    }
    Ok(users::table
        .filter(users::username_key.eq(&key).or(users::email_key.eq(&key)))
        .select(Credentials::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The people with these ids, in any order.
pub async fn by_ids(conn: &mut Connection, ids: &[UserId]) -> AppResult<Vec<User>> {
    Ok(users::table
        .filter(users::id.eq_any(ids))
        .select(User::as_select())
        .load(conn)
        .await?)
}
