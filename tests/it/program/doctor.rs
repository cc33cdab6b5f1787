//! `parlor doctor`: well or not, and what to mend.

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
