//! Rows that fields ask for one by one, fetched many at a time.
//!
//! Nothing is remembered between batches. A loader does not ask who looks: whoever holds the id of a row
//! here got it from a row that they were allowed to see.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use crate::db::Db;
use crate::db::chatbots::{self, Chatbot};
use crate::db::members::{self, Member, OwnSeat};
use crate::db::messages::{self, Message};
use crate::db::sessions::{self, Session};
use crate::db::users::{self, User};
use crate::domain::{ChatbotId, Seq, SessionId, UserId};
use crate::error::AppError;

/// Fetches rows.
pub(super) struct Rows {
    db: Db,
}

impl Rows {
    pub(super) fn new(db: Db) -> Self {
        Self { db }
    }
}

/// The members of a session, so many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MembersOf(pub(super) SessionId, pub(super) i64);

/// The chatbots of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChatbotsOf(pub(super) SessionId);

/// A person's own seat in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SeatOf(pub(super) UserId, pub(super) SessionId);

type Batch<K, V> = Result<HashMap<K, V>, Arc<AppError>>;

impl Loader<UserId> for Rows {
    type Value = User;
    type Error = Arc<AppError>;

    async fn load(&self, ids: &[UserId]) -> Batch<UserId, User> {
        let mut conn = self.db.connection().await?;
        let rows = users::by_ids(&mut conn, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<ChatbotId> for Rows {
    type Value = Chatbot;
    type Error = Arc<AppError>;

    async fn load(&self, ids: &[ChatbotId]) -> Batch<ChatbotId, Chatbot> {
        let mut conn = self.db.connection().await?;
        let rows = chatbots::by_ids(&mut conn, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<SessionId> for Rows {
    type Value = Session;
    type Error = Arc<AppError>;

    async fn load(&self, ids: &[SessionId]) -> Batch<SessionId, Session> {
        let mut conn = self.db.connection().await?;
        let rows = sessions::by_ids(&mut conn, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<(SessionId, Seq)> for Rows {
    type Value = Message;
    type Error = Arc<AppError>;

    async fn load(&self, places: &[(SessionId, Seq)]) -> Batch<(SessionId, Seq), Message> {
        let conn = self.db.connection().await?;
        let rows = messages::by_places(&conn, places).await?;
        Ok(rows
            .into_iter()
            .map(|row| ((row.session_id, row.seq), row))
            .collect())
    }
}

impl Loader<MembersOf> for Rows {
    type Value = Vec<Member>;
    type Error = Arc<AppError>;

    async fn load(&self, keys: &[MembersOf]) -> Batch<MembersOf, Vec<Member>> {
        let mut conn = self.db.connection().await?;
        let mut all = HashMap::new();
        // A document rarely asks for several sizes.
        for (first, sessions) in grouped(keys.iter().map(|key| (key.1, key.0)), |first| first) {
            let rows = members::of_sessions(&mut conn, &sessions, first).await?;
            all.extend(grouped(rows, |session| MembersOf(session, first)));
        }
        Ok(all)
    }
}

impl Loader<ChatbotsOf> for Rows {
    type Value = Vec<Chatbot>;
    type Error = Arc<AppError>;

    async fn load(&self, keys: &[ChatbotsOf]) -> Batch<ChatbotsOf, Vec<Chatbot>> {
        let mut conn = self.db.connection().await?;
        let ids: Vec<SessionId> = keys.iter().map(|key| key.0).collect();
        let rows = chatbots::of_sessions(&mut conn, &ids).await?;
        Ok(grouped(rows, ChatbotsOf))
    }
}

impl Loader<SeatOf> for Rows {
    type Value = OwnSeat;
    type Error = Arc<AppError>;

    async fn load(&self, keys: &[SeatOf]) -> Batch<SeatOf, OwnSeat> {
        let mut conn = self.db.connection().await?;
        let wanted = keys.iter().map(|SeatOf(user, session)| (*user, *session));
        let mut seats = HashMap::new();
        // One person as a rule: a batch rarely spans several requests.
        for (user, sessions) in grouped(wanted, |user| user) {
            let rows = members::own_seats(&mut conn, user, &sessions).await?;
            seats.extend(
                rows.into_iter()
                    .map(|seat| (SeatOf(user, seat.session_id), seat)),
            );
        }
        Ok(seats)
    }
}

/// Rows by what they belong to, in their order.
fn grouped<I, K: Eq + Hash, T>(
    rows: impl IntoIterator<Item = (I, T)>,
    key: impl Fn(I) -> K,
) -> HashMap<K, Vec<T>> {
    let mut groups: HashMap<K, Vec<T>> = HashMap::new();
    for (id, row) in rows {
        groups.entry(key(id)).or_default().push(row);
    }
    groups
}
