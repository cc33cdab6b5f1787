//! What panics is caught, logged once, answered `INTERNAL`, and the process lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo,
};
use async_graphql::{ServerResult, Value as Resolved, async_trait};
use futures_util::StreamExt as _;
use futures_util::stream::{self, once};
use parlor::api;
use parlor::app::App;
use parlor::bots::{self, Engine, Pieces};
use parlor::domain::ChatbotEngine;
use parlor::services::replies::Assignment;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::helpers::{Log, Person, TestApp, TestDatabase, serve_with_schema, session_id};
use crate::raw_socket::RawSocket;
use crate::replies::support::chat;
use crate::transports::Transport;

/// Words that nobody but the log may hear.
const SECRET: &str = "as planned, in secret";

/// Panics in every field that is asked for as `broken`.
struct Breaking;

impl ExtensionFactory for Breaking {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Breaking {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Resolved>> {
        assert!(info.alias != Some("broken"), "{SECRET}");
        next.run(ctx, info).await
    }
}

/// A server that breaks when it is asked to, and somebody with a session.
async fn fragile() -> (TestApp, String, Person, String) {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let schema = api::schema_builder(app.app()).extension(Breaking).finish();
    let url = serve_with_schema(&app, schema).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    (app, url, ada, session)
}

/// Expects an answer that tells nothing but the request's id, and one line in the log with that id.
fn expect_internal(answer: &Value, log: &Log) {
    assert!(answer.get("data").is_none_or(Value::is_null), "{answer}");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
    assert!(!answer.to_string().contains(SECRET), "{answer}");
    let told = &answer["errors"][0]["extensions"];
    assert_eq!(told["code"], "INTERNAL", "{answer}");
    let id = told["requestId"].as_str().unwrap();
    let lines = log.saying(SECRET);
    let of_this: Vec<_> = lines.iter().filter(|line| line.contains(id)).collect();
    assert_eq!(of_this.len(), 1, "{lines:?}");
}

#[tokio::test]
async fn a_resolver_that_panics_is_told_as_internal_on_every_transport() {
    let (_app, url, ada, session) = fragile().await;
    let log = Log::listen();
    let query = json!({"query": "{ broken: serverInfo { name } }"});
    let mutation = json!({"query": "mutation { broken: logout }"});
    let events = json!({
        "query": "subscription ($id: ID!) {
            broken: sessionEvents(sessionId: $id) { __typename }
        }",
        "variables": {"id": session},
    });
    let mut panics = 0;
    for transport in Transport::ALL {
        for request in [&query, &mutation, &events] {
            if transport == Transport::Get && request == &mutation
                || matches!(transport, Transport::Post | Transport::Get) && request == &events
            {
                continue;
            }
            let answer = transport.ask(&url, Some(ada.token()), request).await;
            expect_internal(&answer, &log);
            panics += 1;
        }
        // The process lives, and nobody was signed out.
        let answer = transport
            .ask(
                &url,
                Some(ada.token()),
                &json!({"query": "{ me { username } }"}),
            )
            .await;
        assert_eq!(answer["data"]["me"]["username"], "ada", "{answer}");
    }
    assert_eq!(log.saying(SECRET).len(), panics);
}

#[tokio::test]
async fn other_operations_on_the_socket_go_on() {
    let (_app, url, ada, session) = fragile().await;
    let log = Log::listen();
    let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
    let watch = "subscription ($id: ID!) {
        sessionEvents(sessionId: $id) { __typename ... on MessageAdded { message { content } } }
    }";
    socket
        .subscribe("well", watch, json!({"id": session}))
        .await;
    while socket.hear().await["payload"]["data"]["sessionEvents"]["__typename"] != "CaughtUp" {}
    socket
        .subscribe("broken", "{ broken: serverInfo { name } }", Value::Null)
        .await;
    let told = socket.hear().await;
    assert_eq!(
        (&told["id"], &told["type"]),
        (&json!("broken"), &json!("error"))
    );
    expect_internal(&json!({"errors": told["payload"]}), &log);
    ada.say(Some(&session), "hello").await;
    let event = socket.hear().await;
    assert_eq!(event["id"], "well");
    let message = &event["payload"]["data"]["sessionEvents"]["message"];
    assert_eq!(message["content"], "hello");
}

/// An engine that panics the first time it is asked, and the third time when what it said has been seen.
struct Unsteady {
    asked: AtomicU32,
    seen: Arc<Notify>,
}

impl Engine for Unsteady {
    fn reply(&self, _app: &App, _assignment: Assignment) -> Pieces {
        let seen = self.seen.clone();
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("{SECRET}"),
            2 => stream::iter([Ok("half".to_owned())])
                .chain(once(async move {
                    seen.notified().await;
                    panic!("{SECRET}")
                }))
                .boxed(),
            _ => stream::iter([Ok("well".to_owned())]).boxed(),
        }
    }
}

#[tokio::test]
async fn a_runner_outlives_its_engines() {
    let lease = [("PARLOR_REPLY_LEASE", "2")];
    let app = TestApp::configured(TestDatabase::migrated().await, &lease).await;
    let log = Log::listen();
    let seen = Arc::new(Notify::new());
    let engine = Box::new(Unsteady {
        asked: AtomicU32::new(0),
        seen: seen.clone(),
    });
    bots::start_with_engine(app.app(), ChatbotEngine::Builtin, engine);
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut finished = ada.watch_finished(&session, None).await;
    let mut feed = ada.watch(&session, None).await;
    // Nothing was seen of the first attempt, so there is another.
    ada.say(Some(&session), "hello").await;
    finished.next().await;
    let reply = finished.next().await;
    assert_eq!(reply["content"], "well", "{reply}");
    let logged = log.saying("writing a reply panicked");
    assert_eq!(logged.len(), 1, "{logged:?}");
    let id = session_id(&session).to_string();
    assert!(logged[0].contains(&id), "{logged:?}");
    // Something was seen of this one.
    ada.say(Some(&session), "still there?").await;
    finished.next().await;
    while feed.until("ReplyDelta").await["text"] != "half" {}
    seen.notify_one();
    let reply = finished.next().await;
    assert_eq!(reply["status"], "FAILED", "{reply}");
    assert_eq!(reply["content"], "half", "{reply}");
    // And the runner goes on.
    ada.say(Some(&session), "and now?").await;
    finished.next().await;
    let reply = finished.next().await;
    assert_eq!(reply["content"], "well", "{reply}");
    assert_eq!(log.saying("writing a reply panicked").len(), 2);
}
