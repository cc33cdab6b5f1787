//! One execution of an event for all who watch a session with the same document.

mod executions;
mod fields;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Response, async_trait};
use parlor::api;
use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, serve_with_schema};
use crate::raw_socket::RawSocket;

/// Counts what is executed, by the operation's name.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<HashMap<String, usize>>>);

impl Counting {
    /// A server of this app whose executions are counted.
    async fn serve(&self, app: &TestApp) -> String {
        let schema = api::schema_builder(app.app())
            .extension(self.clone())
            .finish();
        serve_with_schema(app, schema).await
    }

    /// How often this operation was executed so far.
    fn of(&self, operation: &str) -> usize {
        let counts = self.0.lock().unwrap();
        counts.get(operation).copied().unwrap_or_default()
    }
}

impl ExtensionFactory for Counting {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Extension for Counting {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let name = operation_name.unwrap_or_default().to_owned();
        *self.0.lock().unwrap().entry(name).or_default() += 1;
        next.run(ctx, operation_name).await
    }
}

/// A room of ada's, with these people in it and this chatbot.
async fn room(ada: &Person, people: &[&str], chatbots: &[&str]) -> String {
    let query = "mutation ($input: StartSessionInput!) { startSession(input: $input) { id } }";
    let input = json!({"kind": "ROOM", "title": "Tea", "usernames": people, "chatbots": chatbots});
    let started = ada.ask(query, json!({ "input": input })).await.data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

/// Begins an operation of this name.
async fn begin(socket: &mut RawSocket, id: &str, name: &str, query: &str, variables: Value) {
    let payload = json!({"query": query, "operationName": name, "variables": variables});
    let message = json!({"id": id, "type": "subscribe", "payload": payload});
    socket.say(message).await;
}

/// What the next event of any operation is, with the operation's id.
async fn next(socket: &mut RawSocket) -> (String, Value) {
    let mut heard = socket.hear().await;
    assert_eq!(heard["type"], "next", "{heard}");
    assert!(heard["payload"].get("errors").is_none(), "{heard}");
    let data = heard["payload"]["data"].take();
    let event = data.as_object().unwrap().values().next().unwrap().clone();
    (heard["id"].as_str().unwrap().to_owned(), event)
}
