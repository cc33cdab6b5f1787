//! Where a client stands: in a session's log, or in what happens around their sessions.

use uuid::Uuid;

use super::{Rev, SessionId, UserId};

/// A span of a database's life in which its logs only ever grew. Another one begins when a backup is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub i64);

/// A place in one session's log, in one epoch of the database. Clients hold it sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The database's epoch when what it stands for was read.
    pub epoch: Epoch,
    /// Whose log.
    pub session: SessionId,
    /// The last change seen.
    pub rev: Rev,
}

impl Cursor {
    /// Its length in bytes.
    pub const LENGTH: usize = 32;

    /// As bytes: epoch, session, rev, big-endian.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        to_bytes(self.epoch, self.session.0, self.rev.0)
    }

    /// From what [`to_bytes`](Self::to_bytes) gave; nothing if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, session, rev) = from_bytes(bytes)?;
        Some(Self {
            epoch,
            session: SessionId(session),
            rev: Rev(rev),
        })
    }
}

/// A place in what happens around somebody's sessions: every transaction with a lower number was over when it was
/// taken, and what those did was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Horizon(pub i64);

/// A horizon of one person's inbox, in one epoch of the database. Clients hold it sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    /// The database's epoch when what it stands for was read.
    pub epoch: Epoch,
    /// Whose inbox.
    pub user: UserId,
    /// What they were told.
    pub horizon: Horizon,
}

impl InboxCursor {
    /// Its length in bytes.
    pub const LENGTH: usize = Cursor::LENGTH;

    /// As bytes: epoch, user, horizon, big-endian.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        to_bytes(self.epoch, self.user.0, self.horizon.0)
    }

    /// From what [`to_bytes`](Self::to_bytes) gave; nothing if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, user, horizon) = from_bytes(bytes)?;
        Some(Self {
            epoch,
            user: UserId(user),
            horizon: Horizon(horizon),
        })
    }
}

fn to_bytes(epoch: Epoch, whose: Uuid, place: i64) -> [u8; Cursor::LENGTH] {
    let mut bytes = [0; Cursor::LENGTH];
    bytes[..8].copy_from_slice(&epoch.0.to_be_bytes());
    bytes[8..24].copy_from_slice(whose.as_bytes());
    bytes[24..].copy_from_slice(&place.to_be_bytes());
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<(Epoch, Uuid, i64)> {
    let bytes: &[u8; Cursor::LENGTH] = bytes.try_into().ok()?;
    let (epoch, rest) = bytes.split_first_chunk::<8>()?;
    let (whose, place) = rest.split_first_chunk::<16>()?;
    Some((
        Epoch(i64::from_be_bytes(*epoch)),
        Uuid::from_bytes(*whose),
        i64::from_be_bytes(place.try_into().ok()?),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_lead_back_to_the_cursor(epoch: i64, session: u128, rev: i64) {
            let cursor = Cursor { epoch: Epoch(epoch), session: SessionId(Uuid::from_u128(session)), rev: Rev(rev) };
            prop_assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        }

        #[test]
        fn so_do_those_of_an_inboxs_cursor(epoch: i64, user: u128, horizon: i64) {
            let cursor = InboxCursor {
                epoch: Epoch(epoch),
                user: UserId(Uuid::from_u128(user)),
                horizon: Horizon(horizon),
            };
            prop_assert_eq!(InboxCursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        }

        #[test]
        fn other_lengths_are_no_cursor(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assume!(bytes.len() != Cursor::LENGTH);
            prop_assert_eq!(Cursor::from_bytes(&bytes), None);
            prop_assert_eq!(InboxCursor::from_bytes(&bytes), None);
        }
    }
}
