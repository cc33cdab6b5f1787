//! What can be downloaded, and what a link to it stands for.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{LoginId, SessionId, UserId};

/// How a transcript is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptFormat {
    /// For people.
    Markdown,
    /// For programs.
    Json,
}

/// What somebody wants to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that is theirs.
    MyData,
    /// What was said in a session.
    Transcript(SessionId, TranscriptFormat),
}

/// What a link stands for: one thing, for one login, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What is downloaded.
    pub wanted: Wanted,
    /// For whom.
    pub user: UserId,
    /// The login that asked; when it ends, so does the link.
    pub login: LoginId,
    /// When the link stops being good, to the second.
    pub expires_at: DateTime<Utc>,
}

impl Ticket {
    /// As bytes, to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, session) = match self.wanted {
            Wanted::MyData => (b'd', None),
            Wanted::Transcript(session, TranscriptFormat::Markdown) => (b'm', Some(session)),
            Wanted::Transcript(session, TranscriptFormat::Json) => (b'j', Some(session)),
        };
        let mut bytes = Vec::with_capacity(57);
        bytes.push(tag);
        bytes.extend_from_slice(self.user.0.as_bytes());
        bytes.extend_from_slice(self.login.0.as_bytes());
        bytes.extend_from_slice(&self.expires_at.timestamp().to_be_bytes());
        if let Some(session) = session {
            bytes.extend_from_slice(session.0.as_bytes());
        }
        bytes
    }

    /// From bytes that were sealed; nothing if they never were a ticket.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (login, rest) = rest.split_first_chunk::<16>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let wanted = match (tag, rest) {
            (b'd', []) => Wanted::MyData,
            (b'm' | b'j', session) => {
                let session = SessionId(Uuid::from_bytes(session.try_into().ok()?));
                let format = match tag {
                    b'm' => TranscriptFormat::Markdown,
                    _ => TranscriptFormat::Json,
                };
                Wanted::Transcript(session, format)
            }
            _ => return None,
        };
        Some(Self {
            wanted,
            user: UserId(Uuid::from_bytes(*user)),
            login: LoginId(Uuid::from_bytes(*login)),
            expires_at: DateTime::from_timestamp(i64::from_be_bytes(*expires_at), 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_whole_or_not_at_all() {
        let session = SessionId::new();
        for wanted in [
            Wanted::MyData,
            Wanted::Transcript(session, TranscriptFormat::Markdown),
            Wanted::Transcript(session, TranscriptFormat::Json),
        ] {
            let ticket = Ticket {
                wanted,
                user: UserId::new(),
                login: LoginId::new(),
                expires_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            };
            let bytes = ticket.to_bytes();
            assert_eq!(Ticket::from_bytes(&bytes), Some(ticket));
            assert_eq!(Ticket::from_bytes(&bytes[..bytes.len() - 1]), None);
            assert_eq!(Ticket::from_bytes(&[&bytes[..], b"x"].concat()), None);
        }
        assert_eq!(Ticket::from_bytes(b""), None);
    }
}
