//! What `inbox` gives.

use async_graphql::{ID, SimpleObject, Union};

use super::Session;
use super::events::{CaughtUp, FeedEnded};
use crate::app::App;
use crate::domain::{Epoch, NodeId, UserId};
use crate::inbox::Item;
use crate::services::inbox::Sight;

/// Something about a session of yours.
///
/// These are states and not events: each shows what is now, and stands for all that has changed before. The same may
/// come again: several events may have the same `cursor`, which moves on as what is before it is settled, every 15 seconds
/// at least. Keep the `cursor` of the last one: come back `after` it, and you are told, at least once, of every
/// session that was added, has changed or was removed meanwhile.
#[derive(Union)]
pub enum InboxEvent {
    /// A session that you were not in.
    SessionAdded(SessionAdded),
    /// A session of yours has changed.
    SessionUpdated(SessionUpdated),
    /// You are not in a session any more.
    SessionRemoved(SessionRemoved),
    /// What changed while you were away has been told.
    CaughtUp(CaughtUp),
    /// The last event.
    FeedEnded(FeedEnded),
}

/// A session that you were not in: somebody has invited you or came to see you, or you have started or joined it, on
/// this device or another. It may come for one that you know: then take it for an update.
#[derive(SimpleObject)]
pub struct SessionAdded {
    /// Where to continue from.
    cursor: String,
    /// The session, as it is now.
    session: Session,
}

/// Something has changed in a session of yours: its last message, how many you have not read, its title, who is in it,
/// whether you have put it away. Text of a reply under way and who types are not told here. However much happens in
/// it, a session is told twice a second at most, and what is told last is how it stays.
#[derive(SimpleObject)]
pub struct SessionUpdated {
    /// Where to continue from.
    cursor: String,
    /// The session, as it is now.
    session: Session,
}

/// You are not in a session any more: you left, on this device or another, or were removed; or it was deleted. It may
/// come for one that you were in too briefly to be told of.
#[derive(SimpleObject)]
pub struct SessionRemoved {
    /// Where to continue from.
    cursor: String,
    /// Which.
    session_id: ID,
}

impl InboxEvent {
    /// What somebody saw in their inbox, as clients see it.
    pub(in crate::api) fn new(app: &App, epoch: Epoch, user: UserId, sight: Sight) -> Self {
        let cursor = |horizon| app.seal_inbox_cursor(epoch, user, horizon);
        match sight {
            Sight::Item(Item::Added(horizon, row)) => Self::SessionAdded(SessionAdded {
                cursor: cursor(horizon),
                session: Session::new(*row),
            }),
            Sight::Item(Item::Updated(horizon, row)) => Self::SessionUpdated(SessionUpdated {
                cursor: cursor(horizon),
                session: Session::new(*row),
            }),
            Sight::Item(Item::Removed(horizon, session)) => Self::SessionRemoved(SessionRemoved {
                cursor: cursor(horizon),
                session_id: NodeId::Session(session).encode().into(),
            }),
            Sight::Item(Item::CaughtUp(horizon)) => Self::CaughtUp(CaughtUp {
                cursor: cursor(horizon),
            }),
            Sight::End(reason) => Self::FeedEnded(FeedEnded::new(reason)),
        }
    }
}
