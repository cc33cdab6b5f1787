//! Several servers on one database and one NATS: what is said at one is seen at the other, whatever becomes of
//! NATS.

use serde_json::Value;

use super::support::Place;
use crate::helpers::TestDatabase;
use crate::helpers::nats::Nats;
use crate::replies::support::{Shown, chat, ends};

#[tokio::test]
async fn what_is_said_at_one_server_and_written_by_a_worker_is_seen_at_the_other() {
    let nats = Nats::start();
    let place = place(&TestDatabase::migrated().await, &nats);
    let (one, other) = tokio::join!(
        place.serve_without_chatbots(),
        place.serve_without_chatbots()
    );
    let _worker = place.work().await;
    one.until_status("ok").await;
    other.until_status("ok").await;
    let ada = one.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.at_url(&other.url).watch(&session, None).await;
    feed.caught_up().await;
    for _ in 0..3 {
        ada.say(Some(&session), "hello").await;
        assert_eq!(content(&feed.expect("MessageAdded").await), "hello");
        let reply = feed.expect("MessageAdded").await;
        assert_eq!(reply["message"]["status"], "PENDING");
        let mut shown = Shown::default();
        let end = ends(&mut feed, &mut shown).await;
        assert_eq!(end["message"]["status"], "COMPLETE");
        assert!(!shown.0.is_empty());
        assert!(content(&end).starts_with(&shown.0));
    }
    for log in [one.log(), other.log()] {
        assert!(log.contains("the bus is there"), "{log}");
    }
}

#[tokio::test]
async fn signing_out_at_one_server_ends_what_is_open_at_the_other() {
    let nats = Nats::start();
    let place = place(&TestDatabase::migrated().await, &nats);
    let (one, other) = tokio::join!(place.serve(), place.serve());
    let ada = one.person("ada").await;
    let session = ada.quiet_session().await;
    let mut feed = ada.at_url(&other.url).watch(&session, None).await;
    feed.caught_up().await;
    ada.log_out(false).await;
    feed.expect_end("SIGNED_OUT", false).await;
}

#[tokio::test]
async fn without_nats_everything_goes_on_and_it_is_told_once() {
    let mut nats = Nats::later();
    let place = place(&TestDatabase::migrated().await, &nats);
    let (one, other) = tokio::join!(place.serve_without_chatbots(), place.serve());
    assert!(one.is_ready().await);
    let told = serde_json::json!({"status": "degraded", "because": "bus"});
    assert_eq!(one.readiness().await, told);
    one.until_log("the bus is away").await;

    let ada = one.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.at_url(&other.url).watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), "is anybody there?").await;
    assert_eq!(
        content(&feed.expect("MessageAdded").await),
        "is anybody there?"
    );
    // No wake-up came: the other's sweep finds the reply.
    let end = feed.until("MessageChanged").await;
    assert_eq!(end["message"]["status"], "COMPLETE");

    for _ in 0..2 {
        nats.restart();
        one.until_status("ok").await;
        other.until_status("ok").await;
        ada.say(Some(&session), "hello").await;
        assert_eq!(content(&feed.until("MessageAdded").await), "hello");
        feed.until("MessageChanged").await;
        nats.kill();
        one.until_status("degraded").await;
        other.until_status("degraded").await;
    }
    let complaints = one.log().matches("the bus is away").count();
    assert_eq!(complaints, 3, "{}", one.log());
}

#[tokio::test]
async fn the_doctor_tells_whether_nats_answers_and_no_password() {
    let mut nats = Nats::start_with(&["--user", "ada", "--pass", "hunter2"]);
    let database = TestDatabase::migrated().await;
    let url = nats.url().replace("//", "//ada:hunter2@");
    let good = Place::on(&database).with("PARLOR_NATS_URL", &url);
    let ended = good.run(&["doctor"]).await;
    assert!(ended.status.success(), "{}", ended.out);
    assert!(ended.out.contains("ok    bus: NATS "), "{}", ended.out);

    let wrong = Place::on(&database).with("PARLOR_NATS_URL", &url.replace("hunter2", "hunter3"));
    let refused = wrong.run(&["doctor"]).await;
    nats.kill();
    let gone = good.run(&["doctor"]).await;
    for ended in [refused, gone] {
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.out.contains("BAD   bus: "), "{}", ended.out);
        assert!(!format!("{}{}", ended.out, ended.err).contains("hunter"));
    }
}

fn place(database: &TestDatabase, nats: &Nats) -> Place {
    Place::on(database).with("PARLOR_NATS_URL", &nats.url())
}

fn content(event: &Value) -> &str {
    event["message"]["content"].as_str().unwrap()
}
