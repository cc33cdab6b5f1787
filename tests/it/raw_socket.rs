//! A graphql-transport-ws peer that says exactly what a test tells it to, and hides nothing it hears.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::Response},
};

/// How long anything may take that should happen at once.
pub const SOON: Duration = Duration::from_secs(10);

/// One end of a socket.
pub struct RawSocket(WebSocketStream<TcpStream>);

/// Why a socket could not be opened: the HTTP answer.
pub type NotOpened = Response<Option<Vec<u8>>>;

impl RawSocket {
    /// Opens a socket at `url` (that of the server, `http://...`) and says nothing.
    pub async fn open(url: &str) -> Self {
        let headers = [("Sec-WebSocket-Protocol", "graphql-transport-ws")];
        Self::open_with(url, &headers).await.expect("it opens")
    }

    /// Opens a socket with these headers.
    pub async fn open_with(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, NotOpened> {
        let authority = url.strip_prefix("http://").expect("an http:// address");
        let mut request = format!("ws://{authority}/graphql")
            .into_client_request()
            .expect("an address");
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            request.headers_mut().insert(*name, value);
        }
        let tcp = TcpSocket::new_v4().expect("a socket");
        // Small, so that a test which does not read soon makes itself felt.
        tcp.set_recv_buffer_size(4096).expect("a small buffer");
        let address = authority.parse().expect("an address and a port");
        let stream = tcp.connect(address).await.expect("a listening server");
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(*response),
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    /// Opens a socket and gets acknowledged, with a token or as nobody.
    pub async fn acknowledged(url: &str, token: Option<&str>) -> Self {
        let mut socket = Self::open(url).await;
        socket.init(token).await;
        socket.expect(json!({"type": "connection_ack"})).await;
        socket
    }

    /// Says who it is.
    pub async fn init(&mut self, token: Option<&str>) {
        let message = match token {
            Some(token) => json!({
                "type": "connection_init",
                "payload": {"authorization": format!("Bearer {token}")},
            }),
            None => json!({"type": "connection_init"}),
        };
        self.say(message).await;
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Message) {
        self.0.send(frame).await.expect("an open socket");
    }

    /// Sends frames until the other side takes no more of them.
    pub async fn flood(&mut self, frame: Message) {
        let stuck = Duration::from_secs(1);
        while let Ok(sent) = timeout(stuck, self.0.send(frame.clone())).await {
            if sent.is_err() {
                return;
            }
        }
    }

    /// Says the same this often, or until the other side has closed.
    pub async fn flood_of(&mut self, times: usize, message: Value) {
        self.flood_with(times, Message::text(message.to_string()))
            .await;
    }

    /// Sends the same frame this often, or until the other side has closed.
    pub async fn flood_with(&mut self, times: usize, frame: Message) {
        for _ in 0..times {
            if self.0.send(frame.clone()).await.is_err() {
                return;
            }
        }
    }

    /// The next message of the protocol.
    pub async fn hear(&mut self) -> Value {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// Expects exactly this message next.
    pub async fn expect(&mut self, message: Value) {
        assert_eq!(self.hear().await, message);
    }

    /// Reads on until the socket is closed by the server; the code and the reason.
    pub async fn closing(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Message::Close(None)) | None => panic!("closed without a code"),
                Some(_) => {}
            }
        }
    }

    /// Waits for a WebSocket ping.
    pub async fn pinged(&mut self) {
        match timeout(SOON, self.0.next()).await.expect("a frame in time") {
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("expected a ping, got {other:?}"),
        }
    }

    /// The next frame that is not a ping or a pong; `None` at the end.
    pub async fn frame(&mut self) -> Option<Message> {
        loop {
            let frame = timeout(SOON, self.0.next()).await.expect("a frame in time");
            match frame {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(error)) => panic!("the socket broke: {error}"),
                None => return None,
            }
        }
    }

    /// Begins to close, and reads until the server has answered.
    pub async fn close(mut self) {
        self.0.close(None).await.expect("an open socket");
        while self.frame().await.is_some() {}
    }

    /// The bare connection, for a peer that does not even answer pings.
    pub fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }
}
