//! What was announced and not heard is found all the same.

use std::time::Instant;

use parlor::bus::Notice;
use parlor::domain::{SessionId, UserId};
use serde_json::json;

use super::{db_invite, quiet_app, text};
use crate::helpers::{TwoServers, serve_patiently, session_id};

#[tokio::test]
async fn where_the_bus_is_cut_all_is_told_within_seconds() {
    let two = TwoServers::start().await;
    let (ada, bob) = (two.one.person("ada").await, two.one.person("bob").await);
    let with_bob = json!({"usernames": ["bob"], "chatbots": []});
    let tea = ada.start(with_bob.clone()).await;
    let gone = ada.start(with_bob.clone()).await;
    let (mut view, mut watch) = bob.at(&two.other).inbox().await;

    two.proxy.cut();
    let mut deaf = two.other.app().bus().deaf();
    deaf.wait_for(|deaf| *deaf).await.unwrap();
    let began = Instant::now();
    ada.say(Some(&tea), "hello").await;
    bob.read(&tea, 1).await.data();
    ada.remove(&gone, "bob").await.data();
    ada.start(with_bob.clone()).await;
    let sessions = bob.listed().await;
    view.becomes(&mut watch, &sessions).await;
    println!("deaf: told after {:?}", began.elapsed());

    // What is lost while it is cut is looked for as soon as it is whole again.
    ada.say(Some(&tea), "again").await;
    two.proxy.open();
    deaf.wait_for(|deaf| !deaf).await.unwrap();
    ada.start(with_bob).await;
    let sessions = bob.listed().await;
    view.becomes(&mut watch, &sessions).await;
}

#[tokio::test]
async fn a_change_that_nobody_announces_is_told_within_a_look() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let tea = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    let (mut view, mut watch) = bob.inbox().await;
    let (id, before) = (session_id(&tea), view.cursor.clone());
    // As by a process that died between its commit and its announcement.
    let silently = format!(
        "update sessions set title = 'silent', rev = rev + 1, details_rev = rev + 1 where id = '{id}'"
    );
    app.database().execute(&silently).await;
    app.app().inboxes().look();
    view.take(&watch.expect("SessionUpdated").await);
    assert_eq!(view.sessions[&tea]["title"], "silent");
    // What was told by a look is behind the cursor of what is told next.
    ada.say(Some(&tea), "hello").await;
    view.take(&watch.expect("SessionUpdated").await);
    assert_ne!(view.cursor, before);
    drop(ada);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_while_a_thousand_sessions_change_is_told_how_they_are() {
    let app = quiet_app().await;
    app.person("ada").await;
    let bob = app.person("bob").await;
    let url = serve_patiently(&app).await;
    let (mut view, mut watch) = bob.at_url(&url).inbox().await;
    let bobs = app
        .database()
        .value("select id from users where username = 'bob'");
    let bobs = UserId(text(&bobs.await).parse().unwrap());
    db_invite(&app, "ada", "bob", 1_300).await;
    let ids = app.database().rows("select id from sessions").await;
    let ids: Vec<SessionId> = ids
        .iter()
        .map(|id| SessionId(text(id).parse().unwrap()))
        .collect();
    let bus = app.app().bus();
    for title in 0..5 {
        let change = format!(
            "update sessions set title = 'title {title}', rev = rev + 1, details_rev = rev + 1"
        );
        app.database().execute(&change).await;
        for session in &ids {
            let (session, users) = (*session, vec![bobs]);
            bus.publish(Notice::SeatsChanged { session, users });
            bus.publish(Notice::Look { session });
        }
    }
    let sessions = bob.listed().await;
    assert_eq!(sessions.len(), ids.len());
    view.becomes(&mut watch, &sessions).await;
}
