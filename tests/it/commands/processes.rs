//! Commands where several processes share a NATS: answered by one, told everywhere, kept nowhere.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::quotes_api::{QuotesApi, quote};
use super::support::{WAIT, failure, give, send};
use crate::helpers::nats::Nats;
use crate::helpers::{Person, TestDatabase, Watch};
use crate::model_server::upstream::{Step, head};
use crate::program::support::{Parlor, Place};
use crate::replies::support::chat;

const NOBODY: &str = "Nobody answered this command. Try again in a while.";

/// A person with a session, and a feed of it from each of two servers.
struct Scene {
    database: TestDatabase,
    place: Place,
    nats: Nats,
    servers: [Parlor; 2],
    ada: Person,
    session: String,
    feeds: [Watch; 2],
}

impl Scene {
    /// With servers that answer commands themselves, or leave them to workers.
    async fn new(api: &QuotesApi, answer: bool) -> Self {
        let database = TestDatabase::migrated().await;
        let nats = Nats::start();
        let place = Place::on(&database)
            .with("PARLOR_NATS_URL", &nats.url())
            .with("PARLOR_LOG", "debug")
            .with("PARLOR_QUOTES_URL", &api.url());
        let serve = || async {
            let server = match answer {
                true => place.serve().await,
                false => place.serve_without_chatbots().await,
            };
            server.until_status("ok").await;
            server
        };
        let servers = [serve().await, serve().await];
        let ada = servers[0].person("ada").await;
        let session = chat(&ada).await;
        let mut feeds = [
            ada.watch(&session, None).await,
            ada.at_url(&servers[1].url).watch(&session, None).await,
        ];
        for feed in &mut feeds {
            feed.caught_up().await;
        }
        Self {
            database,
            place,
            nats,
            servers,
            ada,
            session,
            feeds,
        }
    }

    fn elsewhere(&self) -> Person {
        self.ada.at_url(&self.servers[1].url)
    }

    /// Expects both feeds to tell of this next.
    async fn expect_told(&mut self, reply: &Value) {
        for feed in &mut self.feeds {
            assert_eq!(feed.expect("CommandReplied").await["reply"], *reply);
        }
    }

    /// Expects that no feed has anything to tell but what is said now.
    async fn expect_nothing_more(&mut self) {
        self.ada.say(Some(&self.session), "that is all").await;
        for feed in &mut self.feeds {
            feed.expect("MessageAdded").await;
        }
    }

    /// Expects that these words are nowhere in the database and in no log.
    async fn expect_no_trace(&self, workers: &[&Parlor]) {
        let mut traces = self.database.contents().await;
        let processes = self.servers.iter().chain(workers.iter().copied());
        traces.extend(processes.map(Parlor::log));
        let traces = traces.join("\n").to_lowercase();
        for trace in ["canary", "718.28"] {
            assert!(!traces.contains(trace), "{trace} was left somewhere");
        }
    }
}

#[tokio::test]
async fn a_worker_answers_and_those_who_watch_at_every_server_are_told() {
    let script = vec![vec![quote("CANARY.US", "718.281828")]];
    // A fault is not kept for others who ask: asked again, it would be another answer.
    let flaky = vec![
        vec![Step::Send(head("500 Oh", ""))],
        vec![quote("FLAKY", "1.5")],
    ];
    let scripts = [("CANARY.US", script), ("FLAKY", flaky)];
    let scripts = scripts.map(|(symbol, script)| (symbol.to_owned(), script));
    let api = QuotesApi::start(scripts).await;
    let mut scene = Scene::new(&api, false).await;
    let worker = scene.place.work().await;
    // It has said that it is there a moment before NATS knows.
    worker.until_log("commands are answered").await;
    let session = scene.session.clone();

    let reply = give(&scene.ada, &session, "/stock=CANARY.US").await;
    assert_eq!(
        reply["content"],
        "CANARY.US quote is $718.281828 per share."
    );
    scene.expect_told(&reply).await;

    // The same command through another server is the same reply.
    let input = json!({
        "sessionId": session, "content": "/stock=FLAKY", "clientKey": "key", "waitMs": WAIT,
    });
    let mut first = send(&scene.ada, input.clone()).await.data();
    let first = first["sendMessage"]["commandReply"].take();
    assert_eq!(first["status"], "FAILED");
    scene.expect_told(&first).await;
    let mut again = send(&scene.elsewhere(), input).await.data();
    assert_eq!(again["sendMessage"]["commandReply"].take(), first);
    assert_eq!(api.times("FLAKY"), 1);
    scene.expect_nothing_more().await;
    scene.expect_no_trace(&[&worker]).await;
}

#[tokio::test]
async fn a_command_whose_worker_dies_fails_once_and_the_next_worker_answers_the_next() {
    let hangs = vec![vec![Step::Hang]];
    let api = QuotesApi::start([("CANARY.US".to_owned(), hangs)]).await;
    let mut scene = Scene::new(&api, false).await;
    let session = scene.session.clone();
    let mut worker = scene.place.work().await;
    worker.until_log("commands are answered").await;
    let input = json!({"sessionId": session, "content": "/stock=CANARY.US"});
    let sent = send(&scene.ada, input).await.data();
    let pending = &sent["sendMessage"]["commandReply"];
    assert_eq!(pending["status"], "PENDING");
    api.until_asked("CANARY.US").await;
    worker.stop(Signal::SIGKILL).await;
    for feed in &mut scene.feeds {
        let told = feed.expect("CommandReplied").await["reply"].take();
        assert_eq!(
            [&told["id"], &told["failure"]],
            [&pending["id"], &json!(NOBODY)]
        );
    }
    let next = scene.place.work().await;
    next.until_log("commands are answered").await;
    let help = give(&scene.ada, &session, "/help").await;
    assert_eq!(help["status"], "COMPLETE");
    scene.expect_told(&help).await;
    scene.expect_nothing_more().await;
    scene.expect_no_trace(&[&worker, &next]).await;
}

#[tokio::test]
async fn servers_that_answer_themselves_answer_what_they_are_given_and_need_no_nats_for_it() {
    let api = QuotesApi::start([]).await;
    let mut scene = Scene::new(&api, true).await;
    let session = scene.session.clone();
    let reply = give(&scene.elsewhere(), &session, "/stock=AAPL.US").await;
    scene.expect_told(&reply).await;
    scene.expect_nothing_more().await;
    assert_eq!(api.asked(), ["AAPL.US"]);

    scene.nats.kill();
    scene.servers[0].until_status("degraded").await;
    let reply = give(&scene.ada, &session, "/help").await;
    assert_eq!(reply["status"], "COMPLETE");
}

#[tokio::test]
async fn without_nats_a_command_for_a_worker_fails_in_its_time() {
    let api = QuotesApi::start([]).await;
    let mut scene = Scene::new(&api, false).await;
    scene.nats.kill();
    scene.servers[0].until_status("degraded").await;
    let session = scene.session.clone();
    assert_eq!(failure(&scene.ada, &session, "/help").await, NOBODY);
}
