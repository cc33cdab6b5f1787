//! The logins that have ended since one last looked, in whatever way, from whatever process.

use std::time::Duration;

use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Connection, Db};
use crate::domain::LoginId;
use crate::error::{AppError, AppResult};

/// How long PostgreSQL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many are read at a time.
const PAGE: usize = 1_000;

/// Looks over a connection of its own, so that it never waits for one that requests hold.
///
/// Guarantee: a login whose end is committed before a look begins is told by that look or was by one before it.
/// The first look tells all that are still noted. Some are told twice.
pub struct EndedLogins {
    db: Db,
    conn: Option<Connection>,
    /// Every transaction with a lower number was over at the last look, so what it ended was told.
    horizon: i64,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    horizon: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    login_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    ended_in: Option<i64>,
}

impl EndedLogins {
    /// Connects when it first looks.
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            conn: None,
            horizon: 0,
        }
    }

    /// Tells of each login that has ended since the last look.
    pub async fn look(&mut self, mut tell: impl FnMut(LoginId)) -> AppResult<()> {
        let mut conn = self.connection().await?;
        let mut from = (self.horizon, Uuid::nil());
        let mut horizon = None;
        loop {
            let rows: Vec<Row> = within(
                diesel::sql_query(
                    "select now.horizon, ended.login_id, ended.ended_in \
                     from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon) now \
                     left join lateral ( \
                         select login_id, ended_in from ended_logins \
                         where (ended_in, login_id) > ($1, $2) \
                         order by ended_in, login_id limit $3 \
                     ) ended on true",
                )
                .bind::<BigInt, _>(from.0)
                .bind::<SqlUuid, _>(from.1)
                .bind::<BigInt, _>(i64::try_from(PAGE).unwrap_or(i64::MAX))
                .load(&mut conn),
            )
            .await?;
            // That of the first page: what commits between two pages may stand before the second.
            if let [row, ..] = rows.as_slice() {
                horizon.get_or_insert(row.horizon);
            }
            for row in &rows {
                if let (Some(login), Some(ended_in)) = (row.login_id, row.ended_in) {
                    from = (ended_in, login);
                    tell(LoginId(login));
                }
            }
            if rows.len() < PAGE {
                break;
            }
        }
        // Numbers that run back are those of another copy of the database: it is read from its beginning.
        let horizon = horizon.unwrap_or(0);
        self.horizon = if horizon < self.horizon { 0 } else { horizon };
        // Kept only after all went well: the next look makes another one.
        self.conn = Some(conn);
        Ok(())
    }

    /// Deletes what nobody needs to be told any more.
    pub async fn forget_old(&mut self) -> AppResult<()> {
        let mut conn = self.connection().await?;
        within(
            diesel::sql_query(
                "delete from ended_logins where ended_at < now() - interval '1 hour'",
            )
            .execute(&mut conn),
        )
        .await?;
        self.conn = Some(conn);
        Ok(())
    }

    async fn connection(&mut self) -> AppResult<Connection> {
        match self.conn.take() {
            Some(conn) => Ok(conn),
            None => self.db.connect_apart().await,
        }
    }
}

async fn within<T>(
    statement: impl Future<Output = diesel::result::QueryResult<T>>,
) -> AppResult<T> {
    let answered = timeout(PATIENCE, statement).await;
    Ok(answered.map_err(|_| AppError::unavailable(anyhow::anyhow!("no answer in time")))??)
}
