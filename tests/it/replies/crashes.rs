//! The real program and its PostgreSQL, killed in the middle of a reply.

use nix::sys::signal::Signal;

use super::support::{LONG, Shown, chat, db_let_leases_end, ended};
use crate::private_postgres::support::{kill_9, until};
use crate::program::support::Place;

#[tokio::test]
async fn a_server_killed_in_the_middle_of_a_reply_leaves_none_unfinished() {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), LONG).await;
    feed.expect("MessageAdded").await;
    let cursor = feed.expect("MessageAdded").await["cursor"].take();
    let mut shown = Shown::default();
    for _ in 0..10 {
        shown.add(&feed.expect("ReplyDelta").await);
    }
    server.stop(Signal::SIGKILL).await;

    let server = place.serve().await;
    let ada = ada.at_url(&server.url);
    let mut feed = ada.watch(&session, cursor.as_str()).await;
    db_let_leases_end(&place.database_url()).await;
    let end = feed.until("MessageChanged").await;
    assert_eq!(end["message"]["status"], "FAILED");
    assert_eq!(end["message"]["failure"], "The reply was interrupted.");
    let kept = end["message"]["content"].as_str().unwrap();
    assert!(
        !kept.is_empty() && shown.0.starts_with(kept),
        "{kept:?}, {:?}",
        shown.0
    );

    // Who comes back after all is over is told the same.
    let mut late = ada.watch(&session, cursor.as_str()).await;
    assert_eq!(
        late.expect("MessageChanged").await["message"],
        end["message"]
    );
    late.caught_up().await;
}

#[tokio::test]
async fn postgres_killed_at_any_moment_of_a_reply_leaves_it_ended_and_the_feed_whole() {
    let place = Place::new();
    let server = place.serve().await;
    let ada = server.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    for pieces in [0, 1, 5, 30] {
        ada.say(Some(&session), LONG).await;
        for _ in 0..pieces {
            feed.until("ReplyDelta").await;
        }
        let postmaster = place.home.postmaster();
        kill_9(postmaster);
        let end = ended(&ada, &session).await;
        let told = feed.until("MessageChanged").await;
        assert_eq!(told["message"]["status"], end["status"]);
        assert_eq!(told["message"]["content"], end["content"]);
        until("PostgreSQL is another one", || {
            place.home.pid_file().exists() && place.home.postmaster() != postmaster
        })
        .await;
    }
}
