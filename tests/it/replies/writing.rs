//! One reply, as those who watch see it.

use super::support::{LONG, Shown, chat, ended, ends, newest};
use crate::helpers::TestApp;

#[tokio::test]
async fn a_reply_is_owed_at_once_then_shown_piece_by_piece_then_whole() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), LONG).await;
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        LONG
    );
    let owed = feed.expect("MessageAdded").await;
    assert_eq!(owed["message"]["status"], "PENDING");
    assert_eq!(owed["message"]["content"], "");

    let mut shown = Shown::default();
    let first = feed.expect("ReplyDelta").await;
    assert_eq!(first["messageId"], owed["message"]["id"]);
    shown.add(&first);
    let so_far = newest(&ada, &session).await;
    assert_eq!(so_far["status"], "STREAMING");
    let kept = so_far["content"].as_str().unwrap().to_owned();
    assert!(!kept.is_empty());

    let whole = ends(&mut feed, &mut shown).await;
    assert_eq!(whole["message"]["status"], "COMPLETE");
    assert_eq!(whole["message"]["content"], shown.0);
    assert!(shown.0.starts_with(&kept));
}

#[tokio::test]
async fn who_comes_in_the_middle_gets_the_text_so_far_and_then_the_rest() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut first = ada.watch(&session, None).await;
    first.caught_up().await;
    let cursor = ada.say(Some(&session), LONG).await["reply"]["cursor"].take();
    for _ in 0..5 {
        first.until("ReplyDelta").await;
    }
    let mut late = ada.watch(&session, cursor.as_str()).await;
    let mut shown = Shown::default();
    shown.add(&late.expect("ReplyDelta").await);
    late.caught_up().await;
    let whole = ends(&mut late, &mut shown).await;
    assert_eq!(whole["message"]["content"], shown.0);
}

#[tokio::test]
async fn a_closed_socket_cancels_nothing() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    ada.say(Some(&session), LONG).await;
    feed.until("ReplyDelta").await;
    drop(feed);
    assert_eq!(ended(&ada, &session).await["status"], "COMPLETE");
}
