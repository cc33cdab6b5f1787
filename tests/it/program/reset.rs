//! `parlor reset`: nothing is deleted by accident, everything when it is meant.

use nix::sys::signal::Signal;
use serde_json::json;

use super::support::{Ended, Place};
use crate::helpers::TestDatabase;
use crate::private_postgres::support::ask;

#[tokio::test]
async fn anything_but_yes_deletes_nothing() {
    let (place, database) = place_with_a_person().await;
    for answer in ["", "\n", "no\n", "y\n", "Yes\n", "yes please\n"] {
        let ended = place.run_saying(&["reset"], answer).await;
        assert!(ended.status.success());
        assert!(
            ended
                .out
                .starts_with("This deletes every account, session and message in the database"),
            "{}",
            ended.out
        );
        assert!(
            ended.out.ends_with("Nothing was deleted.\n"),
            "{}",
            ended.out
        );
        assert_eq!(people(&database).await, "1");
    }
}

#[tokio::test]
async fn yes_empties_the_database_and_leaves_it_ready() {
    for meant in [Meant::Typed, Meant::Given] {
        let (place, database) = place_with_a_person().await;
        let ended = match meant {
            Meant::Typed => place.run_saying(&["reset"], "yes\n").await,
            Meant::Given => place.run(&["reset", "--yes"]).await,
        };
        succeeded(&ended);
        assert_eq!(people(&database).await, "0");
        let server = place.serve().await;
        server.person("ada").await;
    }
}

#[tokio::test]
async fn tokens_from_before_mean_nothing_after() {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    assert!(server.stop(Signal::SIGTERM).await.success());
    succeeded(&place.run(&["reset", "--yes"]).await);
    let server = place.serve().await;
    let answer = ada
        .at_url(&server.url)
        .ask("{ me { id } }", json!({}))
        .await;
    answer.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn data_in_use_by_a_server_is_not_reset() {
    let place = Place::new();
    let server = place.serve().await;
    let ada = server.person("ada").await;
    let ended = place.run(&["reset", "--yes"]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.err.contains("Another Parlor is using"),
        "{}",
        ended.err
    );
    ada.ask("{ me { id } }", json!({})).await.data();
}

enum Meant {
    Typed,
    Given,
}

async fn place_with_a_person() -> (Place, TestDatabase) {
    let database = TestDatabase::empty().await;
    let place = Place::on(&database);
    let mut server = place.serve().await;
    server.person("ada").await;
    assert!(server.stop(Signal::SIGTERM).await.success());
    (place, database)
}

async fn people(database: &TestDatabase) -> String {
    ask(
        database.url(),
        "select count(*) from users where disabled_at is null",
    )
    .await
}

fn succeeded(ended: &Ended) {
    assert!(ended.status.success(), "{}", ended.err);
}
