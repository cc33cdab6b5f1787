//! Signing in, staying signed in and signing out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use diesel_async::AsyncConnection;
use tokio::time::{sleep, timeout};

use crate::app::lanes::{self, Job, Waiting, Work};
use crate::app::{App, Deed};
use crate::auth::{AccessToken, OpaqueToken};
use crate::bus::{Heard, Notice, Subject};
use crate::db::logins::OpenLogin;
use crate::db::users::{self, User};
use crate::db::{Connection, logins};
use crate::domain::{ClientAddress, LoginId, Person, Viewer};
use crate::error::{AppError, AppResult};

/// How soon a login is looked at again that could not be looked at.
const RETRY: Duration = Duration::from_secs(1);

/// How long PostgreSQL may take to say which logins are open, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

const WRONG: AppError = AppError::Unauthenticated("The name or the password is wrong.");
pub(super) const ENDED: AppError =
    AppError::Unauthenticated("This login has ended. Sign in again.");

/// What someone who has signed in holds. It has no `Debug`: it holds tokens.
pub struct SignedIn {
    /// Shown with every request, for minutes.
    pub access: AccessToken,
    /// Exchanged for the next pair, once.
    pub refresh: OpaqueToken,
    /// Who signed in.
    pub user: User,
}

/// Who an access token speaks for; `UNAUTHENTICATED` if it is not good or its login has ended.
pub async fn identify(app: &App, access_token: &str) -> AppResult<Viewer> {
    let claims = app.access_tokens().check(access_token)?;
    let lanes = app.logins();
    let login = lanes.enter((), claims.login, app.tasks(), look_up(app));
    let login = login.await?.ok_or(ENDED)?;
    Ok(Viewer::Person(Person {
        user: login.user,
        login: login.id,
        role: login.role,
        expires_at: claims.expires_at,
    }))
}

/// Every request asks whether its login is open, and asks anew: those that come while an answer is on its way have
/// theirs together.
fn look_up(app: &App) -> Work<(), LoginId, Option<OpenLogin>> {
    let app = app.clone();
    Arc::new(move |(), batch| Box::pin(answer(app.clone(), batch)))
}

async fn answer(app: App, mut batch: Vec<Waiting<LoginId, Option<OpenLogin>>>) {
    let ids: Vec<LoginId> = batch.iter().map(|waiting| waiting.job).collect();
    for attempt in 1..=ATTEMPTS {
        let Some((mut conn, in_time)) = lanes::connect(app.db(), batch).await else {
            return;
        };
        batch = in_time;
        let asking = Box::pin(logins::all_open(&mut conn, &ids));
        let open = match timeout(PATIENCE, asking).await {
            Ok(open) => open,
            // Over another connection: all requests of the process wait behind this one.
            Err(_) if attempt < ATTEMPTS => continue,
            Err(late) => Err(AppError::unavailable(late)),
        };
        drop(conn);
        match open {
            Ok(open) => {
                let open: HashMap<_, _> = open.into_iter().map(|login| (login.id, login)).collect();
                for waiting in batch {
                    let login = open.get(&waiting.job).cloned();
                    waiting.answer(Ok(login));
                }
            }
            Err(error) => {
                // They would wait for the same, and as long again.
                batch.extend(app.logins().clear(()));
                lanes::fail(batch, error);
            }
        }
        return;
    }
}

impl Job for LoginId {
    const MOST: usize = 100;

    fn weight(&self) -> usize {
        1
    }
}

/// Waits until a person's login has ended, wherever that is done. What they opened with it must close then.
pub async fn ended(app: &App, person: &Person) {
    // In boxes: every connection waits here as long as it lives.
    let mut listener = Box::pin(app.bus().listen(Subject::Login(person.login))).await;
    loop {
        // After listening has begun, so that an end before is seen and one after is heard.
        match Box::pin(is_open(app, person)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                Box::pin(sleep(RETRY)).await;
                continue;
            }
        }
        loop {
            match listener.next().await {
                Heard::Notice(notice) if matches!(*notice, Notice::LoginEnded { .. }) => return,
                Heard::Notice(_) => {}
                Heard::Missed => break,
            }
        }
    }
}

async fn is_open(app: &App, person: &Person) -> AppResult<bool> {
    let mut conn = app.db().connection().await?;
    Ok(logins::find_open(&mut conn, person.login).await?.is_some())
}

/// Signs in with a username or an e-mail address.
///
/// An unknown name, a wrong password and a shut account get the same answer after the same work. Tries are
/// counted by where they come from, and by the name whether there is such an account or not.
pub async fn login(
    app: &App,
    from: ClientAddress,
    name_or_address: &str,
    password: String,
) -> AppResult<SignedIn> {
    app.rates().sign_in(name_or_address, from)?;
    let mut conn = app.db().connection().await?;
    let found = users::find_credentials(&mut conn, name_or_address).await?;
    // Hashing takes a while; the connection is somebody else's meanwhile.
    drop(conn);
    let found = found.filter(|found| found.disabled_at.is_none());
    let (id, stored) = found.map(|found| (found.id, found.password_hash)).unzip();
    let stored = stored.flatten();
    let fits = app.passwords().verify(password, stored.clone()).await?;
    let (id, proved) = id.zip(stored).filter(|_| fits).ok_or(WRONG)?;
    app.rates().signed_in(name_or_address, from);

    let mut conn = app.db().connection().await?;
    conn.transaction(async |conn| {
        // Whoever changes the password or shuts the account ends every login there is: one that was proved
        // before must not come after.
        let user = users::lock_proved(conn, id, &proved).await?.ok_or(WRONG)?;
        open(app, conn, user).await
    })
    .await
}

/// Opens a login for someone who has proved who they are.
pub(super) async fn open(app: &App, conn: &mut Connection, user: User) -> AppResult<SignedIn> {
    let refresh = app.refresh_tokens().first()?;
    let login = logins::open(conn, user.id, &refresh.hash()).await?;
    Ok(SignedIn {
        access: app.access_tokens().issue(user.id, login, Utc::now())?,
        refresh,
        user,
    })
}

/// Exchanges a refresh token for the next pair.
///
/// The token is good once. Shown again within ten seconds it gives the same successor; shown later it is
/// in two hands, and the whole login ends.
pub async fn refresh(app: &App, from: ClientAddress, token: &str) -> AppResult<SignedIn> {
    app.rates().from_address(Deed::Refresh, from)?;
    let token = OpaqueToken::parse(token).ok_or(ENDED)?;
    let successor = app.refresh_tokens().successor(&token);
    let mut conn = app.db().connection().await?;
    let outcome = conn
        .transaction(async |conn| {
            let stored = logins::lock_token(conn, &token.hash()).await?;
            let Some(stored) = stored.filter(|stored| !stored.expired) else {
                return Err(ENDED);
            };
            let Some(login) = logins::find_open(conn, stored.login).await? else {
                return Err(ENDED);
            };
            app.rates().by_person(Deed::Refresh, login.user)?;
            match stored.used_long_ago {
                None => {
                    logins::rotate(conn, login.id, &token.hash(), &successor.hash()).await?;
                }
                Some(false) => {}
                Some(true) => {
                    logins::end(conn, login.id).await?;
                    return Ok(Err(login.id));
                }
            }
            let user = users::by_ids(conn, &[login.user]).await?.pop();
            Ok(Ok((login.id, user.ok_or(ENDED)?)))
        })
        .await?;
    match outcome {
        Ok((login, user)) => Ok(SignedIn {
            access: app.access_tokens().issue(user.id, login, Utc::now())?,
            refresh: successor,
            user,
        }),
        Err(reused) => {
            tracing::warn!(login = %reused, "an old refresh token was used again; the login has ended");
            announce_end(app, reused);
            Err(ENDED)
        }
    }
}

/// Ends the viewer's login, or all of theirs. What those logins opened closes.
pub async fn logout(app: &App, viewer: &Viewer, everywhere: bool) -> AppResult<()> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let ended = if everywhere {
        logins::end_all(&mut conn, person.user).await?
    } else {
        logins::end(&mut conn, person.login).await?;
        vec![person.login]
    };
    announce_ends(app, ended);
    Ok(())
}

/// Tells of logins that have ended.
pub(super) fn announce_ends(app: &App, ended: Vec<LoginId>) {
    for login in ended {
        announce_end(app, login);
    }
}

fn announce_end(app: &App, login: LoginId) {
    app.bus().publish(Notice::LoginEnded { login });
}
