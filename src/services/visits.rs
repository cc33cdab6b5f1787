//! Visits: somebody without an account comes to see somebody with one.
//!
//! A visit is a session of its owner's with a guest in it, and a guest is in nothing else. They hold two tokens: one
//! of minutes that shows who they are, as everybody has, and one by which they come back for the next, for as long
//! as they are a guest. With their seat they are gone (`guests`), and when they stay away ([`expiry`]).

pub mod expiry;

use chrono::Utc;
use diesel_async::AsyncConnection;

use super::seating;
use crate::app::{App, Deed};
use crate::auth::{AccessToken, OpaqueToken};
use crate::db::guests::{self, Guest};
use crate::db::members::{self, NewSeats};
use crate::db::sessions::{self, NewSession, Session};
use crate::db::{Connection, chatbots, users};
use crate::domain::{
    ClientAddress, DisplayName, Person, Role, SessionId, SessionKind, Title, Username, Viewer,
};
use crate::error::{AppError, AppResult};

const NOBODY: AppError = AppError::NotFound("person");

/// Whom somebody wants to see. It has no `Debug`: it holds a token.
pub struct Call {
    /// The username of whom they come to see.
    pub owner: String,
    /// What the guest is shown as, if this begins a visit.
    pub display_name: Option<String>,
    /// What they were given when they came before.
    pub token: Option<String>,
}

/// What a guest holds. It has no `Debug`: it holds tokens.
pub struct Visit {
    /// Shown with every request, for minutes.
    pub access: AccessToken,
    /// Brings them back.
    pub token: OpaqueToken,
    /// The guest, as those who ask are told apart.
    pub guest: Viewer,
    /// Their session.
    pub session: Session,
    /// Whether it begins now.
    pub is_new: bool,
}

/// Begins a visit, or goes on with the one that the token is of. A token that is of none with this owner, because it is
/// forged, of a visit to somebody else or of one that is over, begins another: nobody is left standing at the door.
///
/// `NOT_FOUND` if there is nobody with an open account of this name. To come back counts as a refresh; to begin is
/// counted by the address and by whom it is to.
pub async fn start(app: &App, from: ClientAddress, call: Call) -> AppResult<Visit> {
    let owner = Username::parse(&call.owner, "owner")?;
    let shown_as = call.display_name.as_deref();
    let shown_as = shown_as.map(|name| DisplayName::parse(name, "displayName"));
    let shown_as = shown_as
        .transpose()?
        .unwrap_or_else(DisplayName::of_visitor);
    if let Some(token) = call.token.as_deref().and_then(OpaqueToken::parse) {
        app.rates().from_address(Deed::Refresh, from)?;
        if let Some((guest, session)) = come_back(app, &owner, &token).await? {
            return visit(app, &guest, token, session, false);
        }
    }
    app.rates().from_address(Deed::StartVisit, from)?;
    let token = OpaqueToken::random()?;
    let hash = token.hash();
    let mut conn = app.db().connection().await?;
    let (guest, session, seats) = conn
        .transaction(async |conn| begin(app, conn, &owner, &shown_as, &hash).await)
        .await?;
    drop(conn);
    seating::announce(app, seats);
    visit(app, &guest, token, session, true)
}

/// The guest of this token and their session, if they visit this owner.
async fn come_back(
    app: &App,
    owner: &Username,
    token: &OpaqueToken,
) -> AppResult<Option<(Guest, Session)>> {
    let mut conn = app.db().connection().await?;
    let found = users::addable(&mut conn, std::slice::from_ref(owner)).await?;
    let owner = found.first().ok_or(NOBODY)?.id;
    let Some(guest) = guests::find(&mut conn, &token.hash(), owner).await? else {
        return Ok(None);
    };
    app.rates().by_person(Deed::Refresh, guest.user)?;
    if !guests::note_seen(&mut conn, &guest).await? {
        return Ok(None);
    }
    let seat = members::find_seat(&mut conn, guest.visit, guest.user).await?;
    Ok(seat.map(|seat| (guest, seat.into_session())))
}

async fn begin(
    app: &App,
    conn: &mut Connection,
    owner: &Username,
    shown_as: &DisplayName,
    token_hash: &[u8],
) -> AppResult<(Guest, Session, [NewSeats; 2])> {
    let owner = users::lock_host(conn, owner).await?.ok_or(NOBODY)?;
    app.rates().by_person(Deed::StartVisit, owner)?;
    let id = SessionId::new();
    let new = NewSession {
        id,
        kind: SessionKind::Visit,
        title: &Title::of_visit(shown_as),
        owner,
        chatbots: &[chatbots::default_of(conn, owner).await?],
    };
    let hosts = sessions::insert(conn, &new).await?;
    let session = sessions::find(conn, id).await?;
    let session = session.ok_or(AppError::NotFound("session"))?;
    let guest = guests::insert(conn, id, shown_as, token_hash).await?;
    let guests = members::insert(conn, &session, &[guest.user]).await?;
    Ok((guest, session, [hosts, guests]))
}

fn visit(
    app: &App,
    guest: &Guest,
    token: OpaqueToken,
    session: Session,
    is_new: bool,
) -> AppResult<Visit> {
    let access = app
        .access_tokens()
        .issue(guest.user, guest.login, Utc::now())?;
    let guest = Viewer::Person(Person {
        user: guest.user,
        login: guest.login,
        role: Role::Guest,
        expires_at: access.expires_at,
    });
    Ok(Visit {
        access,
        token,
        guest,
        session,
        is_new,
    })
}
