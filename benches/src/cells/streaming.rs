//! Replies that a model writes, all at once, in front of their watchers.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::gather::{self, Progress};
use super::{Bench, Figure, Measure, Outcome, Watched, each};
use crate::check::Text;
use crate::load::{Event, Socket, Target, event};
use crate::model;
use crate::names::Kind;
use crate::world::REPLY;

/// What is counted while replies are written.
#[derive(Default)]
struct Counts {
    /// Frames of any kind: a sign of life.
    frames: Progress,
    /// Watchers that have seen their reply's end.
    ends: Progress,
}

/// Measures.
pub async fn run(
    bench: &Bench<'_>,
    target: &Target,
    replies: u32,
    watchers: u32,
) -> Result<Outcome> {
    let words = bench.plan.words;
    let counts = Arc::new(Counts::default());
    let sockets = gather::all(0..replies * watchers, |n| {
        target.watch(Kind::Session.id(REPLY + n % replies))
    });
    let mut tasks = JoinSet::new();
    let mut seen = Vec::new();
    for socket in sockets.await? {
        let text = Arc::new(Mutex::new(Text::new()));
        seen.push(text.clone());
        tasks.spawn(listen(socket, text, words, counts.clone()));
    }

    let watched = Watched::start(Some(target.server), target.database).await?;
    gather::all(0..replies, |n| async move {
        let mut line = target.line(0).await?;
        target.ask(&mut line, Kind::Session.id(REPLY + n)).await
    })
    .await?;
    let all = u64::from(replies) * u64::from(watchers);
    loop {
        let frames = counts.frames.come();
        // Replies wait for one another, so there may be no end for a while; but there is always something.
        if counts.ends.wait_for(all).await || counts.frames.come() == frames {
            break;
        }
    }
    let (server, database) = watched.stop()?;
    tasks.shutdown().await;

    let mut outcome = Outcome::default();
    for text in seen {
        let text = text.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.verdict += text.close(words);
    }
    let shown = all * words;
    let work = format!("streaming {replies} replies to {watchers}");
    outcome.figures.push(Figure {
        work: work.clone(),
        measure: Measure::ServerCpu("word shown"),
        value: each(server, shown),
    });
    if target.database.is_some() {
        outcome.figures.push(Figure {
            work,
            measure: Measure::BothCpu("word shown"),
            value: each(server + database, shown),
        });
    }
    Ok(outcome)
}

/// What matters of a frame.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    payload: Payload<'a>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, rename = "sessionEvents")]
    event: Told<'a>,
}

#[derive(Deserialize)]
struct Told<'a> {
    offset: Option<usize>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Changed<'a>>,
}

#[derive(Deserialize)]
struct Changed<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

async fn listen(mut socket: Socket, text: Arc<Mutex<Text>>, words: u64, counts: Arc<Counts>) {
    while let Some(frame) = socket.next().await {
        let now = model::now();
        let event = event(frame.as_bytes());
        counts.frames.add();
        // The question, and the reply before it has any text.
        if event == Event::Added {
            continue;
        }
        let read = serde_json::from_str::<Frame<'_>>(&frame).map(|frame| frame.payload.data.event);
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        let ended_before = text.has_ended();
        match (event, read) {
            (
                Event::Delta,
                Ok(Told {
                    offset: Some(offset),
                    text: Some(piece),
                    ..
                }),
            ) => text.see(offset, &piece, now),
            (
                Event::Changed,
                Ok(Told {
                    message: Some(reply),
                    ..
                }),
            ) if reply.status == "COMPLETE" => text.end(&reply.content, words, now),
            (
                Event::Changed,
                Ok(Told {
                    message: Some(reply),
                    ..
                }),
            ) if reply.status == "STREAMING" => {}
            _ => text.see_wrong(),
        }
        if text.has_ended() && !ended_before {
            counts.ends.add();
        }
    }
}
