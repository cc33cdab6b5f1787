//! Watching a session live.

mod ending;
mod following;

use parlor::domain::{NodeId, SessionId};

/// The session that an id names.
pub fn id(session: &str) -> SessionId {
    match NodeId::decode(session) {
        Some(NodeId::Session(id)) => id,
        other => panic!("not a session: {other:?}"),
    }
}
