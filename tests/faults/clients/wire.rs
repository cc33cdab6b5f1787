//! One WebSocket that speaks graphql-transport-ws and carries one subscription of a session's events or of its finished
//! messages.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::checker::history::View;

/// How long a server may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(5);

const EVENTS: &str = "subscription ($session: ID!, $after: String) {
    sessionEvents(sessionId: $session, after: $after) {
        __typename
        ... on MessageAdded { cursor message { id seq status content } }
        ... on MessageChanged { cursor message { id seq status content } }
        ... on ReplyDelta { messageId offset text }
        ... on SessionChanged { cursor session { chatbotsPaused } }
        ... on CaughtUp { cursor }
        ... on FeedEnded { reason retry }
    }
}";

const FINISHED: &str = "subscription ($session: ID!, $after: String) {
    messageAdded(sessionId: $session, after: $after) { cursor id seq status content }
}";

/// A message of the protocol.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    ConnectionAck,
    Next { payload: Payload },
    Error { payload: Vec<Refusal> },
    Complete,
    Ping,
    Pong,
}

#[derive(Deserialize)]
struct Payload {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
enum Data {
    #[serde(rename = "sessionEvents")]
    Event(WireEvent),
    #[serde(rename = "messageAdded")]
    Finished {
        cursor: String,
        #[serde(flatten)]
        message: WireMessage,
    },
}

impl Data {
    fn event(self) -> WireEvent {
        match self {
            Self::Event(event) => event,
            Self::Finished { cursor, message } => WireEvent::Finished { cursor, message },
        }
    }
}

/// What a `SessionChanged` tells of the session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireSession {
    pub chatbots_paused: bool,
}

#[derive(Deserialize)]
struct Refusal {
    extensions: Extensions,
}

#[derive(Deserialize)]
struct Extensions {
    code: String,
}

/// An event as it comes.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename", rename_all_fields = "camelCase")]
pub enum WireEvent {
    /// What `messageAdded` gives.
    #[serde(skip)]
    Finished {
        cursor: String,
        message: WireMessage,
    },
    MessageAdded {
        cursor: String,
        message: WireMessage,
    },
    MessageChanged {
        cursor: String,
        message: WireMessage,
    },
    ReplyDelta {
        message_id: String,
        offset: usize,
        text: String,
    },
    SessionChanged {
        cursor: String,
        session: WireSession,
    },
    CaughtUp {
        cursor: String,
    },
    FeedEnded {
        reason: String,
        retry: bool,
    },
}

/// A message as it comes.
#[derive(Debug, Deserialize)]
pub struct WireMessage {
    pub id: String,
    pub seq: i64,
    pub status: String,
    pub content: String,
}

/// What a socket says.
pub enum Heard {
    /// An event.
    Event(WireEvent),
    /// The server refuses, with this code.
    Refused(String),
    /// The connection is over.
    Over,
}

/// A socket.
pub struct Wire(WebSocketStream<TcpStream>);

impl Wire {
    /// Opens a socket, signs in and subscribes.
    pub async fn subscribe(
        url: &str,
        token: &str,
        session: &str,
        view: View,
        after: Option<&str>,
    ) -> Result<Self, ()> {
        let mut wire = Self::open(url, token, None).await?;
        wire.begin(session, view, after).await?;
        Ok(wire)
    }

    /// Opens a socket and signs in. `buffer`: how many bytes the system may hold for it.
    pub async fn open(url: &str, token: &str, buffer: Option<u32>) -> Result<Self, ()> {
        timeout(PATIENCE, Self::connect(url, token, buffer))
            .await
            .map_err(drop)?
            .map_err(drop)
    }

    async fn connect(url: &str, token: &str, buffer: Option<u32>) -> Result<Self, Error> {
        let authority = url.trim_start_matches("http://");
        let mut request = format!("ws://{authority}/graphql").into_client_request()?;
        let protocol = "graphql-transport-ws".parse().expect("a header's value");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let tcp = TcpSocket::new_v4()?;
        if let Some(bytes) = buffer {
            tcp.set_recv_buffer_size(bytes)?;
        }
        let address: SocketAddr = authority.parse().expect("an address and a port");
        let (socket, _) = client_async(request, tcp.connect(address).await?).await?;
        let mut wire = Self(socket);
        let init = json!({
            "type": "connection_init",
            "payload": {"authorization": format!("Bearer {token}")},
        });
        wire.0.send(Message::text(init.to_string())).await?;
        match wire.frame().await? {
            Some(Frame::ConnectionAck) => Ok(wire),
            _ => Err(Error::Io(io::Error::other("not acknowledged"))),
        }
    }

    /// The port of its own end.
    pub fn port(&self) -> u16 {
        let address = self.0.get_ref().local_addr();
        address.expect("an open socket").port()
    }

    /// Begins the subscription.
    pub async fn begin(
        &mut self,
        session: &str,
        view: View,
        after: Option<&str>,
    ) -> Result<(), ()> {
        let query = match view {
            View::Everything => EVENTS,
            View::Finished => FINISHED,
        };
        let subscribe = json!({
            "type": "subscribe",
            "id": "1",
            "payload": {"query": query, "variables": {"session": session, "after": after}},
        });
        let sent = self.0.send(Message::text(subscribe.to_string())).await;
        sent.map_err(drop)
    }

    /// What comes next.
    pub async fn hear(&mut self) -> Heard {
        loop {
            match self.frame().await {
                Err(_) | Ok(None) => return Heard::Over,
                Ok(Some(Frame::Next { payload })) => {
                    return match (payload.data, payload.errors.into_iter().next()) {
                        (_, Some(refusal)) => Heard::Refused(refusal.extensions.code),
                        (Some(data), None) => Heard::Event(data.event()),
                        (None, None) => Heard::Refused("no data and no errors".to_owned()),
                    };
                }
                Ok(Some(Frame::Error { payload })) => {
                    let code = payload
                        .into_iter()
                        .next()
                        .map(|refusal| refusal.extensions.code);
                    return Heard::Refused(code.unwrap_or_default());
                }
                // After `FeedEnded`: the socket may close yet with a code.
                Ok(Some(Frame::Complete | Frame::Ping | Frame::Pong | Frame::ConnectionAck)) => {}
            }
        }
    }

    /// The next message of the protocol; nothing if the server closes.
    async fn frame(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    return Ok(Some(
                        frame.unwrap_or_else(|error| panic!("{error}: {text}")),
                    ));
                }
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }
}
