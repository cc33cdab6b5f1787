//! A PostgreSQL that is there and answers nobody.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::helpers::{TestApp, TestDatabase};
use crate::private_postgres::support::Home;
use crate::replies::support::{chat, ended};

/// Less than an operation's own deadline, so that it is not this that ends it.
const IN_TIME: Duration = Duration::from_secs(8);

/// The processes of a PostgreSQL, stopped until dropped.
struct Frozen(Vec<Pid>);

impl Frozen {
    fn new(postmaster: i32) -> Self {
        // First the one that would start others.
        let mut frozen = Self(Vec::new());
        frozen.stop(postmaster);
        let children = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &postmaster.to_string()])
            .output()
            .unwrap();
        for child in String::from_utf8(children.stdout).unwrap().lines() {
            frozen.stop(child.trim().parse().unwrap());
        }
        assert!(frozen.0.len() > 1, "a server has several processes");
        frozen
    }

    fn stop(&mut self, pid: i32) {
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP).unwrap();
        self.0.push(pid);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that was asked to end meanwhile ends now.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

#[tokio::test]
async fn a_frozen_postgres_is_told_in_time_and_all_goes_on_when_it_thaws() {
    let home = Home::new();
    let postgres = home.start().await;
    let app = TestApp::start_on(TestDatabase::alone_on(&postgres).await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let input = json!({"sessionId": session, "content": "hello", "clientKey": "1"});

    let frozen = Frozen::new(home.postmaster());
    let asked = Instant::now();
    // More than there are connections: some are held by those who asked first, and the rest wait.
    let queries = join_all((0..20).map(|_| ada.ask("{ me { username } }", json!({}))));
    let (answers, sent) = tokio::join!(queries, ada.send(input.clone()));
    let took = asked.elapsed();
    for answer in answers.into_iter().chain([sent]) {
        assert_eq!(answer.error()["code"], "UNAVAILABLE");
    }
    assert!(took < IN_TIME, "{took:?}");

    drop(frozen);
    // Nobody holds a connection any more.
    let db = app.app().db();
    let all: Vec<_> = join_all((0..8).map(|_| db.connection())).await;
    assert!(all.iter().all(Result::is_ok));
    drop(all);
    ada.send(input.clone()).await.data();
    let born = feed.expect("MessageAdded").await;
    assert_eq!(born["message"]["content"], "hello");
    assert_eq!(ended(&ada, &session).await["status"], "COMPLETE");
    // Also if it was stored the first time, without a word.
    assert_eq!(ada.history(&session).await.len(), 2);
}

#[tokio::test]
async fn a_statement_that_takes_its_time_is_left_alone() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let mut conn = app.app().db().connection().await.unwrap();
    // Several looks long.
    diesel_async::SimpleAsyncConnection::batch_execute(&mut *conn, "select pg_sleep(6)")
        .await
        .unwrap();
}
