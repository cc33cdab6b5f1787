//! `POST /send/{session}`: stores a message in one transaction, then tells who watches.

use axum::Json;
use axum::extract::Path;
use axum::extract::ws::Utf8Bytes;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::pool::Connection;
use super::{State, bearer, broken};
use crate::frames;

/// A message to be sent.
#[derive(Deserialize)]
pub struct Draft {
    content: String,
}

/// One that is stored.
#[derive(Serialize)]
pub struct Sent {
    seq: i32,
}

/// Sends one.
pub async fn send(
    shared: State,
    Path(session): Path<Uuid>,
    headers: HeaderMap,
    Json(draft): Json<Draft>,
) -> Result<Json<Sent>, StatusCode> {
    if draft.content.trim().is_empty() || draft.content.len() > 32_768 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let connection = shared.pool()?.take().await?;
    let user = connection.identify(bearer(&headers)?).await?;
    let stored = store(&connection, session, user, &draft.content).await;
    if stored.is_err() {
        connection
            .client
            .batch_execute("rollback")
            .await
            .map_err(broken)?;
    }
    let (seq, rev, created_at) = stored?;
    drop(connection);
    let message = frames::Message {
        session,
        seq,
        rev,
        content: &draft.content,
        status: "COMPLETE",
        created_at,
        author: user,
        author_name: "Bench",
    };
    let text = Utf8Bytes::from(message.added());
    shared.rooms.publish(session, seq, text);
    Ok(Json(Sent { seq }))
}

async fn store(
    connection: &Connection,
    session: Uuid,
    user: Uuid,
    content: &str,
) -> Result<(i32, i64, DateTime<Utc>), StatusCode> {
    let client = &connection.client;
    client.batch_execute("begin").await.map_err(broken)?;
    let counters = client
        .query_opt(&connection.advance, &[&session])
        .await
        .map_err(broken)?
        .ok_or(StatusCode::NOT_FOUND)?;
    let (seq, rev): (i32, i64) = (counters.get(0), counters.get(1));
    let row = client
        .query_one(&connection.insert, &[&session, &seq, &rev, &user, &content])
        .await
        .map_err(broken)?;
    let marked = client
        .execute(&connection.mark_read, &[&session, &user, &seq])
        .await
        .map_err(broken)?;
    if marked == 0 {
        return Err(StatusCode::NOT_FOUND);
    }
    client.batch_execute("commit").await.map_err(broken)?;
    Ok((seq, rev, row.get(0)))
}
