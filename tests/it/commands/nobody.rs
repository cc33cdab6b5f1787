//! Commands where nobody answers: told once, in words, within a bounded time.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::{failure, send};
use crate::helpers::{TestApp, TestDatabase};
use crate::replies::support::chat;

#[tokio::test]
async fn a_command_that_nobody_answers_fails_once() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    let begun = Instant::now();
    let input = json!({"sessionId": session, "content": "/help", "waitMs": 1});
    let sent = send(&ada, input).await.data();
    assert_eq!(sent["sendMessage"]["commandReply"]["status"], "PENDING");

    let words = failure(&ada, &session, "/help").await;
    assert_eq!(words, "Nobody answered this command. Try again in a while.");
    // Eight seconds, and time for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(30));
    for _ in 0..2 {
        let told = watch.expect("CommandReplied").await;
        assert_eq!(told["reply"]["failure"], words.as_str());
    }
    // Somebody who comes too late is not asked any more.
    parlor::bots::start(app.app());
    ada.say(Some(&session), "hello").await;
    watch.expect("MessageAdded").await;
}
