//! People and their accounts.

use diesel_async::AsyncConnection;

use super::erasures;
use super::logins::{self, SignedIn};
use crate::app::{App, Deed};
use crate::auth::Passwords;
use crate::db::users::{self, NewUser, ProfileChange, User};
use crate::db::{Connection, logins as stored_logins, members as seats};
use crate::domain::{
    Bio, ClientAddress, DisplayName, EmailAddress, Password, Person, Role, UserId, Username, Viewer,
};
use crate::error::{AppError, AppResult};

const NOBODY: AppError = AppError::NotFound("person");

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
    if username.is_reserved() {
        return Err(AppError::bad_input(
            "username",
            "This username is reserved. Choose another.",
        ));
    }
    let applicant = Applicant::check(app.passwords(), username, registration).await?;
    let mut conn = app.db().connection().await?;
    let signed_in = conn
        .transaction(async |conn| {
            let user = users::insert(conn, &applicant.as_new(Role::Member)).await?;
            logins::open(app, conn, user).await
        })
        .await?;
    for name in [applicant.username.as_str(), applicant.email.as_str()] {
        app.rates().signed_in(name, from);
    }
    Ok(signed_in)
}

/// Somebody who may have an account: all that was filled in is checked, the password hashed.
pub(super) struct Applicant {
    username: Username,
    email: EmailAddress,
    display_name: DisplayName,
    password_hash: String,
}

impl Applicant {
    /// Checks what was filled in beside the username.
    pub(super) async fn check(
        passwords: &Passwords,
        username: Username,
        registration: Registration,
    ) -> AppResult<Self> {
        let email = EmailAddress::parse(&registration.email, "email")?;
        let shown_as = registration.display_name.as_deref();
        let display_name =
            DisplayName::parse(shown_as.unwrap_or(username.as_str()), "displayName")?;
        let password = Password::parse(registration.password, "password")?;
        let about = vec![
            username.as_str().to_owned(),
            email.as_str().to_owned(),
            display_name.as_str().to_owned(),
        ];
        let password_hash = passwords.hash(password, about, "password").await?;
        Ok(Self {
            username,
            email,
            display_name,
            password_hash,
        })
    }

    /// What is stored of them.
    pub(super) fn as_new(&self, role: Role) -> NewUser<'_> {
        NewUser {
            username: &self.username,
            email: &self.email,
            display_name: &self.display_name,
            password_hash: &self.password_hash,
            role,
        }
    }
}

/// What someone wants to be different about their profile; nothing for what stays.
#[derive(Default)]
pub struct ProfileDraft {
    /// What they are shown as.
    pub display_name: Option<String>,
    /// A few words about themselves; an empty text for none.
    pub bio: Option<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
}

/// Changes the viewer's profile. `CONFLICT` if the address is somebody else's.
pub async fn update_profile(
    app: &App,
    from: ClientAddress,
    viewer: &Viewer,
    draft: ProfileDraft,
) -> AppResult<User> {
    let account = viewer.account()?;
    // The answer tells whether there is an account with this address, as `register` does.
    if draft.email.is_some() {
        app.rates().from_address(Deed::ChangeEmail, from)?;
        app.rates().by_person(Deed::ChangeEmail, account.user())?;
    }
    let display_name = draft.display_name.as_deref();
    let change = ProfileChange {
        display_name: display_name
            .map(|text| DisplayName::parse(text, "displayName"))
            .transpose()?,
        bio: draft
            .bio
            .as_deref()
            .map(|text| Bio::parse(text, "bio"))
            .transpose()?,
        email: draft
            .email
            .as_deref()
            .map(|text| EmailAddress::parse(text, "email"))
            .transpose()?,
    };
    let mut conn = app.db().connection().await?;
    users::update(&mut conn, account, &change)
        .await?
        .ok_or(NOBODY)
}

/// Gives the viewer another password. Every login of theirs ends, and a new one is opened.
///
/// `BAD_USER_INPUT` if `current` is wrong.
pub async fn change_password(
    app: &App,
    viewer: &Viewer,
    current: String,
    new: String,
) -> AppResult<SignedIn> {
    let account = viewer.account()?;
    let new = Password::parse(new, "new")?;
    let proved = prove(app, viewer.person()?, current, "current").await?;
    let user = me(app, viewer).await?;
    let about = [Some(user.username), user.email, Some(user.display_name)];
    let about = about.into_iter().flatten().collect();
    let password_hash = app.passwords().hash(new, about, "new").await?;

    let mut conn = app.db().connection().await?;
    let (signed_in, ended) = conn
        .transaction(async |conn| {
            lock_proved(conn, viewer.person()?, &proved, "current").await?;
            let user = users::set_password(conn, account, &password_hash).await?;
            let user = user.ok_or(NOBODY)?;
            let ended = stored_logins::end_all(conn, account.user()).await?;
            Ok::<_, AppError>((logins::open(app, conn, user).await?, ended))
        })
        .await?;
    logins::announce_ends(app, ended);
    Ok(signed_in)
}

/// Deletes the viewer's account with everything that is theirs alone. There is no way back.
///
/// It is shut before anything is erased; an error after that leaves the rest to [`erasures::finish_left`].
/// `BAD_USER_INPUT` if `password` is wrong.
pub async fn delete(app: &App, viewer: &Viewer, password: String) -> AppResult<()> {
    let account = viewer.account()?;
    let proved = prove(app, viewer.person()?, password, "password").await?;
    let mut conn = app.db().connection().await?;
    let ended = conn
        .transaction(async |conn| {
            lock_proved(conn, viewer.person()?, &proved, "password").await?;
            erasures::shut(conn, account.user()).await
        })
        .await?;
    drop(conn);
    erasures::finish(app, account.user(), ended).await
}

/// Makes sure that it is the account's owner who asks, and not somebody who found their screen unlocked. Gives what
/// they proved to know, for [`lock_proved`].
///
/// A wrong password is no `UNAUTHENTICATED`: on that, clients refresh their token and try again.
async fn prove(
    app: &App,
    person: &Person,
    password: String,
    field: &'static str,
) -> AppResult<String> {
    app.rates().prove(person.user)?;
    let mut conn = app.db().connection().await?;
    let stored = users::find_password(&mut conn, person.user).await?;
    // Hashing takes a while; the connection is somebody else's meanwhile.
    drop(conn);
    let fits = app.passwords().verify(password, stored.clone()).await?;
    stored.filter(|_| fits).ok_or_else(|| wrong(field))
}

/// Locks the account of somebody who proved a password until the transaction ends, if what they proved still holds:
/// another password, a shut account and a login that has ended meanwhile make their proof void.
async fn lock_proved(
    conn: &mut Connection,
    person: &Person,
    proved: &str,
    field: &'static str,
) -> AppResult<()> {
    let found = users::lock_proved(conn, person.user, proved).await?;
    // Behind the lock: whoever changes the password or shuts the account ends this login under it.
    if stored_logins::find_open(conn, person.login)
        .await?
        .is_none()
    {
        return Err(logins::ENDED);
    }
    found.map(drop).ok_or_else(|| wrong(field))
}

fn wrong(field: &'static str) -> AppError {
    AppError::bad_input(field, "The password is wrong.")
}

/// The viewer's own account.
pub async fn me(app: &App, viewer: &Viewer) -> AppResult<User> {
    get(app, viewer, viewer.person()?.user).await
}

/// The person with this name, if there is one. Everyone with an account may see who else has one; guests are nobody's
/// to look up.
pub async fn find(app: &App, viewer: &Viewer, username: &Username) -> AppResult<Option<User>> {
    viewer.account()?;
    let mut conn = app.db().connection().await?;
    users::find_known(&mut conn, username).await
}

/// A person. Everyone with an account may see who else has one; guests and those with an account see each other in a
/// session that they share, and nowhere else. An admin sees all. `NOT_FOUND` otherwise.
pub async fn get(app: &App, viewer: &Viewer, id: UserId) -> AppResult<User> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let found = users::by_ids(&mut conn, &[id]).await?.pop();
    let user = found.ok_or(NOBODY)?;
    let is_open = id == person.user || viewer.is_admin();
    let is_guests = person.is_guest() || user.role == Role::Guest;
    if is_open || !is_guests || seats::share_a_session(&mut conn, person.user, id).await? {
        return Ok(user);
    }
    Err(NOBODY)
}
