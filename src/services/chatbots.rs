//! Chatbots that a person may talk to: those of the house and their own.

use crate::app::App;
use crate::db::chatbots::{self, Chatbot};
use crate::domain::{ChatbotId, Handle, Page, PageRequest, Viewer};
use crate::error::{AppError, AppResult};

/// A page of them, by handle.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    request: &PageRequest<String>,
) -> AppResult<Page<Chatbot>> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let rows = chatbots::page(&mut conn, person.user, request).await?;
    Ok(Page::new(request, rows))
}

/// The one with this handle, if there is one that the viewer may talk to.
pub async fn find(app: &App, viewer: &Viewer, handle: &Handle) -> AppResult<Option<Chatbot>> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let handles = std::slice::from_ref(handle);
    let mut found = chatbots::by_handles(&mut conn, person.user, handles).await?;
    Ok(found.pop())
}

/// The one with this id; `NOT_FOUND` if there is none that the viewer may talk to.
pub async fn get(app: &App, viewer: &Viewer, id: ChatbotId) -> AppResult<Chatbot> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let found = chatbots::by_ids(&mut conn, &[id]).await?.pop();
    found
        .filter(|chatbot| chatbot.owner_id.is_none_or(|owner| owner == person.user))
        .ok_or(AppError::NotFound("chatbot"))
}
