//! How a server ends: gracefully, with a last word to everyone, and with its PostgreSQL.

use nix::sys::signal::Signal;

use super::support::Place;
use crate::private_postgres::support::is_alive;

#[tokio::test]
async fn sigterm_tells_live_clients_to_come_back_and_ends_everything() {
    ends_gracefully_on(Signal::SIGTERM).await;
}

#[tokio::test]
async fn ctrl_c_tells_live_clients_to_come_back_and_ends_everything() {
    ends_gracefully_on(Signal::SIGINT).await;
}

async fn ends_gracefully_on(signal: Signal) {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    let postmaster = place.home.postmaster();

    let status = server.stop(signal).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    feed.expect_end("SERVER_STOPPING", true).await;
    assert_eq!(feed.closing().await.0, 1012);
    assert!(!is_alive(postmaster));
    assert!(!place.home.pid_file().exists());
}
