//! The session that is begun by the first thing said in it.

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::db::Connection;
use crate::db::sends::SendKey;
use crate::db::sessions::{self, NewSession};
use crate::domain::{ChatbotId, SessionId, SessionKind, Title, UserId};
use crate::error::AppResult;

/// Its id: made from who begins it and their key, so that a retry finds the session that the first try started.
/// The key belongs to one person, so nobody else can name it.
pub(super) fn session_id(user: UserId, key: Option<&SendKey>) -> SessionId {
    let Some(key) = key else {
        return SessionId::new();
    };
    SessionId::from_a_key(hash(b"parlor session started by a send", &[user.0], key))
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

/// Stores it, with the chatbot of the house; one that is there stays as it is.
pub(super) async fn with_house_chatbot(
    conn: &mut Connection,
    id: SessionId,
    owner: UserId,
) -> AppResult<()> {
    let new = NewSession {
        id,
        kind: SessionKind::Private,
        title: &Title::none(),
        owner,
        chatbots: &[ChatbotId::HOUSE],
    };
    sessions::insert(conn, &new).await
}
