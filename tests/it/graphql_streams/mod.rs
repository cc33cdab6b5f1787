//! Many answers in one HTTP response: GraphQL over SSE and Apollo's multipart subscriptions.

mod events;
mod lifetime;
mod multipart;

use serde_json::{Value, json};

use crate::{
    helpers::Person,
    raw_stream::{RawStream, request},
};

const WATCH: &str = "subscription ($session: ID!, $after: String) {
    sessionEvents(sessionId: $session, after: $after) {
        __typename
        ... on MessageAdded { cursor message { content } }
        ... on FeedEnded { reason retry }
        ... on CaughtUp { cursor }
    }
}";

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0";

/// A subscription, in either format.
struct Stream {
    raw: RawStream,
    format: &'static str,
}

impl Stream {
    /// Watches a session from a cursor on, or from now on.
    async fn watch(
        url: &str,
        format: &'static str,
        who: &Person,
        session: &str,
        after: Option<&str>,
    ) -> Self {
        let variables = json!({"session": session, "after": after});
        let request = request(url, format, Some(who.token()), WATCH, variables);
        Self::open(request, format).await
    }

    async fn open(request: reqwest::RequestBuilder, format: &'static str) -> Self {
        let raw = match format {
            EVENTS => RawStream::open(request, "text/event-stream; charset=utf-8").await,
            _ => {
                let full = "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"";
                let mut raw = RawStream::open(request, full).await;
                assert_eq!(raw.until("\r\n--graphql").await.unwrap(), "");
                raw
            }
        };
        Self { raw, format }
    }

    /// What comes next; `None` for a heartbeat.
    async fn piece(&mut self) -> Option<Value> {
        let json = match self.format {
            EVENTS => {
                let block = self.raw.until("\n\n").await.expect("no end yet");
                if block == ":" {
                    return None;
                }
                let json = block.strip_prefix("event: next\ndata: ").expect(&block);
                serde_json::from_str(json).unwrap()
            }
            _ => {
                let part = self.raw.until("\r\n--graphql").await.expect("no end yet");
                let json = part
                    .strip_prefix("\r\ncontent-type: application/json\r\n\r\n")
                    .expect(&part);
                let mut json: Value = serde_json::from_str(json).unwrap();
                if json == json!({}) {
                    return None;
                }
                json["payload"].take()
            }
        };
        Some(json)
    }

    /// The next answer's event.
    async fn event(&mut self) -> Value {
        loop {
            if let Some(mut response) = self.piece().await {
                assert!(response.get("errors").is_none(), "{response}");
                return response["data"]["sessionEvents"].take();
            }
        }
    }

    /// Expects an event of this type next, and gives it.
    async fn expect(&mut self, typename: &str) -> Value {
        let event = self.event().await;
        assert_eq!(event["__typename"], typename, "{event}");
        event
    }

    /// Waits for a heartbeat.
    async fn beats(&mut self) {
        assert_eq!(self.piece().await, None);
    }

    /// Expects the feed to end like this, the response to say that it is complete, and then nothing.
    async fn expect_end(mut self, reason: &str, retry: bool) {
        let last = self.expect("FeedEnded").await;
        assert_eq!(
            (&last["reason"], &last["retry"]),
            (&json!(reason), &json!(retry))
        );
        let end = match self.format {
            EVENTS => "event: complete\ndata:\n\n",
            _ => "--\r\n",
        };
        assert_eq!(self.raw.rest().await, end);
    }
}
