//! `POST /reply/{room}`: has the model server say something, and passes each piece on as it comes.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::extract::Path;
use axum::extract::ws::Utf8Bytes;
use axum::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::{Shared, State};
use crate::load::Line;
use crate::{frames, names};

/// Begins; what comes is told to the room.
pub async fn begin(shared: State, Path(room): Path<Uuid>) -> Result<StatusCode, StatusCode> {
    let model = shared.model.ok_or(StatusCode::NOT_FOUND)?;
    let shared = shared.0;
    tokio::spawn(async move {
        if let Err(error) = relay(&shared, model, room).await {
            eprintln!("a reply broke: {error:#}");
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// An event of the stream, as far as it matters.
#[derive(Deserialize)]
struct Event {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

async fn relay(shared: &Shared, model: SocketAddr, room: Uuid) -> Result<()> {
    let mut line = Line::open(model, None).await?;
    let body = r#"{"model":"bench","messages":[{"role":"user","content":"go on"}],"stream":true}"#;
    let mut answer = line.stream("/v1/chat/completions", body).await?;
    let id = names::message_node_id(room, 1);
    let (mut whole, mut kept) = (String::new(), Vec::new());
    while let Some(bytes) = answer.next().await? {
        kept.extend_from_slice(&bytes);
        while let Some(end) = memchr::memmem::find(&kept, b"\n\n") {
            let event: Vec<u8> = kept.drain(..end + 2).collect();
            let event = event.trim_ascii();
            let data = event.strip_prefix(b"data: ").context("no event")?;
            if data == b"[DONE]" {
                continue;
            }
            let event: Event = serde_json::from_slice(data)?;
            let piece = event.choices.into_iter().next();
            let Some(piece) = piece.and_then(|choice| choice.delta.content) else {
                continue;
            };
            let mut text = String::with_capacity(200);
            let offset = whole.chars().count();
            write!(
                text,
                r#"{{"id":"1","type":"next","payload":{{"data":{{"sessionEvents":{{"__typename":"ReplyDelta","messageId":"{id}","offset":{offset},"text":{}}}}}}}}}"#,
                serde_json::to_string(&piece)?
            )?;
            shared.rooms.publish(room, 0, Utf8Bytes::from(text));
            whole.push_str(&piece);
        }
    }
    let text = frames::ended(&id, &whole);
    shared.rooms.publish(room, 0, Utf8Bytes::from(text));
    Ok(())
}
