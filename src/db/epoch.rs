//! The value that cursors are bound to, until the log is another one.
//!
//! After a backup was restored, or a standby that lacked the last changes took over, rev numbers that clients have
//! seen are given out again for other changes. So the epoch's row notes where it was written, and a row found
//! elsewhere makes a new epoch. What is compared:
//!
//! - the cluster's identifier: a dump restored into another PostgreSQL;
//! - its timeline: a standby that was promoted, a recovery to a point in time;
//! - the database's number, and the transaction that wrote the row: a dump restored beside or over the old one;
//! - how far the write-ahead log has come: it never goes back under a running server unless files were put back.
//!
//! Files put back while no server ran can't be told apart: that takes `parlor restored`.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable};
use diesel_async::RunQueryDsl;
use tokio::time::timeout;

use super::Connection;
use super::connect::connect;
use crate::domain::Epoch;
use crate::error::{AppError, AppResult};

/// How long PostgreSQL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the row is compared with. The functions of the first two are everybody's unless an operator took them away.
const PLACE: &str = "(select system_identifier from pg_control_system())::text || '/' || \
     left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || \
     (select oid from pg_database where datname = current_database())::text";

/// The same where PostgreSQL does not tell who it is.
const PLACE_UNIDENTIFIED: &str =
    "(select oid from pg_database where datname = current_database())::text";

const MAY_IDENTIFY: &str = "select has_function_privilege('pg_control_system()', 'execute') \
     and has_function_privilege('pg_walfile_name(pg_lsn)', 'execute') \
     and has_function_privilege('pg_current_wal_lsn()', 'execute') \
     and has_function_privilege('pg_current_wal_flush_lsn()', 'execute') as answer";

/// Looks after a database's epoch, over a connection of its own.
pub struct EpochKeeper {
    url: String,
    conn: Option<Connection>,
    /// What it found last.
    known: Option<Epoch>,
    /// How far the write-ahead log had come, in bytes.
    position: i64,
}

/// The epoch's row, and what is to be thought of it.
#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    value: i64,
    #[diesel(sql_type = Bool)]
    is_in_place: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[derive(diesel::QueryableByName)]
struct Value {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

impl EpochKeeper {
    /// Connects when it first looks.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            conn: None,
            known: None,
            position: 0,
        }
    }

    /// The epoch of the database as it is now: a new one if it is not the database that the old one began in.
    pub async fn look(&mut self) -> AppResult<Epoch> {
        self.try_within(None).await
    }

    /// Ends this epoch, whatever the database looks like, unless it has ended already; then gives the epoch there
    /// is. So what several found wanting at once, or one of them twice, ends once.
    pub async fn renew(&mut self, wanting: Epoch) -> AppResult<Epoch> {
        self.try_within(Some(wanting)).await
    }

    async fn try_within(&mut self, wanting: Option<Epoch>) -> AppResult<Epoch> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => connect(&self.url).await.map_err(AppError::unavailable)?,
        };
        let settled = self.settle(&mut conn, wanting);
        let found = timeout(PATIENCE, settled).await;
        let (epoch, position) =
            found.map_err(|_| AppError::unavailable(anyhow::anyhow!("no answer in time")))??;
        // Kept only after all went well: the next look makes another one.
        self.conn = Some(conn);
        self.position = position;
        self.known = Some(epoch);
        Ok(epoch)
    }

    /// The epoch, and how far the write-ahead log has come.
    async fn settle(
        &self,
        conn: &mut Connection,
        wanting: Option<Epoch>,
    ) -> AppResult<(Epoch, i64)> {
        let may_identify: Answer = diesel::sql_query(MAY_IDENTIFY).get_result(conn).await?;
        let (place, position) = if may_identify.answer {
            (PLACE, "(pg_current_wal_flush_lsn() - '0/0')::bigint")
        } else {
            (PLACE_UNIDENTIFIED, "null::bigint")
        };
        let found: Found = diesel::sql_query(format!(
        "select value, {position} as position, \
                coalesce(place = {place} and written_by = xmin::text::bigint, false) as is_in_place \
         from epoch"
    ))
    .get_result(conn)
    .await?;
        let position = found.position.unwrap_or(0);
        let epoch = Epoch(found.value);
        let is_older = position < self.position;
        let is_renewed = self.known.is_some_and(|known| known != epoch);
        let is_wanting = wanting == Some(epoch) || (is_older && !is_renewed);
        if found.is_in_place && !is_wanting {
            return Ok((epoch, position));
        }
        // Of several processes that notice at once, one makes the new epoch: the others find the value gone.
        diesel::sql_query(format!(
        "update epoch set \
             value = ('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint, \
             place = {place}, \
             written_by = (pg_current_xact_id()::text::numeric % 4294967296)::bigint \
         where value = $1"
    ))
    .bind::<BigInt, _>(found.value)
    .execute(conn)
    .await?;
        let now: Value = diesel::sql_query("select value from epoch")
            .get_result(conn)
            .await?;
        Ok((Epoch(now.value), position))
    }
}
