//! `parlor doctor`: well or not, and what to mend.

use axum::http::StatusCode;
use nix::sys::signal::Signal;
use tokio::net::TcpListener;

use super::support::{Ended, Place, SECRET};
use crate::helpers::TestDatabase;

#[tokio::test]
async fn a_healthy_place_is_told_line_by_line() {
    let place = Place::new();
    let mut server = place.serve().await;
    server.stop(Signal::SIGTERM).await;
    let ended = place.run(&["doctor"]).await;
    assert!(ended.status.success());
    insta::assert_snapshot!(findings(&ended), @r"
    ok    configuration: every variable can be used
    ok    secret: there is one of at least 32 bytes
    ok    database: PostgreSQL VERSION answers
    ok    clock: agrees with the database's
    ok    migrations: all ran
    note  quotes: are asked of stooq.com when a command wants one; not tried here (PARLOR_QUOTES_URL)
    ");
}

#[tokio::test]
async fn beside_a_running_server_it_looks_through_that_ones_database() {
    let place = Place::new();
    let server = place.serve().await;
    let ended = place.run(&["doctor"]).await;
    assert!(ended.status.success(), "{}", ended.out);
    let data_dir = place.home.data_dir().canonicalize().unwrap();
    let told = findings(&ended)
        .replace(data_dir.to_str().unwrap(), "DATA")
        .replace(&server.pid().to_string(), "PID");
    insta::assert_snapshot!(told, @r"
    ok    configuration: every variable can be used
    ok    secret: there is one of at least 32 bytes
    note  server: is running on DATA (process PID)
    ok    database: PostgreSQL VERSION answers
    ok    clock: agrees with the database's
    ok    migrations: all ran
    note  quotes: are asked of stooq.com when a command wants one; not tried here (PARLOR_QUOTES_URL)
    ");
    assert!(server.is_ready().await);
}

#[tokio::test]
async fn an_empty_database_is_no_fault_but_lacks_its_migrations() {
    let place = Place::on(&TestDatabase::empty().await).with("PARLOR_INTROSPECTION", "on");
    let ended = place.run(&["doctor"]).await;
    assert!(ended.status.success());
    insta::assert_snapshot!(findings(&ended), @r"
    ok    configuration: every variable can be used
    ok    secret: there is one of at least 32 bytes
    ok    database: PostgreSQL VERSION answers
    ok    clock: agrees with the database's
    note  migrations: some are missing: `serve` and `migrate` run them
    note  quotes: are asked of stooq.com when a command wants one; not tried here (PARLOR_QUOTES_URL)
    note  introspection: is on: anyone may read the schema (PARLOR_INTROSPECTION)
    ");
}

#[tokio::test]
async fn a_database_out_of_reach_is_told_without_its_password() {
    for address in [
        "postgres://ada:hunter2@127.0.0.1:1/parlor",
        "postgres://ada:hunter2@127.0.0.1:port/parlor",
    ] {
        let ended = doctor_for(address).await;
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.out.contains("BAD   database: "), "{}", ended.out);
        assert!(ended.out.contains("DATABASE_URL"), "{}", ended.out);
        assert!(!format!("{}{}", ended.out, ended.err).contains("hunter2"));
    }
}

#[tokio::test]
async fn a_database_that_takes_the_call_and_says_nothing_is_given_up_on() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let ended = doctor_for(&format!("postgres://ada@{address}/parlor")).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.out.contains("no answer within"), "{}", ended.out);
}

#[tokio::test]
async fn the_quotes_are_told_of_without_what_their_address_may_hold() {
    let database = TestDatabase::migrated().await;
    for (url, verdict) in [
        (
            "http://127.0.0.1:1/{symbol}?key=hunter2",
            "are asked of 127.0.0.1:1 when",
        ),
        ("off", "are switched off"),
    ] {
        let place = Place::on(&database).with("PARLOR_QUOTES_URL", url);
        let ended = place.run(&["doctor"]).await;
        assert!(ended.status.success(), "{}", ended.out);
        let note = format!("note  quotes: {verdict}");
        assert!(ended.out.contains(&note), "{}", ended.out);
        assert!(!ended.out.contains("hunter2"), "{}", ended.out);
    }
}

async fn doctor_for(address: &str) -> Ended {
    let place = Place::new()
        .with("DATABASE_URL", address)
        .with("PARLOR_SECRET", SECRET);
    place.run(&["doctor"]).await
}

/// What it told, whatever the version of PostgreSQL.
fn findings(ended: &Ended) -> String {
    let mut lines: Vec<String> = ended.out.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some((before, _)) = line.split_once("PostgreSQL ") {
            *line = format!("{before}PostgreSQL VERSION answers");
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn a_model_server_is_asked_for_its_models() {
    let database = TestDatabase::migrated().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    for (answer, verdict) in [
        (
            Some((200, r#"{"data": [{"id": "one:latest"}, {"id": "two"}]}"#)),
            "ok    models: the model server has all that are allowed",
        ),
        (
            Some((200, r#"{"data": [{"id": "two"}]}"#)),
            "BAD   models: the model server does not list one: check PARLOR_OPENAI_MODELS, or load them there",
        ),
        (
            Some((200, "<html>")),
            "BAD   models: the model server does not answer as a model server does. Check OPENAI_BASE_URL",
        ),
        (
            Some((401, "bad key hunter2")),
            "BAD   models: the model server refuses the key. Check OPENAI_API_KEY",
        ),
        (
            Some((404, "")),
            "BAD   models: the model server has no list of models there. OPENAI_BASE_URL mostly ends in /v1",
        ),
        (
            None,
            "BAD   models: the model server can't be reached. Check OPENAI_BASE_URL, and that it is up",
        ),
    ] {
        let base_url = match answer {
            Some((status, body)) => models_at(status, body).await,
            None => format!("http://{address}/v1"),
        };
        let place = Place::on(&database)
            .with("OPENAI_BASE_URL", &base_url)
            .with("OPENAI_API_KEY", "hunter2")
            .with("PARLOR_OPENAI_MODELS", "one,two");
        let ended = place.run(&["doctor"]).await;
        assert!(
            ended.out.lines().any(|line| line == verdict),
            "{}",
            ended.out
        );
        assert_eq!(ended.status.success(), verdict.starts_with("ok"));
        assert!(!format!("{}{}", ended.out, ended.err).contains("hunter2"));
    }
}

/// A server that gives this answer to all questions; its base address.
async fn models_at(status: u16, body: &'static str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let answer = move || async move { (status, body) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/v1/models", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base_url
}
