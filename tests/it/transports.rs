//! One request over each of the transports, and the answer in the shape that it has over HTTP.

use reqwest::{Client, RequestBuilder, Response, header};
use serde_json::{Value, json};

use crate::raw_socket::RawSocket;

/// What a request can come in on, and its answer go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `POST`, answered once.
    Post,
    /// `GET`, answered once.
    Get,
    /// graphql-transport-ws.
    Socket,
    /// GraphQL over Server-Sent Events.
    Events,
    /// Apollo's multipart subscriptions.
    Multipart,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Post,
        Self::Get,
        Self::Socket,
        Self::Events,
        Self::Multipart,
    ];

    /// The first answer to a request with these parameters, of somebody or nobody.
    pub async fn ask(self, url: &str, token: Option<&str>, parameters: &Value) -> Value {
        match self {
            Self::Post => json_of(send(post(url, parameters), token).await).await,
            Self::Get => json_of(send(get(url, parameters), token).await).await,
            Self::Socket => on_a_socket(url, token, parameters).await,
            Self::Events => {
                let accept = "text/event-stream";
                let request = post(url, parameters).header(header::ACCEPT, accept);
                first_event(send(request, token).await).await
            }
            Self::Multipart => {
                let accept = "multipart/mixed;subscriptionSpec=1.0";
                let request = post(url, parameters).header(header::ACCEPT, accept);
                first_part(send(request, token).await).await
            }
        }
    }
}

fn post(url: &str, parameters: &Value) -> RequestBuilder {
    Client::new()
        .post(format!("{url}/graphql"))
        .json(parameters)
}

/// With every byte of a parameter encoded that might mean something in an address.
fn get(url: &str, parameters: &Value) -> RequestBuilder {
    let encoded = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect::<String>()
    };
    let pairs = parameters.as_object().unwrap().iter();
    let pairs = pairs.filter(|(_, value)| !value.is_null());
    let pairs = pairs.map(|(name, value)| match value {
        Value::String(text) => format!("{name}={}", encoded(text)),
        value => format!("{name}={}", encoded(&value.to_string())),
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    Client::new().get(format!("{url}/graphql?{query}"))
}

async fn send(request: RequestBuilder, token: Option<&str>) -> Response {
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap()
}

async fn json_of(response: Response) -> Value {
    response.json().await.unwrap()
}

/// Whether the response is not of this type: then it is a request error as plain JSON.
fn is_other(response: &Response, media: &str) -> bool {
    let of = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    !of.starts_with(media)
}

async fn first_event(response: Response) -> Value {
    if is_other(&response, "text/event-stream") {
        return json_of(response).await;
    }
    let text = read_until(response, |text| {
        Some(text.split_once("data: ")?.1.split_once('\n')?.0.to_owned())
    });
    serde_json::from_str(&text.await).unwrap()
}

async fn first_part(response: Response) -> Value {
    if is_other(&response, "multipart/mixed") {
        return json_of(response).await;
    }
    let text = read_until(response, |text| {
        let parts = text.split("--graphql").skip(1);
        let mut whole =
            parts.filter_map(|part| part.split_once("\r\n\r\n")?.1.strip_suffix("\r\n"));
        whole.find(|part| *part != "{}").map(str::to_owned)
    });
    let mut part: Value = serde_json::from_str(&text.await).unwrap();
    match part["payload"].take() {
        // A protocol error, which is a request error here.
        Value::Null => json!({"errors": part["errors"].take()}),
        payload => payload,
    }
}

/// Reads a response that may go on for ever until what is looked for is there.
async fn read_until(mut response: Response, find: impl Fn(&str) -> Option<String>) -> String {
    let mut text = Vec::new();
    loop {
        let chunk = response.chunk().await.unwrap().expect("more of it");
        text.extend_from_slice(&chunk);
        if let Some(found) = str::from_utf8(&text).ok().and_then(&find) {
            return found;
        }
    }
}

async fn on_a_socket(url: &str, token: Option<&str>, parameters: &Value) -> Value {
    let mut socket = RawSocket::acknowledged(url, token).await;
    let message = json!({"type": "subscribe", "id": "1", "payload": parameters});
    socket.say(message).await;
    let mut heard = socket.hear().await;
    match heard["type"].as_str() {
        Some("next") => heard["payload"].take(),
        _ => json!({"errors": heard["payload"].take()}),
    }
}
