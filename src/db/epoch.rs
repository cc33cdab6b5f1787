//! The value that cursors are bound to, until a backup is restored.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Connection;
use super::schema::epoch;
use crate::error::AppResult;

/// The database's epoch.
pub async fn get(conn: &mut Connection) -> AppResult<i64> {
    Ok(epoch::table.select(epoch::value).first(conn).await?)
}
