//! The session that is begun by the first thing said in it.

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::db::Connection;
use crate::db::members::NewSeats;
use crate::db::messages::SendKey;
use crate::db::sessions::{self, NewSession};
use crate::domain::{Account, ChatbotId, SessionId, SessionKind, Title, Viewer};
use crate::error::AppResult;

/// Where something is said: in a session that there is, or in one that begins with it.
pub(super) struct Venue {
    /// Which.
    pub(super) id: SessionId,
    /// Whose it is, if it begins now.
    begun_by: Option<Account>,
}

impl Venue {
    /// This session; without one, a new one of the viewer's, `FORBIDDEN` to a guest.
    ///
    /// The id of a new one is made from who begins it and their key, so that a retry finds the session that the first
    /// try started. The key belongs to one person, so nobody else can name it.
    pub(super) fn find(
        viewer: &Viewer,
        session: Option<SessionId>,
        key: Option<&SendKey>,
    ) -> AppResult<Self> {
        if let Some(id) = session {
            return Ok(Self { id, begun_by: None });
        }
        let account = viewer.account()?;
        let from_key = |key| {
            let whose = [account.user().0];
            SessionId::from_a_key(hash(b"parlor session started by a send", &whose, key))
        };
        Ok(Self {
            id: key.map_or_else(SessionId::new, from_key),
            begun_by: Some(account),
        })
    }

    /// Stores a new one, with the chatbot of the house; one that is there stays as it is. Gives the seats in a new one.
    pub(super) async fn open(&self, conn: &mut Connection) -> AppResult<Option<NewSeats>> {
        let Some(account) = self.begun_by else {
            return Ok(None);
        };
        let new = NewSession {
            id: self.id,
            kind: SessionKind::Private,
            title: &Title::none(),
            owner: account.user(),
            chatbots: &[ChatbotId::HOUSE],
        };
        sessions::insert(conn, &new).await.map(Some)
    }
}

/// What an id is made of that the same key gives again, in the same hands. `purpose` keeps different things apart.
pub(super) fn hash(purpose: &[u8], whose: &[Uuid], key: &SendKey) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(purpose);
    for id in whose {
        context.update(id.as_bytes());
    }
    context.update(key.key.as_str().as_bytes());
    let hash = context.finish();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    bytes
}
