//! How a feed ends, and how one goes on from there.

use std::time::Duration;

use parlor::domain::{NodeId, SessionId};
use serde_json::{Value, json};

use super::id;
use crate::helpers::{TestApp, TestDatabase};
use crate::raw_socket::RawSocket;

fn contents(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_unknown_cursor_ends_the_feed() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let other = ada.quiet_session().await;
    let foreign = ada.say(Some(&other), "elsewhere").await["message"]["cursor"].take();
    let ahead = app
        .app()
        .seal_cursor(app.app().epoch(), id(&session), parlor::domain::Rev(1));
    let own = ada.say(Some(&session), "first").await["message"]["cursor"].take();
    let own = own.as_str().unwrap();
    assert_eq!(own, ahead);
    let ahead = app
        .app()
        .seal_cursor(app.app().epoch(), id(&session), parlor::domain::Rev(2));
    let forged = format!(
        "{}{}",
        &own[..own.len() - 1],
        if own.ends_with('A') { 'E' } else { 'A' }
    );

    for cursor in [
        foreign.as_str().unwrap(),
        &ahead,
        &forged,
        "",
        "nonsense",
        "\u{0}",
    ] {
        ada.watch(&session, Some(cursor))
            .await
            .expect_end("CURSOR_UNKNOWN", false)
            .await;
        let error = ada
            .watch_finished(&session, Some(cursor))
            .await
            .error()
            .await;
        assert_eq!(error["code"], "BAD_USER_INPUT", "{cursor:?}");
        assert_eq!(error["field"], "after");
    }
}

#[tokio::test]
async fn a_restored_backup_makes_older_cursors_unknown() {
    let database = TestDatabase::migrated().await;
    let before = TestApp::without_chatbots(database.clone()).await;
    let ada = before.person("ada").await;
    let session = ada.quiet_session().await;
    let cursor = ada.say(Some(&session), "first").await["message"]["cursor"].take();
    database.execute("update epoch set value = value + 1").await;
    let after = TestApp::without_chatbots(database).await;
    let mut watch = ada.at(&after).watch(&session, cursor.as_str()).await;
    watch.expect_end("CURSOR_UNKNOWN", false).await;
}

#[tokio::test]
async fn signing_out_ends_the_feeds_of_that_device_only() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let login =
        "mutation { login(input: {username: \"ada\", password: \"correct horse battery staple\"})
        { accessToken refreshToken } }";
    let phone = ada.signed_in(&app.nobody().ask(login, json!({})).await.data()["login"]);
    let mut on_phone = phone.watch(&session, None).await;
    let mut on_laptop = ada.watch(&session, None).await;
    on_phone.caught_up().await;
    on_laptop.caught_up().await;

    phone.ask("mutation { logout }", json!({})).await.data();
    on_phone.expect_end("SIGNED_OUT", false).await;
    let closing = on_phone.closing().await;
    assert_eq!(closing, (4403, "The login has ended".to_owned()));
    ada.say(Some(&session), "still here").await;
    on_laptop.expect("MessageAdded").await;

    ada.ask("mutation { logout(everywhere: true) }", json!({}))
        .await
        .data();
    on_laptop.expect_end("SIGNED_OUT", false).await;
}

#[tokio::test]
async fn an_expired_token_ends_the_feed_and_a_new_one_continues() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let short = ada.with_token(&ada.token_valid_for(Duration::from_secs(2)));
    let mut watch = short.watch(&session, None).await;
    let cursor = watch.caught_up().await;
    watch.expect_end("TOKEN_EXPIRED", true).await;

    ada.say(Some(&session), "meanwhile").await;
    let mut again = ada.watch(&session, Some(&cursor)).await;
    assert_eq!(
        again.expect("MessageAdded").await["message"]["content"],
        "meanwhile"
    );
}

#[tokio::test]
async fn a_stopping_server_sends_its_clients_to_another() {
    let database = TestDatabase::migrated().await;
    let (one, other) = (
        TestApp::without_chatbots(database.clone()).await,
        TestApp::without_chatbots(database).await,
    );
    let ada = one.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    let cursor = watch.caught_up().await;
    let mut finished = ada.watch_finished(&session, Some(&cursor)).await;
    ada.say(Some(&session), "one").await;
    let cursor = watch.expect("MessageAdded").await["cursor"].take();
    finished.next().await;

    one.app().stopping().cancel();
    watch.expect_end("SERVER_STOPPING", true).await;
    assert_eq!(finished.error().await["code"], "UNAVAILABLE");

    let ada = ada.at(&other);
    ada.say(Some(&session), "two").await;
    let mut again = ada.watch(&session, cursor.as_str()).await;
    assert_eq!(
        again.expect("MessageAdded").await["message"]["content"],
        "two"
    );
    assert_eq!(contents(&ada.history(&session).await), ["one", "two"]);
}

#[tokio::test]
async fn nobody_watches_what_they_may_not_see() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let error = bob.watch(&session, None).await.error().await;
    assert_eq!(error["code"], "NOT_FOUND");
    let gone = NodeId::Session(SessionId::new()).encode();
    assert_eq!(bob.watch(&gone, None).await.error().await, error);
}

#[tokio::test]
async fn an_event_that_cannot_be_told_ends_the_subscription_and_is_told_to_who_comes_back() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let sent = ada.say(Some(&session), "first").await;
    let query = "subscription ($session: ID!, $after: String) {
        messageAdded(sessionId: $session, after: $after) { cursor seq author { ... on User { username } } }
    }";
    let variables = json!({"session": session, "after": sent["session"]["cursor"]});

    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    socket.subscribe("watch", query, variables.clone()).await;
    app.followed_by(&session, Some(1)).await;
    // Behind the API: the author can't be read for a while.
    app.database()
        .execute("alter table users rename to people")
        .await;
    app.db_fill(&session, 1, 0).await;
    let told = socket.hear().await;
    assert_eq!(told["payload"]["data"], Value::Null, "{told}");
    assert_eq!(
        told["payload"]["errors"][0]["extensions"]["code"],
        "INTERNAL"
    );
    assert_eq!(socket.hear().await["type"], "complete");

    app.database()
        .execute("alter table people rename to users")
        .await;
    app.db_fill(&session, 1, 0).await;
    socket.subscribe("again", query, variables).await;
    for seq in [2, 3] {
        let told = socket.hear().await;
        let message = &told["payload"]["data"]["messageAdded"];
        assert_eq!(message["seq"], seq, "{told}");
        assert_eq!(message["author"]["username"], "ada");
    }
}
