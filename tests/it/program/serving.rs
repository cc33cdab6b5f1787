//! `parlor serve`: up from nothing, up again, and what keeps it from coming up.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::support::Place;
use crate::helpers::Person;

#[tokio::test]
async fn on_a_fresh_machine_it_comes_up_with_a_postgresql_of_its_own_and_says_where() {
    let place = Place::new();
    let server = place.serve().await;
    assert!(server.is_ready().await);
    let said = server.greeting.replace(&server.url, "http://ADDRESS");
    insta::assert_snapshot!(said, @r"
    Parlor 0.1.0 is at http://ADDRESS
      its data is in data
      GraphQL    http://ADDRESS/graphql (HTTP, WebSocket, SSE, multipart)
      try it     http://ADDRESS/graphiql has a first conversation ready
    ");
    let ada = server.person("ada").await;
    let answer = ada.ask("{ me { username } }", json!({})).await;
    assert_eq!(answer.data()["me"]["username"], "ada");
}

#[tokio::test]
async fn tokens_and_cursors_outlive_a_restart() {
    let place = Place::new();
    let mut server = place.serve().await;
    let secret = secret(&place);
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    let first = ada.say(Some(&session), "before").await;
    let cursor = first["message"]["cursor"].as_str().unwrap();
    ada.say(Some(&session), "after").await;
    assert!(server.stop(Signal::SIGTERM).await.success());

    let server = place.serve().await;
    assert_eq!(self::secret(&place), secret);
    let ada: Person = ada.at_url(&server.url);
    let mut feed = ada.watch(&session, Some(cursor)).await;
    assert_eq!(content(&feed.expect("MessageAdded").await), "after");
    feed.caught_up().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_before_anything_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new().with("PARLOR_LISTEN", &address);
    let ended = place.run(&["serve"]).await;
    assert_eq!(ended.status.code(), Some(1));
    let told = format!("parlor: Can't listen on {address} (PARLOR_LISTEN): Address already in use");
    assert!(ended.err.starts_with(&told), "{}", ended.err);
    assert!(!place.home.data_dir().exists());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_told_what_to_do_and_the_first_goes_on() {
    let place = Place::new();
    let first = place.serve().await;
    let ended = place.run(&["serve"]).await;
    assert_eq!(ended.status.code(), Some(1));
    let holder = format!("(process {})", first.pid());
    assert!(
        ended.err.contains("Another Parlor is using "),
        "{}",
        ended.err
    );
    assert!(ended.err.contains(&holder), "{}", ended.err);
    assert!(
        ended.err.contains("Stop it first, or set PARLOR_DATA_DIR"),
        "{}",
        ended.err
    );
    assert!(first.is_ready().await);
}

/// The generated secret, which nobody else may read.
fn secret(place: &Place) -> String {
    let path = place.home.data_dir().join("secret");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::read_to_string(path).unwrap()
}

fn content(event: &Value) -> &str {
    event["message"]["content"].as_str().unwrap()
}
