//! Reading what was said.

use super::access;
use crate::app::App;
use crate::db::history::{self, HistoryKey};
use crate::db::messages::Message;
use crate::domain::{Page, PageRequest, Seq, SessionId, Viewer};
use crate::error::{AppError, AppResult};

/// A page of one session's messages, in order.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    request: &PageRequest<Seq>,
) -> AppResult<Page<Message>> {
    let reader = viewer.person()?.user;
    let mut conn = app.db().connection().await?;
    let rows = history::page(&mut conn, reader, session, request).await?;
    if rows.is_empty() {
        access::seat(&mut conn, viewer, session).await?;
    }
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
    let reader = viewer.person()?.user;
    let mut conn = app.db().connection().await?;
    let found = history::find(&mut conn, reader, session, seq).await?;
    found.ok_or(AppError::NotFound("message"))
}
