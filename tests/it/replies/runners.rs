//! Runners: several at a time, dying, stopping, giving up.

use parlor::bots;
use parlor::domain::RunnerId;
use parlor::services::replies;

use super::support::{
    LONG, Shown, chat, claim, db_attempt, db_let_leases_end, db_row, db_until, ended, ends, newest,
};
use crate::helpers::{TestApp, TestDatabase};
use crate::private_postgres::support::ask;

#[tokio::test]
async fn what_another_process_stored_is_found_without_being_heard_of() {
    let database = TestDatabase::migrated().await;
    let _writer = TestApp::start_on(database.clone()).await;
    let app = TestApp::without_chatbots(database).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    assert_eq!(ended(&ada, &session).await["status"], "COMPLETE");
}

#[tokio::test]
async fn two_runners_write_fifty_replies_once_each() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let one = TestApp::without_chatbots(database.clone()).await;
    let other = TestApp::without_chatbots(database.clone()).await;
    let ada = one.person("ada").await;
    // A chatbot writes one reply at a time in a session: so there are fifty.
    let mut session = String::new();
    for _ in 0..50 {
        session = chat(&ada).await;
        ada.say(Some(&session), "thanks").await;
    }
    bots::start(one.app());
    bots::start(other.app());
    // The newest is claimed last, but others may be longer in the writing.
    ended(&ada, &session).await;
    let under_way = "select count(*) from messages where finished_rev is null";
    db_until(url, under_way, "0").await;

    let complete = "select count(*) from messages where status = 'COMPLETE'";
    assert_eq!(ask(url, complete).await, "100");
    assert_eq!(ask(url, "select max(attempt) from messages").await, "1");
    // Fifty messages, fifty replies owed, fifty ends: nothing else has changed.
    assert_eq!(ask(url, "select sum(rev) from sessions").await, "150");
}

#[tokio::test]
async fn a_reply_whose_runner_died_before_it_showed_anything_is_written_by_another() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    claim(&app, RunnerId::new()).await;
    db_let_leases_end(app.database().url()).await;
    bots::start(app.app());
    assert_eq!(ended(&ada, &session).await["status"], "COMPLETE");
}

#[tokio::test]
async fn a_reply_whose_runner_died_after_it_showed_text_has_failed_with_its_text_kept() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    let dead = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &dead, "Hello, A")
        .await
        .unwrap();
    assert_eq!(kept, Ok(()));
    db_let_leases_end(app.database().url()).await;
    bots::start(app.app());
    let reply = ended(&ada, &session).await;
    assert_eq!(reply["status"], "FAILED");
    assert_eq!(reply["failure"], "The reply was interrupted.");
    assert_eq!(reply["content"], "Hello, A");
}

#[tokio::test]
async fn a_reply_that_breaks_its_runner_is_given_up_after_three_attempts() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let url = app.database().url();
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    ada.say(Some(&session), "hello").await;
    // Runners that die without a word.
    for _ in 1..=3 {
        claim(&app, RunnerId::new()).await;
        assert_eq!(newest(&ada, &session).await["status"], "PENDING");
        db_let_leases_end(url).await;
    }
    bots::start(app.app());
    let given_up = feed.until("MessageChanged").await;
    assert_eq!(given_up["message"]["status"], "FAILED");
    assert_eq!(
        given_up["message"]["failure"],
        "The reply could not be written."
    );
    assert_eq!(db_row(url).await["attempt"], 4);
}

#[tokio::test]
async fn a_reply_that_no_attempt_could_write_ends_with_the_first() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    ada.say(Some(&session), "hello").await;
    let nothing_to_answer = "update messages set in_reply_to = null";
    app.database().execute(nothing_to_answer).await;
    bots::start(app.app());
    let ended = feed.until("MessageChanged").await;
    assert_eq!(ended["message"]["status"], "FAILED");
    assert_eq!(
        ended["message"]["failure"],
        "The reply could not be written."
    );
    assert_eq!(db_row(app.database().url()).await["attempt"], 1);
}

#[tokio::test]
async fn a_runner_asked_to_stop_ends_within_its_last_words_what_it_has_begun_to_show() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::start_on(database.clone()).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    let cursor = ada.say(Some(&session), LONG).await["reply"]["cursor"].take();
    let first = feed.until("ReplyDelta").await;
    stop(&app).await;
    feed.expect_end("SERVER_STOPPING", true).await;

    let next = TestApp::without_chatbots(database).await;
    let ada = ada.at(&next);
    let mut feed = ada.watch(&session, cursor.as_str()).await;
    let whole = feed.expect("MessageChanged").await;
    assert_eq!(whole["message"]["status"], "COMPLETE");
    let begun = first["text"].as_str().unwrap();
    assert!(
        whole["message"]["content"]
            .as_str()
            .unwrap()
            .starts_with(begun)
    );
}

#[tokio::test]
async fn a_runner_asked_to_stop_gives_back_what_it_has_shown_nothing_of() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::start_on(database.clone()).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    // Nothing is shown before it is kept, and here nothing can be kept.
    let refuse = "
        create function refuse() returns trigger language plpgsql as
            $$ begin perform pg_sleep(1); raise 'not now'; end $$;
        create trigger refuse before update of status on messages
            for each row when (new.status = 'STREAMING') execute function refuse()";
    database.execute(refuse).await;
    ada.say(Some(&session), LONG).await;
    db_attempt(database.url(), 1).await;
    stop(&app).await;
    let row = db_row(database.url()).await;
    assert_eq!(row["status"], "PENDING");
    assert!(row["lease_until"].is_null());

    database.execute("drop function refuse cascade").await;
    let next = TestApp::without_chatbots(database).await;
    let ada = ada.at(&next);
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    bots::start(next.app());
    let whole = ends(&mut feed, &mut Shown::default()).await;
    assert_eq!(whole["message"]["status"], "COMPLETE");
}

/// Asks a server to end, and waits until its runner and its replies have.
async fn stop(app: &TestApp) {
    app.app().stopping().cancel();
    app.app().tasks().close();
    app.app().tasks().wait().await;
}
