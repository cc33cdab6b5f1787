//! A subscription over a WebSocket.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::raw_socket::RawSocket;

/// A subscription: of one session, or of all that somebody has.
pub struct Watch {
    socket: RawSocket,
    field: &'static str,
}

impl Watch {
    pub(super) async fn events(url: &str, token: &str, session: &str, after: Option<&str>) -> Self {
        Self::begin(
            url,
            token,
            "sessionEvents",
            "subscription ($session: ID!, $after: String) {
                sessionEvents(sessionId: $session, after: $after) {
                    __typename
                    ... on MessageAdded { cursor message { id seq content status } }
                    ... on MessageChanged { cursor message { id seq content status failure } }
                    ... on SessionChanged {
                        cursor session { id title archived chatbotsPaused cursor }
                    }
                    ... on ReplyDelta { messageId offset text }
                    ... on CommandReplied {
                        reply { id command argument chatbot { handle } status content failure }
                    }
                    ... on TypingChanged { user { username } typing }
                    ... on CaughtUp { cursor }
                    ... on FeedEnded { reason retry }
                }
            }",
            json!({"session": session, "after": after}),
        )
        .await
    }

    pub(super) async fn messages(
        url: &str,
        token: &str,
        session: &str,
        after: Option<&str>,
    ) -> Self {
        Self::begin(
            url,
            token,
            "messageAdded",
            "subscription ($session: ID!, $after: String) {
                messageAdded(sessionId: $session, after: $after) { id seq cursor content status }
            }",
            json!({"session": session, "after": after}),
        )
        .await
    }

    pub(super) async fn inbox(url: &str, token: &str, after: Option<&str>) -> Self {
        Self::begin(
            url,
            token,
            "inbox",
            "subscription ($after: String) {
                inbox(after: $after) {
                    __typename
                    ... on SessionAdded { cursor session { ...Shown } }
                    ... on SessionUpdated { cursor session { ...Shown } }
                    ... on SessionRemoved { cursor sessionId }
                    ... on CaughtUp { cursor }
                    ... on FeedEnded { reason retry }
                }
            }
            fragment Shown on Session {
                id title archived chatbotsPaused unreadCount
                lastMessage { seq content status }
            }",
            json!({ "after": after }),
        )
        .await
    }

    async fn begin(
        url: &str,
        token: &str,
        field: &'static str,
        query: &str,
        variables: Value,
    ) -> Self {
        let mut socket = RawSocket::acknowledged(url, Some(token)).await;
        socket.subscribe("watch", query, variables).await;
        Self { socket, field }
    }

    /// What comes next: an event, or a message.
    pub async fn next(&mut self) -> Value {
        let mut heard = self.socket.hear().await;
        assert_eq!(heard["type"], "next", "{heard}");
        assert!(heard["payload"].get("errors").is_none(), "{heard}");
        heard["payload"]["data"][self.field].take()
    }

    /// What comes next, or the code and the reason with which the server closes the socket.
    pub async fn next_or_close(&mut self) -> Result<Value, (u16, String)> {
        match self.socket.frame().await {
            Some(Message::Text(text)) => {
                let mut heard: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(heard["type"], "next", "{heard}");
                Ok(heard["payload"]["data"][self.field].take())
            }
            Some(Message::Close(Some(close))) => Err((close.code.into(), close.reason.to_string())),
            other => panic!("expected an event or a close, got {other:?}"),
        }
    }

    /// Expects an event of this type next, and gives it.
    pub async fn expect(&mut self, typename: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["__typename"], typename, "{event}");
        event
    }

    /// Expects the replay to be over; the cursor.
    pub async fn caught_up(&mut self) -> String {
        let event = self.expect("CaughtUp").await;
        event["cursor"].as_str().unwrap().to_owned()
    }

    /// Reads on until an event of this type, and gives it.
    pub async fn until(&mut self, typename: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["__typename"] == typename {
                return event;
            }
        }
    }

    /// Expects the feed to end like this, and the subscription after it.
    pub async fn expect_end(&mut self, reason: &str, retry: bool) {
        let event = self.until("FeedEnded").await;
        assert_eq!(event["reason"], reason);
        assert_eq!(event["retry"], retry);
        let last = self.socket.hear().await;
        assert_eq!(last, json!({"type": "complete", "id": "watch"}));
    }

    /// Reads on until the server closes the socket; the code and the reason.
    pub async fn closing(&mut self) -> (u16, String) {
        self.socket.closing().await
    }

    /// Expects the subscription to fail; the error's extensions.
    pub async fn error(&mut self) -> Value {
        let heard = self.socket.hear().await;
        match heard["type"].as_str() {
            Some("error") => heard["payload"][0]["extensions"].clone(),
            Some("next") => heard["payload"]["errors"][0]["extensions"].clone(),
            _ => panic!("expected an error: {heard}"),
        }
    }
}
