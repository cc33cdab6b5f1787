//! On a database that is not Parlor's own: brought up to date once, and never torn down.

use serde_json::json;

use super::support::Place;
use crate::helpers::TestDatabase;
use crate::private_postgres::support::ask;

#[tokio::test]
async fn with_a_secret_it_serves_and_keeps_nothing_in_a_data_directory() {
    let database = TestDatabase::empty().await;
    let place = Place::on(&database);
    let server = place.serve().await;
    assert!(server.is_ready().await);
    assert!(!server.greeting.contains("its data"), "{}", server.greeting);
    assert!(!place.home.data_dir().exists());
    server.person("ada").await;
    assert_eq!(
        ask(
            database.url(),
            "select count(*) from users where disabled_at is null"
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn without_a_secret_it_says_so_and_leaves_the_database_alone() {
    let database = TestDatabase::empty().await;
    let ended = Place::on(&database)
        .without("PARLOR_SECRET")
        .run(&["serve"])
        .await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.err.contains("PARLOR_SECRET is required"),
        "{}",
        ended.err
    );
    assert_eq!(tables(&database).await, "0");
}

#[tokio::test]
async fn two_servers_that_start_at_once_on_an_empty_database_both_come_up() {
    let database = TestDatabase::empty().await;
    let place = Place::on(&database);
    let (one, other) = tokio::join!(place.serve(), place.serve());
    let ada = one.person("ada").await;
    let answer = ada
        .at_url(&other.url)
        .ask("{ me { username } }", json!({}))
        .await;
    assert_eq!(answer.data()["me"]["username"], "ada");
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let place = Place::on(&TestDatabase::empty().await);
    let first = place.run(&["migrate"]).await;
    assert!(first.status.success(), "{}", first.err);
    let ran = first
        .out
        .split_whitespace()
        .find_map(|word| word.parse().ok());
    assert!(ran > Some(0), "{}", first.out);
    let again = place.run(&["migrate"]).await;
    assert!(again.status.success(), "{}", again.err);
    assert_eq!(again.out, "The database is up to date.\n");
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused_and_untouched() {
    let database = TestDatabase::migrated().await;
    database
        .execute(
            "insert into __diesel_schema_migrations (version) values ('99991231235959');
             create table of_the_future (id integer)",
        )
        .await;
    let before = tables(&database).await;
    let place = Place::on(&database);
    for command in [&["serve"][..], &["migrate"], &["reset", "--yes"]] {
        let ended = place.run(command).await;
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            ended.err.contains("newer than this program"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("99991231235959"), "{}", ended.err);
    }
    assert_eq!(tables(&database).await, before);
    let house = "select count(*) from chatbots";
    assert_eq!(ask(database.url(), house).await, "1");

    let ended = place.run(&["doctor"]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.out.contains("BAD   migrations: "), "{}", ended.out);
}

async fn tables(database: &TestDatabase) -> String {
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    ask(database.url(), tables).await
}
