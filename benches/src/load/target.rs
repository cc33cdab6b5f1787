//! What the load is aimed at: Parlor or a ceiling, with the same verbs for both.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Event, Line, Socket, Template, event};
use crate::meter::Metered;
use crate::names;

/// The fields of a message that a client shows, as `frames::Message` writes them. A macro, so that documents are put
/// together when this is compiled.
macro_rules! fields {
    () => {
        "id seq content status createdAt \
         author { __typename ... on User { id displayName } ... on Chatbot { id name } }"
    };
}

const EVENTS: &str = concat!(
    "subscription ($session: ID!, $after: String) { ",
    "sessionEvents(sessionId: $session, after: $after) { __typename ",
    "... on MessageAdded { cursor message { ",
    fields!(),
    " } } ",
    "... on MessageChanged { cursor message { id status content } } ",
    "... on ReplyDelta { messageId offset text } ",
    "... on CaughtUp { cursor } ",
    "... on FeedEnded { reason retry } } }"
);

const SEND: &str = "mutation ($session: ID!, $content: String!) { \
     sendMessage(input: {sessionId: $session, content: $content}) { message { seq } } }";

const NEWEST: &str = concat!(
    "query ($session: ID!) { session(id: $session) { messages(last: 50) { nodes { ",
    fields!(),
    " } } } }"
);

const CURSOR: &str = "query ($session: ID!) { session(id: $session) { cursor } }";

/// How long a server may take to let a watcher in.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose figures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Parlor,
    /// A broadcast of bytes, with nothing behind it.
    Raw,
    /// The endpoint written by hand, with the same database.
    Hand,
    /// PostgreSQL alone.
    Pgbench,
}

/// How much was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    Small,
    Large,
}

/// A server under load.
#[derive(Clone)]
pub struct Target {
    pub who: Who,
    pub size: Size,
    pub address: SocketAddr,
    pub server: Metered,
    /// Raw ceilings have none.
    pub database: Option<Metered>,
    /// What the raw ceiling broadcasts.
    pub template: Option<Template>,
}

impl Target {
    /// A connection of the `n`th person.
    pub async fn line(&self, person: u32) -> Result<Line> {
        Line::open(self.address, Some(&names::token(person)?)).await
    }

    /// A socket of the first person that watches a session from now on.
    pub async fn watch(&self, session: Uuid) -> Result<Socket> {
        timeout(PATIENCE, async {
            let mut socket = self.watch_after(session, None).await?;
            loop {
                let frame = socket.next().await.context("closed while opening")?;
                match event(frame.as_bytes()) {
                    Event::CaughtUp => return Ok(socket),
                    Event::Other => bail!("not let in: {frame}"),
                    _ => {}
                }
            }
        })
        .await
        .context("not let in in time")?
    }

    /// The same after a cursor; what was missed is yet to come.
    pub async fn watch_after(&self, session: Uuid, after: Option<&str>) -> Result<Socket> {
        let token = names::token(0)?;
        if self.who != Who::Parlor {
            let mut path = format!("/watch/{session}");
            if self.who == Who::Hand {
                path.push_str(&format!("?token={token}"));
                if let Some(after) = after {
                    path.push_str(&format!("&after={after}"));
                }
            }
            return Socket::open(self.address, &path, None).await;
        }
        let mut socket =
            Socket::open(self.address, "/graphql", Some("graphql-transport-ws")).await?;
        let init = json!({
            "type": "connection_init",
            "payload": {"authorization": format!("Bearer {token}")},
        });
        socket.send(init.to_string()).await?;
        let ack = socket.next().await.context("closed while signing in")?;
        ensure!(ack.contains("connection_ack"), "not signed in: {ack}");
        let variables = json!({"session": names::node_id(session), "after": after});
        let subscribe = json!({
            "type": "subscribe",
            "id": "1",
            "payload": {"query": EVENTS, "variables": variables},
        });
        socket.send(subscribe.to_string()).await?;
        Ok(socket)
    }

    /// Says something. Its place in the session, if the target gives it one.
    pub async fn say(&self, line: &mut Line, session: Uuid, content: &str) -> Result<Option<i32>> {
        let seq = match self.who {
            Who::Parlor => {
                let variables = json!({"session": names::node_id(session), "content": content});
                let answer = graphql(line, SEND, variables).await?;
                answer["sendMessage"]["message"]["seq"].as_i64()
            }
            Who::Raw => {
                let template = self.template.as_ref().context("nothing to broadcast")?;
                let path = format!("/publish/{session}");
                line.post(&path, template.with(content)).await?;
                return Ok(None);
            }
            Who::Hand => {
                let body = json!({"content": content}).to_string();
                let answer = line.post(&format!("/send/{session}"), body).await?;
                serde_json::from_slice::<Value>(&answer)?["seq"].as_i64()
            }
            Who::Pgbench => bail!("pgbench brings its own load"),
        };
        let seq = seq.context("an answer without a place")?;
        Ok(Some(i32::try_from(seq)?))
    }

    /// Has a reply written in a session.
    pub async fn ask(&self, line: &mut Line, session: Uuid) -> Result<()> {
        match self.who {
            Who::Parlor => self.say(line, session, "go on").await.map(drop),
            _ => line.post(&format!("/reply/{session}"), "").await.map(drop),
        }
    }

    /// The newest messages of a session, as they come.
    pub async fn newest(&self, line: &mut Line, session: Uuid) -> Result<Bytes> {
        match self.who {
            Who::Parlor => {
                let variables = json!({"session": names::node_id(session)});
                line.post("/graphql", question(NEWEST, variables)).await
            }
            _ => line.get(&format!("/newest/{session}")).await,
        }
    }

    /// Where a session stands, for coming back later.
    pub async fn cursor(&self, line: &mut Line, session: Uuid) -> Result<String> {
        let variables = json!({"session": names::node_id(session)});
        let answer = graphql(line, CURSOR, variables).await?;
        let cursor = answer["session"]["cursor"].as_str();
        Ok(cursor.context("a session without a cursor")?.to_owned())
    }
}

fn question(query: &str, variables: Value) -> String {
    json!({"query": query, "variables": variables}).to_string()
}

/// Asks, and takes the data of an answer without errors.
async fn graphql(line: &mut Line, query: &str, variables: Value) -> Result<Value> {
    let answer = line.post("/graphql", question(query, variables)).await?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    if let Some(errors) = answer.get("errors") {
        bail!("{errors}");
    }
    Ok(answer["data"].take())
}
