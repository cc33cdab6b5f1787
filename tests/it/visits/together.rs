//! A guest and their host in one session: what each hears, and the host who takes over.

use parlor::services::logins;
use serde_json::{Value, json};

use super::{Guest, on};
use crate::helpers::{TestApp, TestDatabase, session_id};
use crate::replies::pausing::{AFTER_THE_PAUSE, hesitate, pause, say, write};

const ROUNDS: usize = 100;

#[tokio::test]
async fn a_guest_hears_all_that_happens_and_the_host_who_takes_over() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let guest = Guest::of(&app, "ada").await;
    let start = guest.payload["session"]["cursor"].as_str();
    let mut hears = guest.person.watch(&guest.session, start).await;
    let mut sees = ada.watch(&guest.session, start).await;
    hears.caught_up().await;
    sees.caught_up().await;

    guest.person.say(Some(&guest.session), "hello").await;
    for feed in [&mut hears, &mut sees] {
        assert_eq!(
            feed.expect("MessageAdded").await["message"]["content"],
            "hello"
        );
        let ended = feed.until("MessageChanged").await;
        assert_eq!(ended["message"]["status"], "COMPLETE");
    }
    let take_over = "updateSession(id: $id, input: {chatbotsPaused: true}) { id }";
    on(&ada, &guest.session, take_over).await;
    ada.say(Some(&guest.session), "I am here myself").await;
    let told = hears.expect("SessionChanged").await;
    assert_eq!(told["session"]["chatbotsPaused"], true);
    let said = hears.expect("MessageAdded").await;
    assert_eq!(said["message"]["content"], "I am here myself");
    let alone = guest.person.say(Some(&guest.session), "oh, hello").await;
    assert_eq!(alone["reply"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_close_the_race_no_chatbots_message_lands_behind_the_host() {
    let test = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = test.person("ada").await;
    let guest = Guest::of(&test, "ada").await;
    let session = session_id(&guest.session);
    let app = test.app();
    let host = logins::identify(app, ada.token()).await.unwrap();
    let guest = logins::identify(app, guest.person.token()).await.unwrap();
    for round in 0..ROUNDS {
        say(app, &guest, session).await;
        let speak = async {
            hesitate(round % 5).await;
            say(app, &guest, session).await;
        };
        let take_over = async {
            hesitate(round % 11).await;
            pause(app, &host, session, true).await
        };
        let ((), (), paused) = tokio::join!(write(app, round % 7), speak, take_over);
        assert!(paused.chatbots_paused);
        let landed = test.database().value(AFTER_THE_PAUSE).await;
        assert_eq!(landed, 0, "round {round}");
        pause(app, &host, session, false).await;
    }
    let answered = "select count(distinct status) from messages";
    assert_eq!(test.database().value(answered).await, 2);
}

#[tokio::test]
async fn a_colleague_who_was_added_is_not_answered_either() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let guest = Guest::of(&app, "ada").await;
    let add = "addMember(sessionId: $id, username: \"bob\") { id }";
    on(&ada, &guest.session, add).await;
    let said = bob.say(Some(&guest.session), "hello @parlor").await;
    assert_eq!(said["reply"], Value::Null);
    let said = guest.person.say(Some(&guest.session), "hello").await;
    assert_eq!(said["reply"]["status"], "PENDING");
    // The session is handed to somebody with an account, however long the guest has been in it.
    on(&ada, &guest.session, "leaveSession(id: $id)").await;
    let owner = "query ($id: ID!) { session(id: $id) { owner { username } } }";
    let owner = bob.ask(owner, json!({ "id": guest.session })).await.data();
    assert_eq!(owner["session"]["owner"]["username"], "bob");
}
