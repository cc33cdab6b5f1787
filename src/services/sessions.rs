//! Starting, listing, finding and changing sessions.

use std::collections::HashSet;

use diesel_async::AsyncConnection;

use super::{access, under_way};
use crate::app::App;
use crate::bus::Notice;
use crate::db::members::Seat;
use crate::db::sessions::{self, Decisions, ListKey, NewSession, Session};
use crate::db::{Connection, chatbots};
use crate::domain::{
    ChatbotId, Handle, Page, PageRequest, SessionId, SessionKind, Title, UserId, Viewer,
};
use crate::error::{AppError, AppResult};

/// The most chatbots in one session.
pub const MAX_CHATBOTS: usize = 8;

/// A session as someone wants it.
pub struct SessionPlan {
    /// What it is called; nothing for no title.
    pub title: Option<String>,
    /// The handles of the chatbots; nothing for the chatbot of the house, an empty list for none.
    pub chatbots: Option<Vec<String>>,
}

/// Starts a `PRIVATE` session of the viewer's.
pub async fn start(app: &App, viewer: &Viewer, plan: SessionPlan) -> AppResult<Session> {
    let person = viewer.person()?;
    let title = Title::parse(plan.title.as_deref().unwrap_or_default(), "title")?;
    let handles = plan.chatbots.map(parse_handles).transpose()?;

    let mut conn = app.db().connection().await?;
    conn.transaction(async |conn| {
        let chatbots = match &handles {
            None => vec![ChatbotId::HOUSE],
            Some(handles) => invited(conn, person.user, handles).await?,
        };
        let id = SessionId::new();
        let new = NewSession {
            id,
            kind: SessionKind::Private,
            title: &title,
            owner: person.user,
            chatbots: &chatbots,
        };
        sessions::insert(conn, &new).await?;
        Ok(access::seat(conn, viewer, id).await?.into_session())
    })
    .await
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
    user: UserId,
    handles: &[Handle],
) -> AppResult<Vec<ChatbotId>> {
    let found = chatbots::by_handles(conn, user, handles).await?;
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

/// One session of the viewer's; `NOT_FOUND` if it is not theirs to see.
pub async fn get(app: &App, viewer: &Viewer, id: SessionId) -> AppResult<Session> {
    let mut conn = app.db().connection().await?;
    Ok(access::seat(&mut conn, viewer, id).await?.into_session())
}

/// What someone decides about a session; what is not there stays as it is.
#[derive(Default)]
pub struct Change {
    /// What it is called; empty for no title.
    pub title: Option<String>,
    /// Whether it is put away.
    pub archived: Option<bool>,
    /// Whether a person has taken over, so that chatbots keep silent.
    pub chatbots_paused: Option<bool>,
}

/// Changes a session of the viewer's. What changes nothing leaves no trace in the log.
///
/// Pausing cancels the replies under way in the same transaction: behind it in the log, no chatbot says
/// anything until a person lets them again.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: SessionId,
    change: Change,
) -> AppResult<Session> {
    let title = change
        .title
        .as_deref()
        .map(|title| Title::parse(title, "title"));
    let title = title.transpose()?.map(|title| title.as_str().to_owned());
    let mut conn = app.db().connection().await?;
    may_decide(&access::seat(&mut conn, viewer, id).await?)?;
    drop(conn);
    if change.chatbots_paused == Some(true) {
        under_way::ask_to_stop(app, id, |_| true).await?;
    }
    let mut conn = app.db().connection().await?;
    let (session, cancelled) = conn
        .transaction(async |conn| {
            let seat = access::locked_seat(conn, viewer, id).await?;
            may_decide(&seat)?;
            let now = seat.session();
            let decisions = Decisions {
                title: title.filter(|title| *title != now.title),
                archived: change.archived.filter(|archived| *archived != now.archived),
                chatbots_paused: change
                    .chatbots_paused
                    .filter(|paused| *paused != now.chatbots_paused),
            };
            if decisions == Decisions::default() {
                return Ok::<_, AppError>((seat.into_session(), Vec::new()));
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

/// Its title, whether it is put away and who speaks are its owner's to decide. In a `PRIVATE` session there
/// is nobody else, so these stand on the session and not on each seat.
fn may_decide(seat: &Seat) -> AppResult<()> {
    if seat.user() == seat.session().owner_id {
        return Ok(());
    }
    Err(AppError::Forbidden("Only its owner may change a session."))
}
