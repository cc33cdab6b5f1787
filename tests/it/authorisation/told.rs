//! Asking as somebody, and what they are told, to the byte.

use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::document::Document;
use super::names::Names;
use super::table::REFUSALS;
use super::viewers::Viewer;
use super::world::World;
use crate::raw_socket::RawSocket;

/// What somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    head: String,
    /// The body as it came; of a socket, a message.
    body: String,
}

/// What comes of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Data without errors.
    Data(Value),
    /// An error, by its number in the tables.
    Refused(u16),
}

/// An operation with its variables.
pub struct Asking<'a> {
    /// The operation.
    pub document: &'a Document,
    /// What its variables are.
    pub variables: Map<String, Value>,
    /// The things that it is about.
    names: &'a Names,
}

impl<'a> Asking<'a> {
    /// An operation about the things that these names stand for to somebody.
    pub fn about(world: &World, names: &'a Names, viewer: Viewer, document: &'a Document) -> Self {
        let value = |name: &String| (name.clone(), world.named(names, viewer, name).value);
        Self {
            document,
            variables: document.variables.iter().map(value).collect(),
            names,
        }
    }

    /// The same about something else.
    pub fn with(&self, name: &str, value: &Value) -> Self {
        let mut variables = self.variables.clone();
        variables.insert(name.to_owned(), value.clone());
        Self {
            document: self.document,
            variables,
            names: self.names,
        }
    }
}

impl World {
    /// What somebody is told; of a subscription, first.
    pub async fn tell(&self, viewer: Viewer, asking: &Asking<'_>) -> Told {
        if asking.document.root == "Subscription" {
            return match self.subscribe(viewer, asking).await {
                Ok(mut socket) => Told::heard(&mut socket).await,
                Err(closed) => closed,
            };
        }
        self.post(self.token(viewer, asking.names).as_deref(), asking)
            .await
    }

    /// The event of this type that somebody is told of, or what is told instead. Once all that was is told,
    /// `meanwhile` is done by the bystander.
    pub async fn event(
        &self,
        viewer: Viewer,
        asking: &Asking<'_>,
        of: &str,
        meanwhile: Option<&Asking<'_>>,
    ) -> Told {
        let mut socket = match self.subscribe(viewer, asking).await {
            Ok(socket) => socket,
            Err(closed) => return closed,
        };
        loop {
            let told = Told::heard(&mut socket).await;
            let Outcome::Data(data) = told.outcome() else {
                return told;
            };
            let event = &data[&asking.document.field];
            if event["__typename"] == of {
                return told;
            }
            match (event["__typename"].as_str(), meanwhile) {
                (Some("CaughtUp"), Some(deed)) => {
                    let done = self.post(Some(&self.bystander()), deed).await;
                    assert!(matches!(done.outcome(), Outcome::Data(_)), "{done:?}");
                }
                // An inbox tells all there is before that.
                (Some("CaughtUp"), None) if asking.document.field == "inbox" => return told,
                (Some("FeedEnded"), _) => return told,
                _ => {}
            }
        }
    }

    async fn post(&self, token: Option<&str>, asking: &Asking<'_>) -> Told {
        let body = json!({"query": asking.document.text, "variables": asking.variables});
        let mut request = self
            .client()
            .post(format!("{}/graphql", self.app().url()))
            .json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let mut head: Vec<String> = response
            .headers()
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        head.sort();
        Told {
            head: format!("{} {}", response.status(), head.join(", ")),
            body: response.text().await.unwrap(),
        }
    }

    /// A subscription, or what is told to who is not let in.
    async fn subscribe(&self, viewer: Viewer, asking: &Asking<'_>) -> Result<RawSocket, Told> {
        let mut socket = RawSocket::open(self.app().url()).await;
        socket
            .init(self.token(viewer, asking.names).as_deref())
            .await;
        let told = Told::heard(&mut socket).await;
        if told.body != r#"{"type":"connection_ack"}"# {
            return Err(told);
        }
        let variables = Value::Object(asking.variables.clone());
        socket
            .subscribe("matrix", &asking.document.text, variables)
            .await;
        Ok(socket)
    }
}

impl Told {
    async fn heard(socket: &mut RawSocket) -> Self {
        let body = match socket.frame().await {
            Some(Message::Text(text)) => text.to_string(),
            Some(Message::Close(Some(close))) => {
                let code = u16::from(close.code);
                json!({"errors": [{"extensions": {"code": "closed", "close": code}}], "reason": close.reason.to_string()})
                    .to_string()
            }
            other => panic!("expected a message, got {other:?}"),
        };
        Self {
            head: String::new(),
            body,
        }
    }

    /// What it means.
    pub fn outcome(&self) -> Outcome {
        let told: Value = serde_json::from_str(&self.body).expect("JSON");
        let payload = told.get("payload").unwrap_or(&told);
        let errors = payload.get("errors").unwrap_or(payload);
        let Some(errors) = errors.as_array() else {
            return Outcome::Data(payload["data"].clone());
        };
        let mut codes = errors.iter().map(|error| &error["extensions"]["code"]);
        let first = codes.next().expect("an error");
        assert!(codes.all(|code| code == first), "{}", self.body);
        let number = REFUSALS.iter().find(|(code, _)| first == code);
        Outcome::Refused(
            number
                .unwrap_or_else(|| panic!("an unknown code: {}", self.body))
                .1,
        )
    }

    /// The status and the headers, but for those that no two answers share.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The beginning of what came, for who has to find out what is wrong.
    pub fn beginning(&self) -> String {
        self.body.chars().take(300).collect()
    }
}
