//! Reading what was said.

use super::access;
use crate::app::App;
use crate::db::history::{self, HistoryKey};
use crate::db::messages::{self, Message};
use crate::domain::{Page, PageRequest, Seq, SessionId, Viewer};
use crate::error::{AppError, AppResult};

/// A page of one session's messages, in order.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    request: &PageRequest<Seq>,
) -> AppResult<Page<Message>> {
    let mut conn = app.db().connection().await?;
    let seat = access::seat(&mut conn, viewer, session).await?;
    let rows = history::page(&mut conn, seat.session().id, request).await?;
    Ok(Page::new(request, rows))
}

/// A page of the messages that the viewer finds in a session they know of: none in a room they are not in.
pub async fn page_of_known(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    request: &PageRequest<Seq>,
) -> AppResult<Page<Message>> {
    match page(app, viewer, session, request).await {
        Err(AppError::NotFound(_)) => {
            let mut conn = app.db().connection().await?;
            access::known(&mut conn, viewer, session).await?;
            Ok(Page::new(request, Vec::new()))
        }
        outcome => outcome,
    }
}

/// A page at the end of all of the viewer's sessions, merged by time, newest last.
pub async fn page_of_all(
    app: &App,
    viewer: &Viewer,
    request: &PageRequest<HistoryKey>,
) -> AppResult<Page<Message>> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let rows = history::page_of_all(&mut conn, person.user, request).await?;
    Ok(Page::new(request, rows))
}

/// One message; `NOT_FOUND` if there is none, or its session is not the viewer's to see.
pub async fn get(app: &App, viewer: &Viewer, session: SessionId, seq: Seq) -> AppResult<Message> {
    let mut conn = app.db().connection().await?;
    let found = match access::seat(&mut conn, viewer, session).await {
        Ok(seat) => messages::find(&mut conn, seat.session().id, seq).await?,
        Err(AppError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    found.ok_or(AppError::NotFound("message"))
}
