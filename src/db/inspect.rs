//! What an operator wants to know of a database before trusting it.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::connect::connect;

/// The state of a database.
#[derive(Debug)]
pub struct Inspection {
    /// PostgreSQL's version, as it tells it.
    pub version: String,
    /// How far its clock is from this machine's.
    pub clock_difference: TimeDelta,
    /// The newest migration that ran; nothing for an empty database.
    pub newest_migration: Option<String>,
}

/// Looks at a database without changing it.
///
/// # Errors
///
/// What PostgreSQL or the way to it said.
pub async fn inspect(url: &str) -> anyhow::Result<Inspection> {
    let mut conn = connect(url).await?;
    let server: Server = diesel::sql_query(
        "select current_setting('server_version') as version, clock_timestamp() as now, \
                to_regclass('__diesel_schema_migrations')::text as migrations",
    )
    .get_result(&mut conn)
    .await?;
    let clock_difference = (Utc::now() - server.now).abs();
    let newest_migration = if server.migrations.is_some() {
        let newest: Newest =
            diesel::sql_query("select max(version) as version from __diesel_schema_migrations")
                .get_result(&mut conn)
                .await?;
        newest.version
    } else {
        None
    };
    Ok(Inspection {
        version: server.version,
        clock_difference,
        newest_migration,
    })
}

#[derive(diesel::QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    migrations: Option<String>,
}

#[derive(diesel::QueryableByName)]
struct Newest {
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
}
