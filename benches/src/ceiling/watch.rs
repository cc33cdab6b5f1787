//! `GET /watch/{room}`: a WebSocket that gets what is published there; with a database, to members only, and first what
//! they have missed.

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

use super::rooms::Published;
use super::{Shared, State, broken};
use crate::frames;

/// What a watcher may ask for.
#[derive(Deserialize)]
pub struct Asked {
    token: Option<String>,
    /// The last place that was seen.
    after: Option<i64>,
}

/// As small as Parlor's, so that it is not the buffers that are compared.
const READ_BUFFER: usize = 4 * 1024;

/// Lets a watcher in.
pub async fn watch(
    shared: State,
    Path(room): Path<Uuid>,
    Query(asked): Query<Asked>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, StatusCode> {
    // Attach, read, follow: what comes between the first two is seen twice here, and once by the client.
    let news = shared.rooms.enter(room);
    let missed = match &asked.token {
        Some(token) => missed(&shared, room, token, asked.after).await?,
        None => Vec::new(),
    };
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0);
    Ok(upgrade.on_upgrade(move |socket| follow(socket, missed, news)))
}

async fn missed(
    shared: &Shared,
    room: Uuid,
    token: &str,
    after: Option<i64>,
) -> Result<Vec<Published>, StatusCode> {
    let connection = shared.pool()?.take().await?;
    let user = connection.identify(token).await?;
    connection.prove_seat(room, user).await?;
    let Some(after) = after else {
        return Ok(Vec::new());
    };
    let rows = connection
        .client
        .query(&connection.missed, &[&room, &after])
        .await
        .map_err(broken)?;
    let authors: Vec<Uuid> = vec![user];
    let people = connection
        .client
        .query(&connection.people, &[&authors])
        .await
        .map_err(broken)?;
    let name: String = people.first().map(|row| row.get(1)).unwrap_or_default();
    let frames = rows.iter().map(|row| {
        let message = frames::Message {
            session: room,
            seq: row.get(0),
            rev: row.get(1),
            content: row.get(2),
            status: row.get(3),
            created_at: row.get(4),
            author: row.get(5),
            author_name: &name,
        };
        (message.seq, Utf8Bytes::from(message.added()))
    });
    Ok(frames.collect())
}

async fn follow(mut socket: WebSocket, missed: Vec<Published>, mut news: Receiver<Published>) {
    let newest = missed.last().map_or(0, |(seq, _)| *seq);
    for (_, text) in missed {
        if socket.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
    let caught_up = Utf8Bytes::from_static(frames::CAUGHT_UP);
    if socket.send(Message::Text(caught_up)).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            told = news.recv() => {
                // One who lags is disconnected.
                let Ok((seq, text)) = told else { return };
                let is_known = seq != 0 && seq <= newest;
                if !is_known && socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}
