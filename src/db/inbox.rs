//! What has changed among a person's sessions since they last looked, told by transaction numbers.
//!
//! A session notes the transaction that moved its log last, a seat those that gave it and in which its person
//! read further, a departure the one that took the seat. A look tells what transactions from its horizon on have
//! done, and gives the next horizon: the xmin of its snapshot, below which every transaction was over and all
//! that it did was seen. What commits later has a number from there on, whenever it began.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::Connection;
use super::schema::{departures, members, sessions};
use super::sessions::Session;
use crate::domain::{Horizon, SessionId, UserId};
use crate::error::AppResult;

/// The number of the transaction that a statement runs in, in SQL.
pub(super) const THIS_TRANSACTION: &str = "pg_current_xact_id()::text::bigint";

/// The last transactions that matter to a person in a session. Each commits once, so while these are the same,
/// what they made is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// They have a seat.
    Seated {
        /// The one that moved the session's log.
        changed_in: i64,
        /// The one in which they read further.
        read_in: i64,
        /// The one that gave the seat.
        joined_in: i64,
    },
    /// They have none any more.
    Gone {
        /// The one that took it.
        left_in: i64,
    },
}

impl Mark {
    /// The latest of them.
    pub fn latest(self) -> i64 {
        match self {
            Self::Seated {
                changed_in,
                read_in,
                joined_in,
            } => changed_in.max(read_in).max(joined_in),
            Self::Gone { left_in } => left_in,
        }
    }
}

/// A session in which something has changed for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stirring {
    /// Which.
    pub session: SessionId,
    /// What changed it.
    pub mark: Mark,
    /// Where it stands in the order of looking.
    pub place: Place,
}

/// A place in the order of looking: by transaction, and by session where one changed several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(i64, Uuid);

impl Place {
    /// Before all that transactions from the horizon on have done.
    pub fn at(horizon: Horizon) -> Self {
        Self(horizon.0, Uuid::nil())
    }

    /// Whoever was told all before this place may go on from here.
    pub fn horizon(self) -> Horizon {
        Horizon(self.0)
    }

    /// Whoever was told all there is, and this as the last of it, may go on from here.
    ///
    /// Not from the snapshot's xmin alone: after a crash PostgreSQL gives numbers out again that left nothing
    /// behind. Those up to one that is seen here are not: it left a change.
    pub fn horizon_behind(self) -> Horizon {
        Horizon(self.0 + 1)
    }
}

/// What a look has seen.
pub struct Look {
    /// What has changed, in order.
    pub stirrings: Vec<Stirring>,
    /// Every transaction before this was over.
    pub horizon: Horizon,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    xmin: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    session_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    latest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    changed_in: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    read_in: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    joined_in: Option<i64>,
}

/// A page of what matters to the person `$1`, ordered and limited by `tail`. Read by way of their seats: it costs as
/// many rows as they have sessions, and so nothing when a message is sent. `offset 0` has the numbers worked
/// out once, and each session looked up by its seat, whatever the planner thinks of how many there are.
///
/// Numbers that this cluster has not given out yet came from another, with a dump, and say nothing here.
fn page(tail: &str) -> String {
    format!(
        "select now.xmin, mine.* \
         from (select pg_snapshot_xmin(taken)::text::bigint as xmin, \
                      pg_snapshot_xmax(taken)::text::bigint as xmax \
               from pg_current_snapshot() taken offset 0) now \
         left join lateral ( \
             select * from ( \
                 select m.session_id, \
                        greatest(case when s.changed_in < now.xmax then s.changed_in end, \
                                 case when m.read_in < now.xmax then m.read_in end, \
                                 case when m.joined_in < now.xmax then m.joined_in end) as latest, \
                        s.changed_in, m.read_in, m.joined_in \
                 from members m, \
                      lateral (select changed_in from sessions where id = m.session_id offset 0) s \
                 where m.user_id = $1 \
                 union all \
                 select d.session_id, d.left_in, null, null, null \
                 from departures d \
                 where d.user_id = $1 and d.left_in >= $2 and d.left_in < now.xmax \
                   and not exists (select from members m \
                                   where m.session_id = d.session_id and m.user_id = $1) \
             ) any_time \
             {tail} \
         ) mine on true"
    )
}

/// Looks at what has changed from a place on, `limit` sessions at most.
pub async fn look(
    conn: &mut Connection,
    user: UserId,
    from: Place,
    limit: usize,
) -> AppResult<Look> {
    let rows: Vec<Row> = diesel::sql_query(page(
        "where (latest, session_id) > ($2, $3) order by latest, session_id limit $4",
    ))
    .bind::<SqlUuid, _>(user)
    .bind::<BigInt, _>(from.0)
    .bind::<SqlUuid, _>(from.1)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(conn)
    .await?;
    Ok(seen(&rows))
}

/// Where a person stands who wants to hear of what changes from now on.
pub async fn now(conn: &mut Connection, user: UserId) -> AppResult<Horizon> {
    let rows: Vec<Row> = diesel::sql_query(page(
        "where latest is not null order by latest desc limit 1",
    ))
    .bind::<SqlUuid, _>(user)
    .bind::<BigInt, _>(0)
    .load(conn)
    .await?;
    let look = seen(&rows);
    let newest = look.stirrings.last();
    let behind = newest.map_or(Horizon(0), |newest| newest.place.horizon_behind());
    Ok(behind.min(look.horizon))
}

fn seen(rows: &[Row]) -> Look {
    let stirring = |row: &Row| {
        let (session, latest) = (row.session_id?, row.latest?);
        let seat = row.changed_in.zip(row.read_in).zip(row.joined_in);
        let mark = match seat {
            Some(((changed_in, read_in), joined_in)) => Mark::Seated {
                changed_in,
                read_in,
                joined_in,
            },
            None => Mark::Gone { left_in: latest },
        };
        Some(Stirring {
            session: SessionId(session),
            mark,
            place: Place(latest, session),
        })
    };
    Look {
        stirrings: rows.iter().filter_map(stirring).collect(),
        horizon: Horizon(rows.first().map_or(0, |row| row.xmin)),
    }
}

/// The ids of all sessions that a person is in.
pub async fn sessions_of(conn: &mut Connection, user: UserId) -> AppResult<Vec<SessionId>> {
    Ok(members::table
        .filter(members::user_id.eq(user))
        .select(members::session_id)
        .load(conn)
        .await?)
}

/// Of these sessions, those that a person is in, each as it is now and read under their seat.
pub async fn seated(
    conn: &mut Connection,
    user: UserId,
    ids: &[SessionId],
) -> AppResult<Vec<(Session, Mark)>> {
    let rows: Vec<(Session, i64, i64, i64)> = members::table
        .inner_join(sessions::table)
        .filter(members::user_id.eq(user))
        .filter(members::session_id.eq_any(ids))
        .select((
            Session::as_select(),
            sessions::changed_in,
            members::read_in,
            members::joined_in,
        ))
        .load(conn)
        .await?;
    let marked = |(session, changed_in, read_in, joined_in)| {
        let mark = Mark::Seated {
            changed_in,
            read_in,
            joined_in,
        };
        (session, mark)
    };
    Ok(rows.into_iter().map(marked).collect())
}

/// Of these sessions, those in which a person had a seat once and lost it.
pub async fn departed(
    conn: &mut Connection,
    user: UserId,
    ids: &[SessionId],
) -> AppResult<Vec<(SessionId, Mark)>> {
    let rows: Vec<(SessionId, i64)> = departures::table
        .filter(departures::user_id.eq(user))
        .filter(departures::session_id.eq_any(ids))
        .select((departures::session_id, departures::left_in))
        .load(conn)
        .await?;
    let marked = |(session, left_in)| (session, Mark::Gone { left_in });
    Ok(rows.into_iter().map(marked).collect())
}
