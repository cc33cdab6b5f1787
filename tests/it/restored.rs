//! A database that was replaced by an older copy: every client with a cursor from before is told, and none goes on
//! from a place that means something else now.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use parlor::db::epoch::EpochKeeper;

use crate::helpers::{Person, TestApp, TestDatabase};
use crate::private_postgres::support::{Home, try_ask};
use crate::program::support::Place;

#[tokio::test]
async fn a_dump_restored_beside_the_original_knows_none_of_its_cursors() {
    let original = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(original.clone()).await;
    let (ada, session, cursor) = one_message(&app).await;
    let dump = dump(&original).await;
    let copy = TestDatabase::empty().await;
    restore(&copy, &dump, &[]).await;

    let other = TestApp::without_chatbots(copy).await;
    let there = ada.at(&other);
    expect_unknown(&there, &session, &cursor).await;
    assert_eq!(there.history(&session).await.len(), 1);
    // The original goes on as before.
    let mut watch = ada.watch(&session, Some(&cursor)).await;
    watch.caught_up().await;
}

#[tokio::test]
async fn a_dump_restored_under_a_running_server_ends_its_feeds() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    let other = TestApp::without_chatbots(database.clone()).await;
    let (ada, session, _) = one_message(&app).await;
    let dump = dump(&database).await;
    for _ in 0..3 {
        ada.say(Some(&session), "will be forgotten").await;
    }
    let cursor = cursor(&ada, &session).await;
    let mut here = ada.watch(&session, Some(&cursor)).await;
    let mut there = ada.at(&other).watch(&session, None).await;
    here.caught_up().await;
    there.caught_up().await;
    let mut inbox = ada.watch_inbox(None).await;
    let inbox_cursor = inbox.caught_up().await;

    restore(&database, &dump, &["--clean", "--if-exists"]).await;
    here.expect_end("CURSOR_UNKNOWN", false).await;
    there.expect_end("CURSOR_UNKNOWN", false).await;
    inbox.expect_end("CURSOR_UNKNOWN", false).await;
    let mut inbox = ada.at(&other).watch_inbox(Some(&inbox_cursor)).await;
    inbox.expect_end("CURSOR_UNKNOWN", false).await;
    // The places are given out again, and the cursor stands for none of them.
    for _ in 0..5 {
        ada.say(Some(&session), "another history").await;
    }
    expect_unknown(&ada, &session, &cursor).await;
    expect_unknown(&ada.at(&other), &session, &cursor).await;

    // Who reads anew goes on as ever.
    let anew = self::cursor(&ada, &session).await;
    let mut watch = ada.at(&other).watch(&session, Some(&anew)).await;
    watch.caught_up().await;
    ada.at(&other).say(Some(&session), "and on").await;
    assert_eq!(
        watch.expect("MessageAdded").await["message"]["content"],
        "and on"
    );
}

#[tokio::test]
async fn a_database_made_from_another_as_its_template_is_a_copy() {
    let original = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(original.clone()).await;
    let (ada, session, cursor) = one_message(&app).await;
    app.app().stopping().cancel();
    let name = format!("copy_of_{}", original.name());
    let elsewhere = TestDatabase::empty().await;
    elsewhere
        .execute(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'",
            original.name()
        ))
        .await;
    elsewhere
        .execute(&format!(
            "create database {name} template {}",
            original.name()
        ))
        .await;
    let copy = TestDatabase::at(&original.url().replace(original.name(), &name));
    let other = TestApp::without_chatbots(copy).await;
    expect_unknown(&ada.at(&other), &session, &cursor).await;
}

#[tokio::test]
async fn a_recovery_to_a_point_in_time_begins_an_epoch() {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    ada.say(Some(&session), "first").await;
    let cursor = cursor(&ada, &session).await;
    server.stop(Signal::SIGTERM).await;

    // What a restored base backup is started with; here there is no archive to read further.
    let cluster = place.home.cluster();
    let signal = cluster.join("recovery.signal");
    fs::write(&signal, "").unwrap();
    let owner = fs::metadata(&cluster).unwrap();
    chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
    let settings = cluster.join("postgresql.auto.conf");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(
        &settings,
        text + "restore_command = 'false'\nhot_standby = off\n",
    )
    .unwrap();

    let server = place.serve().await;
    assert!(!signal.exists());
    expect_unknown(&ada.at_url(&server.url), &session, &cursor).await;
}

#[tokio::test]
async fn a_restart_alone_begins_none() {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    let cursor = cursor(&ada, &session).await;
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        server.stop(signal).await;
        server = place.serve().await;
        let mut watch = ada.at_url(&server.url).watch(&session, Some(&cursor)).await;
        watch.caught_up().await;
    }
}

#[tokio::test]
async fn files_put_back_while_nothing_ran_are_told_by_the_operator() {
    let place = Place::new();
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    server.stop(Signal::SIGTERM).await;
    let backup = place.home.folder().join("backup");
    copy(&place.home.data_dir(), &backup);

    let mut server = place.serve().await;
    let ada = ada.at_url(&server.url);
    ada.say(Some(&session), "will be forgotten").await;
    let cursor = cursor(&ada, &session).await;
    server.stop(Signal::SIGTERM).await;

    fs::remove_dir_all(place.home.data_dir()).unwrap();
    fs::rename(&backup, place.home.data_dir()).unwrap();
    let ended = place.run(&["restored"]).await;
    assert!(ended.status.success(), "{}", ended.err);
    let server = place.serve().await;
    let ada = ada.at_url(&server.url);
    for _ in 0..3 {
        ada.say(Some(&session), "another history").await;
    }
    expect_unknown(&ada, &session, &cursor).await;
}

#[tokio::test]
async fn restored_is_noticed_by_a_running_server() {
    let database = TestDatabase::migrated().await;
    let place = Place::on(&database);
    let server = place.serve().await;
    let ada = server.person("ada").await;
    let session = ada.quiet_session().await;
    let cursor = cursor(&ada, &session).await;
    let mut watch = ada.watch(&session, Some(&cursor)).await;
    watch.caught_up().await;
    let ended = place.run(&["restored"]).await;
    assert!(ended.status.success(), "{}", ended.err);
    watch.expect_end("CURSOR_UNKNOWN", false).await;
    expect_unknown(&ada, &session, &cursor).await;
}

#[tokio::test]
async fn files_put_back_under_a_running_server_are_noticed() {
    let home = Home::new();
    let postgres = home.start().await;
    parlor::db::migrate(postgres.url()).await.unwrap();
    let database = TestDatabase::at(postgres.url());
    let app = TestApp::without_chatbots(database).await;
    let (ada, session, _) = one_message(&app).await;
    postgres.stop().await;
    let backup = home.folder().join("backup");
    copy(&home.data_dir(), &backup);

    let postgres = home.start_when_free().await;
    for _ in 0..20 {
        try_to_say(&ada, &session, "will be forgotten").await;
    }
    let cursor = cursor(&ada, &session).await;
    let mut watch = ada.watch(&session, Some(&cursor)).await;
    watch.caught_up().await;
    postgres.stop().await;
    fs::remove_dir_all(home.data_dir()).unwrap();
    fs::rename(&backup, home.data_dir()).unwrap();
    let postgres = home.start_when_free().await;
    watch.expect_end("CURSOR_UNKNOWN", false).await;
    for _ in 0..30 {
        try_to_say(&ada, &session, "another history").await;
    }
    expect_unknown(&ada, &session, &cursor).await;
    drop(app);
    postgres.stop().await;
}

#[tokio::test]
async fn a_role_that_may_not_ask_who_the_cluster_is_still_tells_a_dump_from_the_original() {
    let home = Home::new();
    let postgres = home.start().await;
    let setup = [
        "create role plain login",
        "create database theirs owner plain",
        "create database copy owner plain",
    ];
    let admin = TestDatabase::at(postgres.url());
    for statement in setup {
        admin.execute(statement).await;
    }
    let url = |database: &str| {
        let (_, rest) = postgres.url().split_once('?').unwrap();
        format!("postgresql://plain@/{database}?{rest}")
    };
    let functions = "revoke execute on function pg_control_system() from public";
    for database in ["theirs", "copy"] {
        let as_admin = postgres.url().replace("/parlor?", &format!("/{database}?"));
        TestDatabase::at(&as_admin).execute(functions).await;
    }
    parlor::db::migrate(&url("theirs")).await.unwrap();
    let original = TestDatabase::at(&url("theirs"));
    let app = TestApp::without_chatbots(original.clone()).await;
    let (ada, session, cursor) = one_message(&app).await;
    let dump = dump(&original).await;
    let copy = TestDatabase::at(&url("copy"));
    restore(&copy, &dump, &[]).await;
    let other = TestApp::without_chatbots(copy).await;
    expect_unknown(&ada.at(&other), &session, &cursor).await;
    drop((app, other));
    postgres.stop().await;
}

/// Somebody with a session in which one thing was said, and its cursor.
async fn one_message(app: &TestApp) -> (Person, String, String) {
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    ada.say(Some(&session), "first").await;
    let cursor = cursor(&ada, &session).await;
    (ada, session, cursor)
}

/// Says something, again while the server is on its way to a database that has just come back.
async fn try_to_say(person: &Person, session: &str, content: &str) {
    let input = serde_json::json!({"sessionId": session, "content": content});
    for _ in 0..20 {
        if person.send(input.clone()).await.0.get("errors").is_none() {
            return;
        }
    }
    panic!("it can't be said");
}

async fn cursor(person: &Person, session: &str) -> String {
    let query = "query ($id: ID!) { session(id: $id) { cursor } }";
    let answer = person
        .ask(query, serde_json::json!({ "id": session }))
        .await;
    answer.data()["session"]["cursor"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_epoch_that_several_find_wanting_ends_once() {
    let database = TestDatabase::migrated().await;
    let (mut here, mut there) = (
        EpochKeeper::new(database.url()),
        EpochKeeper::new(database.url()),
    );
    let first = here.look().await.unwrap();
    assert_eq!(there.look().await.unwrap(), first);
    let second = here.renew(first).await.unwrap();
    assert_ne!(second, first);
    for keeper in [&mut here, &mut there] {
        assert_eq!(keeper.renew(first).await.unwrap(), second);
        assert_eq!(keeper.look().await.unwrap(), second);
    }
    assert_ne!(there.renew(second).await.unwrap(), second);
}

async fn expect_unknown(person: &Person, session: &str, cursor: &str) {
    let mut watch = person.watch(session, Some(cursor)).await;
    watch.expect_end("CURSOR_UNKNOWN", false).await;
}

/// What `pg_dump` makes of a database.
async fn dump(database: &TestDatabase) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(program(database, "pg_dump").await);
    command
        .args(["--format=custom", "--no-owner", "--file"])
        .arg(file.path())
        .arg(database.url());
    run(&mut command);
    file
}

async fn restore(database: &TestDatabase, dump: &tempfile::NamedTempFile, how: &[&str]) {
    let mut command = Command::new(program(database, "pg_restore").await);
    command
        .args(["--no-owner", "--no-acl", "--exit-on-error"])
        .args(how)
        .args(["--dbname", database.url()])
        .arg(dump.path());
    run(&mut command);
}

/// One of PostgreSQL's programs: from beside the server that runs, if it tells where that is.
async fn program(database: &TestDatabase, name: &str) -> PathBuf {
    let place = "select setting as answer from pg_config where name = 'BINDIR'";
    let folders = try_ask(database.url(), place).await.unwrap_or_default();
    let beside = folders.iter().map(|folder| Path::new(folder).join(name));
    beside
        .into_iter()
        .find(|program| program.is_file())
        .unwrap_or_else(|| name.into())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Copies a folder with owners and modes.
fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to));
}
