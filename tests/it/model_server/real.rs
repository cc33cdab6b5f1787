//! A conversation with llama.cpp's own server: streamed, remembered, left off.
//!
//! `scripts/get-llama` gets it. Its model is random numbers: it speaks English words without sense.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use parlor::bots::{self, Finding, Patience};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::recorder::Recorder;
use super::support::{configured, configured_with, said_to, session_with};
use crate::helpers::TestApp;
use crate::replies::support::{Shown, ends};

/// Loading the libraries takes seconds on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// What the server calls its model.
const MODEL: &str = "nonsense";

/// The running server. It ends when it is dropped, also with the whole test run: it reads an input that nobody
/// else holds.
struct ModelServer {
    _process: Child,
    _folder: tempfile::TempDir,
    address: SocketAddr,
}

impl ModelServer {
    async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".local/llama/bin/python");
        assert!(
            python.exists(),
            "there is no model server here: run scripts/get-llama"
        );
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(python)
            .arg(root.join("tests/model/server.py"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(DEADLINE, lines.next_line()).await;
        let line = line
            .expect("it starts in time")
            .unwrap()
            .expect("it starts");
        let address = line.strip_prefix("http://").unwrap().parse().unwrap();
        Self {
            _process: process,
            _folder: folder,
            address,
        }
    }
}

/// What the model was told, a line a message.
fn told(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap().iter();
    let line = |message: &Value| format!("{}: {}", message["role"], message["content"]);
    messages
        .map(line)
        .map(|line| line.replace('"', ""))
        .collect()
}

async fn start(recorder: &Recorder) -> TestApp {
    // To this model every letter of a prompt is a token, and it takes in 4,096.
    let app = configured_with(
        &recorder.base_url(),
        &[MODEL],
        &[("PARLOR_OPENAI_REPLY", "200")],
    )
    .await;
    app.database()
        .execute(&format!(
            "update chatbots set persona = 'You talk nonsense.', temperature = 0 where handle = '{MODEL}'"
        ))
        .await;
    bots::start_with(app.app(), Patience::default());
    app
}

#[tokio::test]
async fn a_conversation_streams_and_is_remembered() {
    let server = ModelServer::start().await;
    let recorder = Recorder::before(server.address).await;
    let app = start(&recorder).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, MODEL).await;
    let mut feed = ada.watch(&session, None).await;

    ada.say(Some(&session), "My cat is called Turing.").await;
    let mut shown = Shown::default();
    shown.add(&feed.until("ReplyDelta").await);
    let first = ends(&mut feed, &mut shown).await["message"].take();
    assert_eq!(first["status"], "COMPLETE", "{first}");
    assert_eq!(first["content"], shown.0);
    let words = shown.0.split_whitespace().count();
    assert!(words > 100, "{words} words");

    let second = said_to(&ada, &session, "What is my cat called?").await;
    assert_eq!(second["status"], "COMPLETE", "{second}");
    let asked = recorder.asked_last();
    assert_eq!(asked.body["temperature"], json!(0.0));
    assert_eq!(
        told(&asked.body),
        [
            "system: You talk nonsense.".to_owned(),
            "user: My cat is called Turing.".to_owned(),
            format!("assistant: {}", shown.0),
            "user: What is my cat called?".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_reply_that_is_ended_under_way_ends_the_servers_work_and_is_remembered_as_far_as_it_came()
{
    let server = ModelServer::start().await;
    let recorder = Recorder::before(server.address).await;
    let app = start(&recorder).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, MODEL).await;
    let mut feed = ada.watch(&session, None).await;
    recorder.hold(true);
    ada.say(Some(&session), "Talk for ever.").await;
    let begun = feed.until("ReplyDelta").await["text"].take();
    let begun = begun.as_str().unwrap();
    // Behind the API, until replies can be cancelled through it.
    app.database()
        .execute(
            "with s as (update sessions set rev = rev + 1 returning id, rev) \
             update messages m set status = 'CANCELLED', rev = s.rev, finished_rev = s.rev, \
                    lease_until = null \
             from s where m.session_id = s.id and m.chatbot_id is not null",
        )
        .await;
    recorder.left(1).await;
    recorder.hold(false);

    said_to(&ada, &session, "Go on.").await;
    let told = told(&recorder.asked_last().body);
    assert_eq!(told[1], "user: Talk for ever.");
    let kept = told[2].strip_prefix("assistant: ").unwrap();
    assert!(
        begun.starts_with(kept),
        "{begun:?} was begun, {kept:?} was kept"
    );
    assert_eq!(told[3], "user: Go on.");
}

#[tokio::test]
async fn the_doctor_finds_it_well() {
    let server = ModelServer::start().await;
    for (model, finding) in [
        (MODEL, Finding::Good),
        ("sense", Finding::Missing(vec!["sense".to_owned()])),
    ] {
        let app = configured(&format!("http://{}/v1", server.address), &[model]).await;
        let openai = app.app().config().openai.as_ref().unwrap();
        assert_eq!(bots::check(openai).await, finding);
    }
}
