//! Rooms: whoever listens gets what is published, in order, as long as they keep up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::ws::Utf8Bytes;
use axum::http::StatusCode;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::State;

/// How many messages somebody may be behind.
const CAPACITY: usize = 1024;

/// A message's place, and its bytes. What has no place is 0.
pub type Published = (i32, Utf8Bytes);

/// All rooms that somebody has entered.
#[derive(Default)]
pub struct Rooms(Mutex<HashMap<Uuid, broadcast::Sender<Published>>>);

impl Rooms {
    /// Listens from now on.
    pub fn enter(&self, room: Uuid) -> broadcast::Receiver<Published> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = rooms
            .entry(room)
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        sender.subscribe()
    }

    /// Tells everybody who is there.
    pub fn publish(&self, room: Uuid, place: i32, text: Utf8Bytes) {
        let rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = rooms.get(&room) {
            // Nobody listens any more: nobody is told.
            let _ = sender.send((place, text));
        }
    }
}

/// `POST /publish/{room}`: the body, as it is, to everybody who is there.
pub async fn publish(
    shared: State,
    Path(room): Path<Uuid>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let text = Utf8Bytes::try_from(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    shared.rooms.publish(room, 0, text);
    Ok(StatusCode::NO_CONTENT)
}
