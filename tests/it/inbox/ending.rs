//! How an inbox ends, and which cursors it knows.

use std::time::Duration;

use parlor::domain::Horizon;
use serde_json::json;

use super::{quiet_app, text};
use crate::helpers::TestApp;
use crate::raw_socket::SOON;

#[tokio::test]
async fn a_cursor_of_another_person_time_or_kind_is_unknown() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.quiet_session().await;
    let mut watch = ada.watch_inbox(None).await;
    let own = watch.caught_up().await;
    let bobs = bob.watch_inbox(None).await.caught_up().await;
    let query = "{ sessions { nodes { cursor } edges { cursor } } }";
    let lists = ada.ask(query, json!({})).await.data()["sessions"].take();
    let parts = app.app();
    let me = parlor::services::logins::identify(parts, ada.token())
        .await
        .unwrap();
    let me = me.person().unwrap().user;
    let another = parlor::domain::Epoch(parts.epoch().0 ^ 1);
    let unknown = [
        bobs,
        text(&lists["nodes"][0]["cursor"]),
        text(&lists["edges"][0]["cursor"]),
        parts.seal_inbox_cursor(another, me, Horizon(1)),
        // As of a database that had come further than this one.
        parts.seal_inbox_cursor(parts.epoch(), me, Horizon(1 << 40)),
        format!("{own}AAAA"),
        own.chars().rev().collect(),
        String::new(),
        "\0".to_owned(),
        "A".repeat(10_000),
    ];
    for cursor in unknown {
        let mut watch = ada.watch_inbox(Some(&cursor)).await;
        let event = watch.next().await;
        assert_eq!(event["reason"], "CURSOR_UNKNOWN", "{cursor}: {event}");
        assert_eq!(event["retry"], false);
    }
    ada.watch_inbox(Some(&own)).await.caught_up().await;
    // And an inbox's cursor is none of a session's.
    let session = ada.quiet_session().await;
    ada.watch(&session, Some(&own))
        .await
        .expect_end("CURSOR_UNKNOWN", false)
        .await;
}

#[tokio::test]
async fn an_inbox_ends_with_the_login_the_token_and_the_server() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let hurried = ada.with_token(&ada.token_valid_for(Duration::from_secs(2)));
    let mut expires = hurried.watch_inbox(None).await;
    expires.caught_up().await;
    expires.expect_end("TOKEN_EXPIRED", true).await;

    let mut signed_out = ada.watch_inbox(None).await;
    signed_out.caught_up().await;
    ada.log_out(false).await;
    signed_out.expect_end("SIGNED_OUT", false).await;

    let bob = app.person("bob").await;
    let mut stopped = bob.watch_inbox(None).await;
    stopped.caught_up().await;
    app.app().stopping().cancel();
    stopped.expect_end("SERVER_STOPPING", true).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_inbox_that_was_closed() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    ada.quiet_session().await;
    let watches = [ada.watch_inbox(None).await, ada.watch_inbox(None).await];
    for mut watch in watches {
        watch.caught_up().await;
        assert!(app.app().inboxes().followers() > 0);
    }
    let gone = async {
        while app.app().inboxes().followers() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_no_departure() {
    let app: TestApp = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let shared = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    ada.quiet_session().await;
    let (mut view, mut watch) = bob.inbox().await;
    ada.delete_account(crate::helpers::PASSWORD).await.data();
    // Bob runs it now.
    view.take(&watch.expect("SessionUpdated").await);
    bob.erase(&shared).await.data();
    view.take(&watch.expect("SessionRemoved").await);
    assert!(view.sessions.is_empty());
    let left = "select u.username from departures d join users u on u.id = d.user_id";
    assert_eq!(app.database().rows(left).await, ["bob"]);
    // Also one that an operator's statement deletes, with all that hangs on it.
    let carol = app.person("carol").await;
    let room = bob.open("Room").await;
    carol.join(&room).await.data();
    let delete = "delete from users where username = 'carol'";
    app.database().execute(delete).await;
    assert_eq!(app.database().rows(left).await, ["bob"]);
}
