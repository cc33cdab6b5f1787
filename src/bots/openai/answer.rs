//! Reads an answer event by event: forgiving in what it says, strict about whether it ended.
//!
//! Servers differ in details: empty and missing fields, comments, chunks about usage without choices. Only what
//! matters is read. The end must be said, by `[DONE]` or a finish reason; a stream that just stops broke off.

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{EventStream, EventStreamError};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::lines::{Limits, lines};
use super::trouble::Trouble;

type Lines = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Trouble>> + Send>>;

/// An answer under way.
pub(super) struct Answer {
    events: EventStream<Lines>,
    tail: Duration,
    has_ended: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    error: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: Value,
    delta: Option<Delta>,
    finish_reason: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Value,
}

/// What one event says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    text: String,
    has_ended: bool,
}

impl Answer {
    /// Reads a body. What follows the end is waited for as long as `tail`.
    pub(super) fn new<B, E>(
        body: impl Stream<Item = Result<B, E>> + Send + 'static,
        limits: Limits,
        tail: Duration,
    ) -> Self
    where
        B: AsRef<[u8]> + Send + 'static,
        E: Send + 'static,
    {
        let lines: Lines = Box::pin(lines(body, limits));
        Self {
            events: EventStream::new(lines),
            tail,
            has_ended: false,
        }
    }

    /// The next text; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Trouble> {
        while !self.has_ended {
            let Some(event) = self.events.next().await else {
                return Err(Trouble::BrokeOff);
            };
            let event = event.map_err(|error| match error {
                EventStreamError::Transport(trouble) => trouble,
                EventStreamError::Utf8(_) | EventStreamError::Parser(_) => Trouble::Unreadable,
            })?;
            let said = read(&event.event, &event.data)?;
            self.has_ended = said.has_ended;
            if !said.text.is_empty() {
                return Ok(Some(said.text));
            }
        }
        self.drain().await;
        Ok(None)
    }

    /// Reads what follows the end, so that the connection can serve the next reply. Nothing in it matters.
    async fn drain(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.events.next().await {} };
        let _ = timeout(self.tail, rest).await;
    }
}

fn read(kind: &str, data: &str) -> Result<Said, Trouble> {
    let data = data.trim();
    if data == "[DONE]" {
        return Ok(Said {
            has_ended: true,
            ..Said::default()
        });
    }
    if kind == "error" {
        return Err(Trouble::Reported);
    }
    if data.is_empty() {
        return Ok(Said::default());
    }
    let chunk: Chunk = serde_json::from_str(data).map_err(|_| Trouble::Unreadable)?;
    if !chunk.error.is_null() {
        return Err(Trouble::Reported);
    }
    let mut said = Said::default();
    // One choice was asked for; what a server sends of others is not the reply.
    let mut choices = chunk.choices.into_iter().flatten();
    let Some(choice) = choices.find(|choice| choice.index.as_u64().unwrap_or(0) == 0) else {
        return Ok(said);
    };
    if let Some(Value::String(text)) = choice.delta.map(|delta| delta.content) {
        said.text = text;
        // PostgreSQL's text can't hold it.
        said.text.retain(|character| character != '\0');
    }
    match choice.finish_reason.as_str() {
        None | Some("") => {}
        Some("content_filter") => return Err(Trouble::Filtered),
        Some("error") => return Err(Trouble::Reported),
        // `stop`, `length` and whatever else a server calls it: it has said what it had to say.
        Some(_) => said.has_ended = true,
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;

    /// What is read of a body that comes in these pieces: the texts, and how it ended.
    async fn reading(pieces: Vec<Vec<u8>>) -> (Vec<String>, Result<(), Trouble>) {
        let second = Duration::from_secs(1);
        let limits = Limits {
            first_byte_by: Instant::now() + second,
            between_bytes: second,
            bytes: 1024 * 1024,
        };
        let body = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
        let mut answer = Answer::new(body, limits, second);
        let mut texts = Vec::new();
        loop {
            match answer.next().await {
                Ok(Some(text)) => texts.push(text),
                Ok(None) => return (texts, Ok(())),
                Err(trouble) => return (texts, Err(trouble)),
            }
        }
    }

    async fn whole(body: &str) -> (String, Result<(), Trouble>) {
        let (texts, end) = reading(vec![body.as_bytes().to_vec()]).await;
        (texts.concat(), end)
    }

    fn saying(text: &str) -> String {
        let chunk = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
        format!("data: {chunk}\n\n")
    }

    #[tokio::test]
    async fn oddities_of_real_servers_do_no_harm() {
        let body = concat!(
            "\u{feff}\u{feff}: OPENROUTER PROCESSING\r\n\r\n",
            "retry: 10\r\nid: 1\r\n",
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"error\":null}\r\n\r\n",
            "data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"\"}]}\n\n",
            "data: {\"choices\":null}\n\n",
            "data: {\"choices\":[{\"delta\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"another choice\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":\n",
            "data: {\"content\":\"Hel\\u0000lo\",\"reasoning_content\":\"hm\"}}],\"new\":[1]}\n\n",
            "data:\n\n",
            "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n",
            "data: [DONE]",
        );
        assert_eq!(whole(body).await, ("Hello".to_owned(), Ok(())));
    }

    #[tokio::test]
    async fn the_end_must_be_said() {
        let text = saying("Hello");
        let finish =
            "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\n\n";
        let hello = |end| ("Hello".to_owned(), end);
        assert_eq!(whole(&text).await, hello(Err(Trouble::BrokeOff)));
        assert_eq!(whole("").await, (String::new(), Err(Trouble::BrokeOff)));
        assert_eq!(
            whole(&format!("{text}data: [DONE]\n\n")).await,
            hello(Ok(()))
        );
        assert_eq!(
            whole(&format!("{text}{finish}data: rubbish\n\n")).await,
            ("Hello!".to_owned(), Ok(()))
        );
        let filtered = finish.replace("stop", "content_filter");
        assert_eq!(
            whole(&format!("{text}{filtered}")).await,
            hello(Err(Trouble::Filtered))
        );
    }

    #[tokio::test]
    async fn text_is_the_same_wherever_its_bytes_are_cut() {
        let texts = ["e\u{301}te\u{301} ", "👩‍👩‍👧‍👦 ", "שלום عليكم", "नि", "🇩🇪"];
        let body: String = texts.map(saying).concat() + "data: [DONE]\n\n";
        let body = body.as_bytes();
        for at in 0..=body.len() {
            let (read, end) = reading(vec![body[..at].to_vec(), body[at..].to_vec()]).await;
            assert_eq!(
                (read.concat(), end),
                (texts.concat(), Ok(())),
                "cut at {at}"
            );
        }
        let (read, end) = reading(body.iter().map(|byte| vec![*byte]).collect()).await;
        assert_eq!((read.concat(), end), (texts.concat(), Ok(())));
    }
}
