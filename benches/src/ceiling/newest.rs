//! `GET /newest/{session}`: the newest 50 messages, byte for byte as Parlor answers the same question.

use std::collections::HashMap;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use uuid::Uuid;

use super::{State, bearer, broken};
use crate::frames;

/// How many are shown.
const SHOWN: usize = 50;

/// Reads them.
pub async fn newest(
    shared: State,
    Path(session): Path<Uuid>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    let connection = shared.pool()?.take().await?;
    let user = connection.identify(bearer(&headers)?).await?;
    connection.prove_seat(session, user).await?;
    let mut rows = connection
        .client
        .query(&connection.newest, &[&session])
        .await
        .map_err(broken)?;
    rows.truncate(SHOWN);
    rows.reverse();
    let mut authors: Vec<Uuid> = rows.iter().map(|row| row.get(4)).collect();
    authors.sort_unstable();
    authors.dedup();
    let people = connection
        .client
        .query(&connection.people, &[&authors])
        .await
        .map_err(broken)?;
    drop(connection);
    let people: HashMap<Uuid, &str> = people.iter().map(|row| (row.get(0), row.get(1))).collect();

    let mut answer = String::with_capacity(rows.len() * 320 + 64);
    answer.push_str(r#"{"data":{"session":{"messages":{"nodes":["#);
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            answer.push(',');
        }
        let author: Uuid = row.get(4);
        let message = frames::Message {
            session,
            seq: row.get(0),
            rev: 0,
            content: row.get(1),
            status: row.get(2),
            created_at: row.get(3),
            author,
            author_name: people.get(&author).copied().unwrap_or_default(),
        };
        message.write(&mut answer);
    }
    answer.push_str("]}}}}");
    Ok(([(header::CONTENT_TYPE, "application/json")], answer))
}
