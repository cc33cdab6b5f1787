//! The messages of graphql-transport-ws, read strictly and written.

use serde_json::{Map, Value};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::close::Close;
use crate::http::{
    gate::Gate,
    parameters::{self, Parameters},
};

/// A message's optional payload.
pub(super) type Payload = Option<Map<String, Value>>;

/// What a client may say.
pub(super) enum ClientMessage {
    /// Who it is.
    ConnectionInit(Payload),
    /// Asks for a pong, which the payload comes back in.
    Ping(Payload),
    /// Needs no answer.
    Pong,
    /// Begins an operation.
    Subscribe {
        /// The client's own name for it on this socket.
        id: String,
        /// What to run.
        request: Box<Parameters>,
    },
    /// Ends an operation.
    Complete {
        /// Its name.
        id: String,
    },
}

impl ClientMessage {
    /// Reads a message; what is none closes the socket.
    pub(super) fn parse(text: &str, gate: &Gate) -> Result<Self, Close> {
        gate.check_json(text.as_bytes())
            .map_err(|error| Close::bad_message(&error.to_string()))?;
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
            return Err(Close::bad_message("not a JSON object"));
        };
        match message.remove("type").as_ref().and_then(Value::as_str) {
            Some("connection_init") => Ok(Self::ConnectionInit(payload(&mut message)?)),
            Some("ping") => Ok(Self::Ping(payload(&mut message)?)),
            Some("pong") => payload(&mut message).map(|_| Self::Pong),
            Some("subscribe") => Ok(Self::Subscribe {
                id: id(&mut message)?,
                request: Box::new(request(&mut message)?),
            }),
            Some("complete") => Ok(Self::Complete {
                id: id(&mut message)?,
            }),
            Some(other) => Err(Close::bad_message(&format!("unknown type {other:?}"))),
            None => Err(Close::bad_message("`type` must be a string")),
        }
    }
}

fn payload(message: &mut Map<String, Value>) -> Result<Payload, Close> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::bad_message("`payload` must be an object")),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err(Close::bad_message("`id` must be a string and not empty")),
    }
}

fn request(message: &mut Map<String, Value>) -> Result<Parameters, Close> {
    let parameters = payload(message)?.unwrap_or_default();
    parameters::read(parameters).map_err(|error| Close::bad_message(&error.to_string()))
}

/// What the server may say. Payloads are JSON already and are only put in their place.
pub(super) enum ServerMessage<'a> {
    /// The client may begin.
    ConnectionAck,
    /// Answers a ping.
    Pong(Payload),
    /// One answer of an operation.
    Next {
        /// [What stands before it](head_of_next).
        head: &'a str,
        /// The GraphQL response.
        response: &'a str,
    },
    /// The operation ends: it could not run.
    Error {
        /// The operation.
        id: &'a str,
        /// The list of errors.
        errors: &'a str,
    },
    /// The operation ends.
    Complete {
        /// The operation.
        id: &'a str,
    },
}

/// What stands before each answer of an operation: the same for all of them.
pub(super) fn head_of_next(id: &str) -> String {
    let id = quoted(id);
    format!(r#"{{"id":{id},"type":"next","payload":"#)
}

fn quoted(id: &str) -> String {
    Value::from(id).to_string()
}

impl ServerMessage<'_> {
    /// The message as it goes out.
    pub(super) fn text(self) -> Utf8Bytes {
        match self {
            Self::ConnectionAck => Utf8Bytes::from_static(r#"{"type":"connection_ack"}"#),
            Self::Pong(None) => Utf8Bytes::from_static(r#"{"type":"pong"}"#),
            Self::Pong(Some(payload)) => {
                let payload = Value::Object(payload);
                format!(r#"{{"type":"pong","payload":{payload}}}"#).into()
            }
            Self::Next { head, response } => [head, response, "}"].concat().into(),
            Self::Error { id, errors } => {
                let id = quoted(id);
                format!(r#"{{"id":{id},"type":"error","payload":{errors}}}"#).into()
            }
            Self::Complete { id } => {
                let id = quoted(id);
                format!(r#"{{"id":{id},"type":"complete"}}"#).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::Limits;
    use crate::http::parameters::Document;

    #[test]
    fn what_is_no_message_of_the_protocol_is_refused() {
        let gate = Gate::new(Limits::default());
        for text in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"connection_init","payload":7}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"complete"}"#,
        ] {
            let close = ClientMessage::parse(text, &gate).err().expect(text);
            assert_eq!(u16::from(close.frame().code), 4400, "{text}");
        }
    }

    #[test]
    fn ids_are_quoted() {
        let text = ServerMessage::Complete { id: "a\"b" }.text();
        assert_eq!(text.as_str(), r#"{"id":"a\"b","type":"complete"}"#);
        let head = head_of_next("a\"b");
        let response = r#"{"data":{}}"#;
        let text = ServerMessage::Next {
            head: &head,
            response,
        };
        let expected = r#"{"id":"a\"b","type":"next","payload":{"data":{}}}"#;
        assert_eq!(text.text().as_str(), expected);
    }

    /// A message with one byte changed or left out, cut short, or any text at all.
    fn broken() -> impl Strategy<Value = String> {
        let whole = json!({"id": "1", "type": "subscribe", "payload": {"query": "{ a }", "variables": {"n": [1]}}});
        let whole = whole.to_string();
        let changed = (0..whole.len(), any::<u8>(), 0..3).prop_map(move |(at, byte, how)| {
            let mut bytes = whole.clone().into_bytes();
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        prop_oneof![changed, any::<String>()]
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_message_or_closes_the_socket_with_a_reason_that_fits(text in broken()) {
            if let Err(close) = ClientMessage::parse(&text, &Gate::new(Limits::default())) {
                let frame = close.frame();
                prop_assert_eq!(u16::from(frame.code), 4400);
                // RFC 6455, section 5.5: 125 bytes with the code.
                prop_assert!(frame.reason.len() <= 123);
            }
        }

        #[test]
        fn what_a_client_asks_for_is_read_as_it_is(id in ".{1,40}", query in ".{1,200}") {
            let text = json!({"id": id, "type": "subscribe", "payload": {"query": query}}).to_string();
            let message = ClientMessage::parse(&text, &Gate::new(Limits::default()));
            let Ok(ClientMessage::Subscribe { id: read, request }) = message else {
                return Err(TestCaseError::fail("not a subscribe"));
            };
            prop_assert_eq!(read, id);
            prop_assert_eq!(request.document, Document::Text { text: query, hash: None });
        }
    }
}
