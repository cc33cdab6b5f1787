//! A conversation with llama.cpp's own server: streamed, remembered, left off, begun anew.
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
use crate::replies::support::{Shown, cancel, ends, regenerate};

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
    let sent = ada.say(Some(&session), "Talk for ever.").await;
    let mut shown = Shown::default();
    shown.add(&feed.until("ReplyDelta").await);
    let cancelled = cancel(&ada, &sent["reply"]["id"]).await.data();
    assert_eq!(cancelled["cancelReply"]["status"], "CANCELLED");
    let end = ends(&mut feed, &mut shown).await["message"].take();
    assert_eq!(end["status"], "CANCELLED", "{end}");
    assert_eq!(end["content"], shown.0, "all that was shown is kept");
    recorder.left(1).await;
    recorder.hold(false);

    let answer = said_to(&ada, &session, "Go on.").await;
    assert_eq!(answer["status"], "COMPLETE", "{answer}");
    assert_eq!(
        told(&recorder.asked_last().body),
        [
            "system: You talk nonsense.".to_owned(),
            "user: Talk for ever.".to_owned(),
            format!("assistant: {}", shown.0),
            "user: Go on.".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_cancelled_reply_is_written_anew_from_what_came_before_it_and_only_its_new_text_is_remembered()
 {
    let server = ModelServer::start().await;
    let recorder = Recorder::before(server.address).await;
    let app = start(&recorder).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, MODEL).await;
    let earlier = said_to(&ada, &session, "My cat is called Turing.").await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;

    recorder.hold(true);
    let sent = ada.say(Some(&session), "What is my cat called?").await;
    let mut shown = Shown::default();
    shown.add(&feed.until("ReplyDelta").await);
    cancel(&ada, &sent["reply"]["id"]).await.data();
    let end = ends(&mut feed, &mut shown).await;
    assert_eq!(end["message"]["status"], "CANCELLED");
    recorder.left(1).await;
    recorder.hold(false);

    regenerate(&ada, &sent["reply"]["id"]).await.data();
    let anew = feed.expect("MessageChanged").await;
    assert_eq!(anew["message"]["status"], "PENDING");
    assert_eq!(anew["message"]["content"], "");
    let mut shown = Shown::default();
    let whole = ends(&mut feed, &mut shown).await["message"].take();
    assert_eq!(whole["status"], "COMPLETE", "{whole}");
    assert_eq!(whole["content"], shown.0);
    assert_eq!(whole["seq"], sent["reply"]["seq"]);
    let before = [
        "system: You talk nonsense.".to_owned(),
        "user: My cat is called Turing.".to_owned(),
        format!("assistant: {}", earlier["content"].as_str().unwrap()),
        "user: What is my cat called?".to_owned(),
    ];
    assert_eq!(told(&recorder.asked_last().body), before);

    said_to(&ada, &session, "Are you sure?").await;
    let after = [
        format!("assistant: {}", shown.0),
        "user: Are you sure?".to_owned(),
    ];
    let asked = told(&recorder.asked_last().body);
    assert_eq!(asked, [before.as_slice(), after.as_slice()].concat());
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
