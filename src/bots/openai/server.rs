//! The connection to the model server: asking it, and what its refusals mean.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::config::OpenAi;
use crate::outside;

/// How servers say that a conversation is longer than their model takes in: OpenAI's code, llama.cpp's, and what vLLM
/// and others write.
const TOO_MUCH: [&str; 3] = [
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
];

/// How much of a refusal is read, and for how long.
const LONGEST_REASON: usize = 16 * 1024;
const REASON_WITHIN: Duration = Duration::from_secs(1);

/// A request with what every one has.
pub(super) fn request(builder: RequestBuilder, server: &OpenAi) -> RequestBuilder {
    let key = server.key.as_ref().and_then(|key| key.authorization());
    match key {
        Some(authorization) => builder.header(AUTHORIZATION, authorization),
        None => builder,
    }
}

/// Asks for a reply, and gives the answer if one begins.
pub(super) async fn ask(
    client: &Client,
    server: &OpenAi,
    body: &[u8],
) -> Result<Response, Trouble> {
    let request = request(client.post(server.address("chat/completions")), server)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "text/event-stream")
        .body(body.to_vec());
    let response = request.send().await.map_err(|error| {
        if error.is_connect() {
            Trouble::Unreachable
        } else {
            Trouble::BrokeOff
        }
    })?;
    match refusal(response.status(), response.headers()) {
        None => Ok(response),
        Some(Trouble::NotAccepted) => Err(match says_too_much(response).await {
            true => Trouble::TooMuch,
            false => Trouble::NotAccepted,
        }),
        Some(trouble) => Err(trouble),
    }
}

/// Whether a refusal is about the length of the conversation. Nothing else of what it says is used.
async fn says_too_much(response: Response) -> bool {
    let read = timeout(REASON_WITHIN, outside::read_body(response, LONGEST_REASON)).await;
    let reason = read.ok().flatten().unwrap_or_default();
    let reason = String::from_utf8_lossy(&reason);
    TOO_MUCH.iter().any(|words| reason.contains(words))
}

/// What the head of an answer means, if not that a reply follows.
fn refusal(status: StatusCode, headers: &HeaderMap) -> Option<Trouble> {
    let pause = || retry_after(headers, Utc::now());
    Some(match status.as_u16() {
        200..=299 if is_stream(headers) => return None,
        400 | 422 => Trouble::NotAccepted,
        401..=403 => Trouble::KeyRefused,
        404 => Trouble::ModelUnknown,
        408 => Trouble::Faulty(pause()),
        413 => Trouble::TooMuch,
        425 | 429 => Trouble::Busy(pause()),
        500..=599 => Trouble::Faulty(pause()),
        _ => Trouble::Foreign,
    })
}

/// Whether the body is a stream of events. A server that does not say is believed.
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.as_bytes();
        kind.len() >= 17 && kind[..17].eq_ignore_ascii_case(b"text/event-stream")
    })
}

/// When to come again: seconds or a date (RFC 9110, section 10.2.3). One in the past means now.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z")
            .unwrap()
            .to_utc();
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 12:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 11:00:30 GMT", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
    }

    #[test]
    fn only_a_stream_of_events_is_an_answer() {
        let with = |kind: &str| HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        for kind in ["text/event-stream", "Text/Event-Stream; charset=utf-8"] {
            assert_eq!(refusal(StatusCode::OK, &with(kind)), None);
        }
        assert_eq!(refusal(StatusCode::OK, &HeaderMap::new()), None);
        for kind in ["text/html", "application/json", "text"] {
            assert_eq!(refusal(StatusCode::OK, &with(kind)), Some(Trouble::Foreign));
        }
    }
}
