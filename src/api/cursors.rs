//! Cursors of lists: a row's key, sealed for that list, so that a cursor of another list is told apart.

use async_graphql::OutputType;
use aws_lc_rs::digest;
use chrono::DateTime;
use uuid::Uuid;

use super::types::Connection;
use crate::auth::{Purpose, Sealer};
use crate::db::history::HistoryKey;
use crate::db::search::SearchKey;
use crate::db::sessions::ListKey;
use crate::domain::{Bounds, Defaults, Page, PageRequest, SearchText, Seq, SessionId};
use crate::error::{AppError, AppResult};

/// The four arguments of a connection, as the client sent them.
#[derive(Default)]
pub(super) struct PageArgs {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

/// A row's place in a list, to be sealed when somebody asks for its cursor.
pub(super) struct Key {
    list: Purpose,
    bytes: Vec<u8>,
}

impl Key {
    pub(super) fn seal(&self, sealer: &Sealer) -> String {
        sealer.seal(self.list, &self.bytes)
    }
}

/// The key that a list is ordered by.
pub(super) trait ListCursor: Sized {
    /// Which list.
    const LIST: Purpose;

    fn to_bytes(&self) -> Vec<u8>;

    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    fn to_key(&self) -> Key {
        Key {
            list: Self::LIST,
            bytes: self.to_bytes(),
        }
    }

    fn open(sealer: &Sealer, text: &str, field: &'static str) -> AppResult<Self> {
        sealer
            .open(Self::LIST, text)
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or_else(|| not_of_this_list(field))
    }
}

fn not_of_this_list(field: &'static str) -> AppError {
    AppError::bad_input(field, "This is not a cursor of this list.")
}

impl PageArgs {
    /// The page that is asked for.
    pub(super) fn parse<K: ListCursor>(
        self,
        sealer: &Sealer,
        defaults: Defaults,
    ) -> AppResult<PageRequest<K>> {
        self.parse_with(defaults, |text, field| K::open(sealer, text, field))
    }

    /// The page of one session's messages that is asked for. A cursor of another session is none of this
    /// list's.
    pub(super) fn parse_in(
        self,
        sealer: &Sealer,
        session: SessionId,
        defaults: Defaults,
    ) -> AppResult<PageRequest<Seq>> {
        self.parse_with(defaults, |text, field| {
            let (of, seq) = <(SessionId, Seq)>::open(sealer, text, field)?;
            if of == session {
                Ok(seq)
            } else {
                Err(not_of_this_list(field))
            }
        })
    }

    /// The page of a search that is asked for. A cursor of another search is none of this list's.
    pub(super) fn parse_search(
        self,
        sealer: &Sealer,
        digest: SearchDigest,
        defaults: Defaults,
    ) -> AppResult<PageRequest<SearchKey>> {
        self.parse_with(defaults, |text, field| {
            let cursor = SearchCursor::open(sealer, text, field)?;
            if cursor.digest == digest {
                Ok(cursor.key)
            } else {
                Err(not_of_this_list(field))
            }
        })
    }

    fn parse_with<K>(
        self,
        defaults: Defaults,
        open: impl Fn(&str, &'static str) -> AppResult<K>,
    ) -> AppResult<PageRequest<K>> {
        let open =
            |cursor: Option<String>, field| cursor.map(|text| open(&text, field)).transpose();
        let bounds = Bounds {
            after: open(self.after, "after")?,
            before: open(self.before, "before")?,
        };
        PageRequest::parse(self.first, self.last, bounds, defaults)
    }
}

/// A page as a Relay connection.
pub(super) fn connection<T, K: ListCursor, N: OutputType>(
    page: Page<T>,
    key: impl Fn(&T) -> K,
    node: impl Fn(T) -> N,
) -> Connection<N> {
    let edges = page.items.into_iter().map(|row| {
        let key = key(&row).to_key();
        (key, node(row))
    });
    Connection::new(page.has_previous, page.has_next, edges)
}

/// Messages of one session.
impl ListCursor for (SessionId, Seq) {
    const LIST: Purpose = Purpose::Messages;

    fn to_bytes(&self) -> Vec<u8> {
        let (session, seq) = self;
        [session.0.as_bytes().as_slice(), &seq.0.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (session, seq) = bytes.split_first_chunk::<16>()?;
        let seq = i32::from_be_bytes(seq.try_into().ok()?);
        Some((SessionId(Uuid::from_bytes(*session)), Seq(seq)))
    }
}

/// Messages of all sessions.
impl ListCursor for HistoryKey {
    const LIST: Purpose = Purpose::History;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.created_at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.session.0.as_bytes());
        bytes.extend_from_slice(&self.seq.0.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (micros, place) = bytes.split_first_chunk::<8>()?;
        let (session, seq) = <(SessionId, Seq)>::from_bytes(place)?;
        Some(Self {
            created_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?,
            session,
            seq,
        })
    }
}

/// Sessions, latest change first.
impl ListCursor for ListKey {
    const LIST: Purpose = Purpose::Sessions;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.updated_at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.0.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (micros, id) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            updated_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?,
            id: SessionId(Uuid::from_slice(id).ok()?),
        })
    }
}

/// What tells one search from another.
pub(super) type SearchDigest = [u8; 16];

/// What a search found: the key is worth something for the same text in the same sessions only.
pub(super) struct SearchCursor {
    pub(super) digest: SearchDigest,
    pub(super) key: SearchKey,
}

impl SearchCursor {
    /// Of what is looked for, and where. The text itself is in no cursor.
    pub(super) fn digest(text: &SearchText, session: Option<SessionId>) -> SearchDigest {
        let mut context = digest::Context::new(&digest::SHA256);
        let session = session.map_or([0; 16], |session| *session.0.as_bytes());
        context.update(&session);
        for part in text.parts() {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut short = [0; 16];
        short.copy_from_slice(&context.finish().as_ref()[..16]);
        short
    }
}

impl ListCursor for SearchCursor {
    const LIST: Purpose = Purpose::Search;

    fn to_bytes(&self) -> Vec<u8> {
        let place = (self.key.session, self.key.seq).to_bytes();
        let rank = self.key.rank.to_be_bytes();
        [self.digest.as_slice(), &rank, &place].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk::<16>()?;
        let (rank, place) = rest.split_first_chunk::<4>()?;
        let (session, seq) = <(SessionId, Seq)>::from_bytes(place)?;
        Some(Self {
            digest: *digest,
            key: SearchKey {
                rank: f32::from_be_bytes(*rank),
                session,
                seq,
            },
        })
    }
}

/// Rooms, latest change first.
pub(super) struct RoomKey(pub(super) ListKey);

impl ListCursor for RoomKey {
    const LIST: Purpose = Purpose::Rooms;

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        ListKey::from_bytes(bytes).map(Self)
    }
}

/// Chatbots, by handle.
impl ListCursor for String {
    const LIST: Purpose = Purpose::Chatbots;

    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}
