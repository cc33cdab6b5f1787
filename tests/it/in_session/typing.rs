//! Who is typing.

use serde_json::{Value, json};

use super::{Pair, type_in};
use crate::helpers::nats::Nats;
use crate::helpers::{PASSWORD, TestApp, TestDatabase, Watch};

/// Expects to be told this of somebody's typing next.
async fn expect_typing(watch: &mut Watch, username: &str, typing: bool) {
    let told = watch.expect("TypingChanged").await;
    assert_eq!(told, typing_changed(username, typing));
}

fn typing_changed(username: &str, typing: bool) -> Value {
    json!({"__typename": "TypingChanged", "user": {"username": username}, "typing": typing})
}

#[tokio::test]
async fn the_others_are_told_once_and_nothing_is_stored() {
    let pair = Pair::start().await;
    let mut adas = pair.ada.watch(&pair.session, None).await;
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    let mut finished = pair.bob.watch_finished(&pair.session, None).await;
    adas.caught_up().await;
    bobs.caught_up().await;
    pair.app.followed_by(&pair.session, Some(3)).await;
    let before = pair.app.database().contents().await;
    for typing in [true, false, true] {
        // Said again, it is no news.
        for _ in 0..3 {
            let told = type_in(&pair.ada, &pair.session, typing).await.data();
            assert_eq!(told["setTyping"], true);
        }
        expect_typing(&mut bobs, "ada", typing).await;
    }
    assert_eq!(pair.app.database().contents().await, before);
    // Who has sent it does not type it any more.
    pair.say(&pair.ada, "hello").await;
    bobs.expect("MessageAdded").await;
    expect_typing(&mut bobs, "ada", false).await;
    // Nobody is told of their own typing, and those who follow messages only hear of messages.
    adas.expect("MessageAdded").await;
    assert_eq!(finished.next().await["content"], "hello");
}

#[tokio::test]
async fn it_ends_by_itself() {
    let pair = Pair::start().await;
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    bobs.caught_up().await;
    type_in(&pair.ada, &pair.session, true).await.data();
    expect_typing(&mut bobs, "ada", true).await;
    let told = std::time::Instant::now();
    expect_typing(&mut bobs, "ada", false).await;
    assert!(told.elapsed().as_secs() >= 4, "{:?}", told.elapsed());
}

#[tokio::test]
async fn who_comes_later_sees_who_types_and_who_leaves_types_no_more() {
    let pair = Pair::start().await;
    let mut adas = pair.ada.watch(&pair.session, None).await;
    adas.caught_up().await;
    type_in(&pair.ada, &pair.session, true).await.data();
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    bobs.caught_up().await;
    expect_typing(&mut bobs, "ada", true).await;
    drop(adas);
    expect_typing(&mut bobs, "ada", false).await;
}

#[tokio::test]
async fn somebody_whose_account_is_gone_types_no_more() {
    let pair = Pair::start().await;
    let mut adas = pair.ada.watch(&pair.session, None).await;
    let mut bobs = pair.bob.watch(&pair.session, None).await;
    adas.caught_up().await;
    bobs.caught_up().await;
    type_in(&pair.bob, &pair.session, true).await.data();
    expect_typing(&mut adas, "bob", true).await;
    let delete = "mutation ($password: String!) { deleteAccount(password: $password) }";
    pair.bob
        .ask(delete, json!({"password": PASSWORD}))
        .await
        .data();
    // That they have left is told by the log, that they type no more is not: in either order.
    let told = [adas.next().await, adas.next().await];
    let of_type = |name: &str| {
        let mut told = told.iter();
        told.find(|event| event["__typename"] == name).cloned()
    };
    of_type("SessionChanged").expect("it is told");
    let stopped = of_type("TypingChanged").expect("it is told");
    assert_eq!(stopped, typing_changed("bob", false));
    pair.say(&pair.ada, "anybody?").await;
    adas.expect("MessageAdded").await;
}

#[tokio::test]
async fn one_can_tell_once_a_second_in_each_session() {
    let settings = [
        ("PARLOR_RATE_LIMITS", "on"),
        ("PARLOR_RATE_TYPING_SESSION", "1/1h"),
    ];
    let app = TestApp::configured(TestDatabase::migrated().await, &settings).await;
    let pair = Pair::on(app).await;
    let elsewhere = pair.ada.quiet_session().await;
    type_in(&pair.ada, &pair.session, true).await.data();
    let refused = type_in(&pair.ada, &pair.session, false).await.error();
    assert_eq!(refused["code"], "RATE_LIMITED");
    assert!(refused["retryAfter"].as_u64().unwrap() > 3_000, "{refused}");
    type_in(&pair.ada, &elsewhere, true).await.data();
    type_in(&pair.bob, &pair.session, true).await.data();
    let default = parlor::config::Rates::SETTINGS;
    assert!(default.contains(&("PARLOR_RATE_TYPING_SESSION", "1/1s")));
}

#[tokio::test]
async fn outsiders_cannot_type() {
    let pair = Pair::start().await;
    let cleo = pair.app.person("cleo").await;
    let theirs = type_in(&cleo, &pair.session, true).await;
    let none = parlor::domain::NodeId::Session(parlor::domain::SessionId::new()).encode();
    assert_eq!(theirs.0, type_in(&cleo, &none, true).await.0);
    theirs.expect_error("NOT_FOUND", None);
}

#[tokio::test]
async fn those_at_another_process_are_told() {
    let nats = Nats::start();
    let database = TestDatabase::migrated().await;
    let variables = [("PARLOR_NATS_URL", nats.url())];
    let variables = variables
        .each_ref()
        .map(|(name, url)| (*name, url.as_str()));
    let here = TestApp::configured(database.clone(), &variables).await;
    let there = TestApp::configured(database, &variables).await;
    for app in [&here, &there] {
        let mut deaf = app.app().bus().deaf();
        deaf.wait_for(|deaf| !deaf).await.unwrap();
    }
    let pair = Pair::on(here).await;
    let mut adas = pair.ada.watch(&pair.session, None).await;
    let mut bobs = pair.bob.at(&there).watch(&pair.session, None).await;
    adas.caught_up().await;
    bobs.caught_up().await;
    type_in(&pair.ada, &pair.session, true).await.data();
    expect_typing(&mut bobs, "ada", true).await;
    pair.say(&pair.ada, "hello").await;
    let added: Value = bobs.expect("MessageAdded").await;
    assert_eq!(added["message"]["content"], "hello");
    expect_typing(&mut bobs, "ada", false).await;
    type_in(&pair.ada, &pair.session, true).await.data();
    expect_typing(&mut bobs, "ada", true).await;
    // She leaves here; it is told there.
    drop(adas);
    expect_typing(&mut bobs, "ada", false).await;
}
