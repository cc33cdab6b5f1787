//! Where a client stands in a session's log.

use uuid::Uuid;

use super::{Rev, SessionId};

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
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[8..24].copy_from_slice(self.session.0.as_bytes());
        bytes[24..].copy_from_slice(&self.rev.0.to_be_bytes());
        bytes
    }

    /// From what [`to_bytes`](Self::to_bytes) gave; nothing if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (session, rev) = rest.split_first_chunk::<16>()?;
        Some(Self {
            epoch: Epoch(i64::from_be_bytes(*epoch)),
            session: SessionId(Uuid::from_bytes(*session)),
            rev: Rev(i64::from_be_bytes(rev.try_into().ok()?)),
        })
    }
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
        fn other_lengths_are_no_cursor(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assume!(bytes.len() != Cursor::LENGTH);
            prop_assert_eq!(Cursor::from_bytes(&bytes), None);
        }
    }
}
