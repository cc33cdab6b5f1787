//! The tables: made and taken back by the migrations, and by our rules.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use parlor::db::{MigrationError, migrate, newest_migration, revert_all};
use serde_json::json;

use crate::helpers::{Column, PASSWORD, TestApp, TestDatabase};

/// Where diesel notes which migrations ran. It stays when all of them are taken back.
const BOOK: &str = "__diesel_schema_migrations";

#[tokio::test]
async fn up_down_and_up_again_make_the_same_tables() {
    let database = TestDatabase::empty().await;
    let ran = migrate(database.url()).await.unwrap();
    let first = database.catalog().await;
    revert_all(database.url()).await.unwrap();
    assert_eq!(migrate(database.url()).await.unwrap(), ran);
    assert_eq!(database.catalog().await, first);
    assert_eq!(migrate(database.url()).await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_left_when_all_is_taken_back_with_data_in_every_table() {
    let untouched = TestDatabase::empty().await;
    let app = TestApp::start().await;
    let database = app.database();
    let ada = app.person("ada").await;
    let sent = ada
        .send(json!({"content": "hello", "waitMs": 20_000}))
        .await;
    let again = r#"mutation ($id: ID!) { regenerateReply(id: $id, clientKey: "key") { id } }"#;
    let id = &sent.data()["sendMessage"]["reply"]["id"];
    ada.ask(again, json!({ "id": id })).await.data();
    let input = "{sessionId: null, content: \"hello\", clientKey: \"once\"}";
    let begin = format!("mutation {{ sendMessage(input: {input}) {{ session {{ id }} }} }}");
    let begun = ada.ask(&begin, json!({})).await.data();
    let delete = "mutation ($id: ID!) { deleteSession(id: $id) }";
    let id = &begun["sendMessage"]["session"]["id"];
    ada.ask(delete, json!({ "id": id })).await.data();
    let session = ada.say(None, "hello").await["session"]["id"].take();
    // Bob has said something before he was removed and his account deleted, Carol is removed still.
    let (bob, _carol) = (app.person("bob").await, app.person("carol").await);
    let add =
        "mutation ($id: ID!, $name: String!) { addMember(sessionId: $id, username: $name) { id } }";
    let remove = "mutation ($id: ID!, $name: String!) { removeMember(sessionId: $id, username: $name) { id } }";
    for name in ["bob", "carol"] {
        let who = json!({"id": session, "name": name});
        ada.ask(add, who).await.data();
    }
    bob.say(session.as_str(), "hello").await;
    for name in ["bob", "carol"] {
        let who = json!({"id": session, "name": name});
        ada.ask(remove, who).await.data();
    }
    let end = "mutation ($password: String!) { deleteAccount(password: $password) }";
    bob.ask(end, json!({ "password": PASSWORD })).await.data();
    let room = "mutation { startSession(input: {kind: ROOM, title: \"Tea\"}) { id } }";
    ada.ask(room, json!({})).await.data();
    let visit = "mutation { startVisit(input: {owner: \"ada\"}) { isNew } }";
    app.nobody().ask(visit, json!({})).await.data();
    ada.log_out(false).await;
    for table in database.columns().await.into_keys() {
        let rows = database
            .value(&format!("select count(*) from {table}"))
            .await;
        assert_ne!(rows, 0, "{table}");
    }

    revert_all(database.url()).await.unwrap();
    database.execute(&format!("drop table {BOOK}")).await;
    assert_eq!(database.catalog().await, untouched.catalog().await);
}

#[tokio::test]
async fn all_is_described_named_and_keyed_by_session() {
    let database = TestDatabase::migrated().await;
    assert_eq!(database.catalog_faults().await, [""; 0]);
}

#[tokio::test]
async fn the_rules_catch_what_breaks_them() {
    let database = TestDatabase::migrated().await;
    database
        .execute(
            "create table pins (session_id uuid references sessions, note text unique, id uuid); \
             comment on column pins.note is 'The table has none.'; \
             alter table messages add column mood text",
        )
        .await;
    insta::assert_snapshot!(database.catalog_faults().await.join("\n"), @r"
    messages.mood has no comment
    pins has no comment
    pins_note_key does not begin with session_id
    PostgreSQL made up the name pins_note_key
    PostgreSQL made up the name pins_session_id_fkey
    ");
}

#[tokio::test]
async fn the_program_sees_the_tables_as_they_are() {
    let database = TestDatabase::migrated().await;
    assert_eq!(tables_in_the_program(), database.columns().await);
}

/// The tables as `schema.rs` declares them, in PostgreSQL's words.
fn tables_in_the_program() -> BTreeMap<String, Vec<Column>> {
    let source = include_str!("../../src/db/schema.rs");
    let blocks = source.split("diesel::table! {").skip(1);
    let table = |block: &str| {
        let (name, rest) = block.trim_start().split_once(' ').unwrap();
        let body = rest.split(['{', '}']).nth(1).unwrap();
        let columns = body
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(',').split_once(" -> "));
        (name.to_owned(), columns.map(column).collect())
    };
    blocks.map(table).collect()
}

fn column((name, declared): (&str, &str)) -> Column {
    let inner = declared
        .strip_prefix("Nullable<")
        .map(|rest| rest.trim_end_matches('>'));
    let stored = match inner.unwrap_or(declared) {
        "Uuid" => "uuid",
        "Text" => "text",
        "Bool" => "bool",
        "SmallInt" => "int2",
        "Integer" => "int4",
        "BigInt" => "int8",
        "Double" => "float8",
        "Bytea" => "bytea",
        "Timestamptz" => "timestamptz",
        "Array<Integer>" => "_int4",
        other => panic!("a type that no table has had so far: {other}"),
    };
    (name.to_owned(), stored.to_owned(), inner.is_some())
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused_and_left_alone() {
    let database = TestDatabase::migrated().await;
    database
        .execute(&format!(
            "insert into {BOOK} (version) values ('29990101000000')"
        ))
        .await;
    // Taken back by hand: an old program must not bring it again.
    database.execute("drop table epoch").await;
    let before = (database.catalog().await, database.contents().await);
    let refused = migrate(database.url()).await.unwrap_err();
    assert!(matches!(refused, MigrationError::TooNew { .. }));
    let known = newest_migration();
    assert_eq!(
        refused.to_string(),
        format!(
            "The database is newer than this program: it has the migration 29990101000000, and the newest \
             one known here is {known}. Run the newer program, or restore a backup from before."
        )
    );
    assert_eq!(
        (database.catalog().await, database.contents().await),
        before
    );
}

#[tokio::test]
async fn of_eight_that_start_at_once_one_migrates_and_the_others_wait() {
    let database = TestDatabase::empty().await;
    let starts = (0..8).map(|_| migrate(database.url()));
    let ran: Vec<usize> = join_all(starts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let busy: Vec<&usize> = ran.iter().filter(|count| **count > 0).collect();
    assert_eq!(busy.len(), 1, "{ran:?}");
    let noted = database
        .value(&format!("select count(*) from {BOOK}"))
        .await;
    assert_eq!(noted, *busy[0]);
    assert_eq!(database.value("select count(*) from epoch").await, 1);
}
