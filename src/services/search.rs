//! Finding what was said.

use super::access;
use crate::app::{App, Deed};
use crate::db::search::{self, Found, SearchKey};
use crate::domain::{Page, PageRequest, SearchText, SessionId, Viewer};
use crate::error::{AppError, AppResult};

/// A page of the messages that fit, in one of the viewer's sessions or in all of them, the best first.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    text: &SearchText,
    session: Option<SessionId>,
    request: &PageRequest<SearchKey>,
) -> AppResult<Page<Found>> {
    let user = viewer.person()?.user;
    app.rates().by_person(Deed::Search, user)?;
    let mut conn = app.db().connection().await?;
    if let Some(session) = session {
        access::seat(&mut conn, viewer, session).await?;
    }
    let query = search::read(&mut conn, text).await?.ok_or_else(|| {
        AppError::bad_input(
            "text",
            "There is no word in this to look for. Words begin with a letter or a digit, and one without a \
             minus has to be there.",
        )
    })?;
    let found = search::page(&mut conn, user, session, &query, request).await?;
    Ok(Page::new(request, found))
}
