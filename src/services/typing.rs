//! Who is typing: told to those who watch, never stored.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;

use super::access;
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::users::{self, User};
use crate::domain::{ClientAddress, Person, SessionId, UserId, Viewer};
use crate::error::{AppError, AppResult};

/// How long it may take to find out who types. What a subscriber is told next waits for it, and so does the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tells the others of a session that the viewer types there, or has stopped. It ends by itself.
///
/// Every call counts towards the viewer's rates. `NOT_FOUND` without a seat in the session.
pub async fn set(
    app: &App,
    from: ClientAddress,
    viewer: &Viewer,
    session: SessionId,
    typing: bool,
) -> AppResult<()> {
    let user = viewer.person()?.user;
    app.rates().from_address(Deed::SetTyping, from)?;
    app.rates().by_person(Deed::SetTyping, user)?;
    access::seat(&mut *app.db().connection().await?, viewer, session).await?;
    app.rates().typing_in(user, session)?;
    app.bus().publish(Notice::Typing {
        session,
        user,
        typing,
    });
    Ok(())
}

/// The people whom one subscriber has been told of.
///
/// Their rows are kept while they type, so that their stopping can be told even if they are gone by then.
#[derive(Default)]
pub(super) struct Typists {
    people: HashMap<UserId, User>,
}

impl Typists {
    /// Whom to tell the person of; nothing if it is they themselves, or nobody who could be told of.
    pub(super) async fn look(
        &mut self,
        app: &App,
        to: &Person,
        session: SessionId,
        (user, typing): (UserId, bool),
    ) -> Option<User> {
        if user == to.user {
            return None;
        }
        if !typing {
            return self.people.remove(&user);
        }
        let profile = app.feeds().profile_of_typist(session, user)?;
        let read = profile.get_or_try_init(async || {
            let mut conn = app.db().connection().await?;
            let found = users::by_ids(&mut conn, &[user]).await?.pop();
            found.ok_or(AppError::NotFound("person"))
        });
        // Worth no second try: they are told of when they begin to type the next time.
        let found = timeout(PATIENCE, read).await.ok()?.ok()?.clone();
        self.people.insert(user, found.clone());
        Some(found)
    }
}

/// A person who watches a session. When they leave, they do not type there any more.
pub(super) struct Presence {
    pub(super) app: App,
    pub(super) session: SessionId,
    pub(super) user: UserId,
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Most who leave were not typing: nobody need hear of them.
        if self.app.feeds().is_typing(self.session, self.user) {
            self.app.bus().publish(Notice::Typing {
                session: self.session,
                user: self.user,
                typing: false,
            });
        }
    }
}
