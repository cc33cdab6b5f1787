//! People and their accounts.

use diesel_async::AsyncConnection;

use super::logins::{self, SignedIn};
use super::{access, members, under_way};
use crate::app::{App, Deed};
use crate::auth::Passwords;
use crate::db::users::{self, NewUser, ProfileChange, User};
use crate::db::{accounts, logins as stored_logins, members as seats};
use crate::domain::{
    Account, Bio, ChatbotId, ClientAddress, DisplayName, EmailAddress, Password, Role, UserId,
    Username, Viewer,
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
pub async fn update_profile(app: &App, viewer: &Viewer, draft: ProfileDraft) -> AppResult<User> {
    let account = viewer.account()?;
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
    prove(app, account, current, "current").await?;
    let user = me(app, viewer).await?;
    let about = [Some(user.username), user.email, Some(user.display_name)];
    let about = about.into_iter().flatten().collect();
    let password_hash = app.passwords().hash(new, about, "new").await?;

    let mut conn = app.db().connection().await?;
    let (signed_in, ended) = conn
        .transaction(async |conn| {
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
/// Their seats are given up as if they left: sessions that nobody else is in are erased, the others handed over,
/// and what they said there stays by `deleted-account`.
///
/// `BAD_USER_INPUT` if `password` is wrong.
pub async fn delete(app: &App, viewer: &Viewer, password: String) -> AppResult<()> {
    let account = viewer.account()?;
    prove(app, account, password, "password").await?;
    let mut conn = app.db().connection().await?;
    let (ended, left, chatbots) = conn
        .transaction(async |conn| {
            let ended = stored_logins::end_all(conn, account.user()).await?;
            let mut left = Vec::new();
            for session in accounts::lock(conn, account.user()).await? {
                match access::locked_seat(conn, viewer, session).await {
                    Ok(seat) => left.push(members::give_up(conn, &seat).await?),
                    // Removed while this waited for the session.
                    Err(AppError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            let chatbots = accounts::erase(conn, account.user()).await?;
            Ok::<_, AppError>((ended, left, chatbots))
        })
        .await?;
    drop(conn);
    // First, so that their own devices hear this of all that has ended.
    logins::announce_ends(app, ended);
    for left in left {
        members::announce_left(app, left);
    }
    for chatbot in chatbots {
        // The account is gone whatever becomes of this: who takes such a reply on ends it.
        if let Err(error) = silence(app, chatbot).await {
            let cause = error.cause_chain();
            tracing::warn!(%chatbot, cause, "replies of a deleted chatbot are left to their writers");
        }
    }
    Ok(())
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

/// Makes sure that it is the account's owner who asks, and not somebody who found their screen unlocked.
///
/// A wrong password is no `UNAUTHENTICATED`: on that, clients refresh their token and try again.
async fn prove(
    app: &App,
    account: Account,
    password: String,
    field: &'static str,
) -> AppResult<()> {
    app.rates().prove(account.user())?;
    let mut conn = app.db().connection().await?;
    let stored = users::find_password(&mut conn, account.user()).await?;
    // Hashing takes a while; the connection is somebody else's meanwhile.
    drop(conn);
    if app.passwords().verify(password, stored).await? {
        Ok(())
    } else {
        Err(AppError::bad_input(field, "The password is wrong."))
    }
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
