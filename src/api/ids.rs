//! Ids as clients send them.

use async_graphql::ID;

use crate::domain::{NodeId, Seq, SessionId};
use crate::error::{AppError, AppResult};

/// What an id names; `field` names the argument in the complaint.
pub(super) fn node(id: &ID, field: &'static str) -> AppResult<NodeId> {
    NodeId::decode(id).ok_or_else(|| AppError::bad_input(field, "This is not an id."))
}

/// The session that an id names; `field` names the argument in the complaint.
pub(super) fn session(id: &ID, field: &'static str) -> AppResult<SessionId> {
    match node(id, field)? {
        NodeId::Session(id) => Ok(id),
        _ => Err(AppError::bad_input(field, "This is not a session's id.")),
    }
}

/// The message that an id names, by its session and its place there; `field` names the argument in the
/// complaint.
pub(super) fn message(id: &ID, field: &'static str) -> AppResult<(SessionId, Seq)> {
    match node(id, field)? {
        NodeId::Message(session, seq) => Ok((session, seq)),
        _ => Err(AppError::bad_input(field, "This is not a message's id.")),
    }
}
