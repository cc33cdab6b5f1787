//! Starting, listing, finding, changing and deleting sessions.

use std::collections::HashSet;

use diesel_async::AsyncConnection;

use super::{access, seating, under_way};
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::members::{self, Seat};
use crate::db::sessions::{self, Decisions, ListKey, NewSession, Session};
use crate::db::users::{self, User};
use crate::db::{Connection, chatbots, rooms};
use crate::domain::{
    Account, ChatbotId, Handle, Page, PageRequest, SessionId, SessionKind, Title, UserId, Username,
    Viewer,
};
use crate::error::{AppError, AppResult};

/// The most chatbots in one session.
pub const MAX_CHATBOTS: usize = 8;

/// The most people who may be added to a session at its start.
pub const MAX_ADDED: usize = 50;

/// A session as someone wants it.
pub struct SessionPlan {
    /// Who it is for.
    pub kind: SessionKind,
    /// What it is called; nothing for no title.
    pub title: Option<String>,
    /// The handles of the chatbots; nothing for the chatbot of the house, in a room for none; an empty list for
    /// none.
    pub chatbots: Option<Vec<String>>,
    /// Who is in it from the start, beside the viewer.
    pub usernames: Vec<String>,
}

/// Starts a session of the viewer's. Adding people reaches them, so each counts as a send.
pub async fn start(app: &App, viewer: &Viewer, plan: SessionPlan) -> AppResult<Session> {
    let account = viewer.account()?;
    let title = Title::parse(plan.title.as_deref().unwrap_or_default(), "title")?;
    if plan.kind == SessionKind::Room && title.is_empty() {
        return Err(AppError::bad_input("title", "A room needs a title."));
    }
    if plan.kind == SessionKind::Visit {
        return Err(AppError::bad_input(
            "kind",
            "A visit is begun by a visitor, with startVisit.",
        ));
    }
    let handles = plan.chatbots.map(parse_handles).transpose()?;
    let usernames = parse_usernames(&plan.usernames)?;
    for _ in &usernames {
        app.rates().by_person(Deed::SendMessage, account.user())?;
    }

    let mut conn = app.db().connection().await?;
    let (session, seats) = conn
        .transaction(async |conn| {
            let chatbots = match &handles {
                None if plan.kind == SessionKind::Room => Vec::new(),
                None => vec![ChatbotId::HOUSE],
                Some(handles) => invited(conn, account, handles).await?,
            };
            let id = SessionId::new();
            let new = NewSession {
                id,
                kind: plan.kind,
                title: &title,
                owner: account.user(),
                chatbots: &chatbots,
            };
            let mut seats = vec![sessions::insert(conn, &new).await?];
            let session = access::seat(conn, viewer, id).await?.into_session();
            if !usernames.is_empty() {
                let added = named(conn, &usernames).await?;
                seats.push(members::insert(conn, &session, &added).await?);
            }
            Ok::<_, AppError>((session, seats))
        })
        .await?;
    drop(conn);
    seating::announce(app, seats);
    Ok(session)
}

fn parse_usernames(usernames: &[String]) -> AppResult<Vec<Username>> {
    if usernames.len() > MAX_ADDED {
        return Err(AppError::bad_input(
            "usernames",
            format!("A session starts with at most {MAX_ADDED} other people."),
        ));
    }
    usernames
        .iter()
        .map(|name| Username::parse(name, "usernames"))
        .collect()
}

/// The people with these names, in their order.
async fn named(conn: &mut Connection, usernames: &[Username]) -> AppResult<Vec<UserId>> {
    let found = users::addable(conn, usernames).await?;
    let mut named = Vec::new();
    for username in usernames {
        let is_theirs = |user: &&User| user.username.eq_ignore_ascii_case(username.as_str());
        let Some(user) = found.iter().find(is_theirs) else {
            return Err(AppError::bad_input(
                "usernames",
                "There is nobody with one of these names.",
            ));
        };
        if !named.contains(&user.id) {
            named.push(user.id);
        }
    }
    Ok(named)
}

fn parse_handles(handles: Vec<String>) -> AppResult<Vec<Handle>> {
    let mut seen = HashSet::new();
    let mut parsed = Vec::new();
    for handle in &handles {
        let handle = Handle::parse(handle, "chatbots")?;
        if seen.insert(handle.clone()) {
            parsed.push(handle);
        }
    }
    if parsed.len() > MAX_CHATBOTS {
        return Err(AppError::bad_input(
            "chatbots",
            format!("A session has at most {MAX_CHATBOTS} chatbots."),
        ));
    }
    Ok(parsed)
}

/// The chatbots with these handles, in their order.
async fn invited(
    conn: &mut Connection,
    account: Account,
    handles: &[Handle],
) -> AppResult<Vec<ChatbotId>> {
    let found = chatbots::by_handles(conn, account, handles).await?;
    handles
        .iter()
        .map(|handle| {
            found
                .iter()
                .find(|chatbot| chatbot.handle_key == handle.key())
                .map(|chatbot| chatbot.id)
                .ok_or_else(|| {
                    AppError::bad_input(
                        "chatbots",
                        "There is no chatbot with one of these handles that you may talk to.",
                    )
                })
        })
        .collect()
}

/// A page of the viewer's sessions, latest change first.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    archived: bool,
    request: &PageRequest<ListKey>,
) -> AppResult<Page<Session>> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let rows = sessions::page(&mut conn, person.user, archived, request).await?;
    Ok(Page::new(request, rows))
}

/// A page of the rooms that there are for the viewer, latest change first. Those they are not in are seen from
/// outside.
pub async fn rooms(
    app: &App,
    viewer: &Viewer,
    request: &PageRequest<ListKey>,
) -> AppResult<Page<Session>> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    let rows = rooms::page(&mut conn, account, request).await?;
    let seen = |(room, is_in): (Session, bool)| match is_in {
        true => room,
        false => access::from_outside(room),
    };
    Ok(Page::new(request, rows).map(seen))
}

/// One session as far as the viewer may know of it; `NOT_FOUND` if that is not at all.
pub async fn get(app: &App, viewer: &Viewer, id: SessionId) -> AppResult<Session> {
    let mut conn = app.db().connection().await?;
    access::known(&mut conn, viewer, id).await
}

/// What someone decides about a session; what is not there stays as it is.
#[derive(Clone, Default)]
pub struct Change {
    /// What it is called; empty for no title.
    pub title: Option<String>,
    /// Whether the viewer has put it away: each member's own.
    pub archived: Option<bool>,
    /// Whether a person has taken over, so that chatbots keep silent.
    pub chatbots_paused: Option<bool>,
}

/// Changes a session of the viewer's. What changes nothing leaves no trace in the log. Its title and who speaks
/// are its owner's to decide, `FORBIDDEN` to others; to put it away is each member's own.
///
/// Pausing cancels the replies under way in the same transaction: behind it in the log, no chatbot says
/// anything until a person lets them again.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: SessionId,
    change: Change,
) -> AppResult<Session> {
    viewer.account()?;
    let title = change
        .title
        .as_deref()
        .map(|title| Title::parse(title, "title"));
    let title = title.transpose()?.map(|title| title.as_str().to_owned());
    let mut conn = app.db().connection().await?;
    may_decide(access::seat(&mut conn, viewer, id).await?, &change)?;
    drop(conn);
    if change.chatbots_paused == Some(true) {
        under_way::ask_to_stop(app, id, |_| true).await?;
    }
    let mut conn = app.db().connection().await?;
    let (session, cancelled) = conn
        .transaction(async |conn| {
            let seat = may_decide(access::locked_seat(conn, viewer, id).await?, &change)?;
            let now = seat.session();
            let decisions = Decisions {
                title: title.filter(|title| *title != now.title),
                chatbots_paused: change
                    .chatbots_paused
                    .filter(|paused| *paused != now.chatbots_paused),
                owner_id: None,
            };
            let is_put_elsewhere = match change.archived {
                Some(archived) => members::archive(conn, &seat, archived).await?,
                None => false,
            };
            if decisions == Decisions::default() {
                let session = match is_put_elsewhere {
                    true => sessions::touch(conn, id).await?,
                    false => seat.into_session(),
                };
                return Ok::<_, AppError>((session, Vec::new()));
            }
            let cancelled = match decisions.chatbots_paused {
                Some(true) => under_way::cancel_all(conn, id).await?,
                _ => Vec::new(),
            };
            let session = sessions::decide(conn, id, &decisions).await?;
            Ok((session, cancelled))
        })
        .await?;
    under_way::announce(app, id, cancelled);
    // Also where nothing changed: it may be the retry of a change that was stored and then cut off before it was
    // told. Those who know drop what they know.
    app.bus().publish(Notice::SessionChanged {
        session: session.clone(),
    });
    Ok(session)
}

fn may_decide(seat: Seat, change: &Change) -> AppResult<Seat> {
    match (&change.title, change.chatbots_paused) {
        (None, None) => Ok(seat),
        _ => access::of_owner(seat),
    }
}

/// Erases a session of the viewer's with all that was said in it. There is no way back. `NOT_FOUND` without a
/// seat in it, `FORBIDDEN` if the viewer does not run it.
pub async fn delete(app: &App, viewer: &Viewer, id: SessionId) -> AppResult<()> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    conn.transaction(async |conn| {
        access::locked_owner_seat(conn, account, id).await?;
        sessions::erase(conn, id).await
    })
    .await?;
    app.bus().publish(Notice::SessionDeleted { session: id });
    Ok(())
}
