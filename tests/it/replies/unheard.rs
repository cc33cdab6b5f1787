//! What was stored although its runner or sender was not told so, because PostgreSQL died in between: it is
//! tried again, and then those who watch are told.
//!
//! Two servers on one database that hear nothing of each other stand for the two moments.

use parlor::domain::RunnerId;
use parlor::services::replies::{self, Lost};
use serde_json::json;

use super::support::{chat, claim};
use crate::helpers::{TestApp, TestDatabase};

#[tokio::test]
async fn the_end_of_a_reply_is_told_when_it_is_tried_again() {
    let (app, unheard) = strangers().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), "hello").await;
    let claim = claim(&app, RunnerId::new()).await;

    let text = "Hello!".to_owned();
    let first = replies::complete(unheard.app(), &claim, text.clone()).await;
    assert_eq!(first.unwrap(), Ok(()));
    let again = replies::complete(app.app(), &claim, text).await;
    assert_eq!(again.unwrap(), Err(Lost));
    let told = feed.until("MessageChanged").await;
    assert_eq!(told["message"]["content"], "Hello!");
}

#[tokio::test]
async fn a_message_is_told_when_it_is_sent_again() {
    let (app, unheard) = strangers().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;

    let input = json!({"sessionId": session, "content": "hello", "clientKey": "1"});
    ada.at(&unheard).send(input.clone()).await.data();
    ada.send(input.clone()).await.data();
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        "hello"
    );
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["status"],
        "PENDING"
    );

    // Who has been told is not told twice.
    ada.send(input).await.data();
    ada.say(Some(&session), "and then").await;
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        "and then"
    );
}

async fn strangers() -> (TestApp, TestApp) {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    (app, TestApp::without_chatbots(database).await)
}
