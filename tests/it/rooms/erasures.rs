//! An account that goes step by step: it holds up nobody, what is still to be erased is nobody's any more, and
//! whatever stops it half-way, somebody goes on.

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::helpers::{PASSWORD, TestApp, TestDatabase, session_id};

/// How many of Bob's accounts, which may be shut by now, are there.
const BOBS: &str = "select count(*) from users where username = 'bob' or erasing_at is not null";

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

#[tokio::test]
async fn a_departure_that_has_to_wait_in_one_session_holds_up_no_other() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let (tea, milk) = (ada.open("Tea").await, ada.open("Milk").await);
    for (name, held, free) in [("bob", &tea, &milk), ("carol", &milk, &tea)] {
        let bob = app.person(name).await;
        for room in [&tea, &milk] {
            bob.join(room).await.data();
            bob.say(Some(room), "hello").await;
        }
        let mut other = app.database().connect().await;
        let hold = format!(
            "begin; select from sessions where id = '{}' for update",
            session_id(held)
        );
        other.batch_execute(&hold).await.unwrap();
        let deleted = tokio::spawn(async move { bob.delete_account(PASSWORD).await });
        app.database().until_waiting(1).await;
        ada.say(Some(free), "still here").await;
        other.batch_execute("commit").await.unwrap();
        deleted.await.unwrap().data();
    }
    for room in [&tea, &milk] {
        assert_eq!(ada.people(room).await, ["ada*"]);
    }
}

#[tokio::test]
async fn what_a_departure_left_undone_is_nobodys_and_another_server_erases_it() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.open("Tea").await;
    ada.join(&room).await.data();
    bob.say(Some(&room), "hello").await;
    let mut held = app.database().connect().await;
    let hold = format!(
        "begin; select from sessions where id = '{}' for update",
        session_id(&room)
    );
    held.batch_execute(&hold).await.unwrap();
    let asking = bob.clone();
    let deleted = tokio::spawn(async move { asking.delete_account(PASSWORD).await });
    app.database().until_waiting(1).await;
    // As if the server had died.
    app.database()
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .await;
    deleted.await.unwrap().expect_error("UNAVAILABLE", None);
    held.batch_execute("commit").await.unwrap();

    assert_eq!(app.database().value(BOBS).await, 1);
    bob.me().await.expect_error("UNAUTHENTICATED", None);
    let refused = app.nobody().log_in("bob", PASSWORD).await;
    refused.expect_error("UNAUTHENTICATED", None);
    assert_eq!(ada.people(&room).await, ["deleted-account*", "ada"]);
    let stored = app.database().contents().await.join("\n");
    assert!(!stored.contains(",bob"), "{stored}");
    // The name and the address are free already.
    let other = app.person("bob").await;

    // Whoever began may still be at it: for a minute it is left to them.
    parlor::services::erasures::finish_left(app.app())
        .await
        .unwrap();
    assert_eq!(ada.people(&room).await, ["deleted-account*", "ada"]);
    app.database()
        .execute("update users set erasing_at = erasing_at - interval '61 seconds'")
        .await;
    let mut feed = ada.watch(&room, None).await;
    feed.caught_up().await;
    let _restarted = TestApp::without_chatbots(app.database().clone()).await;
    let erasing = "select count(*) from users where erasing_at is not null";
    while app.database().value(erasing).await != 0 {
        yield_now().await;
    }
    assert_eq!(ada.people(&room).await, ["ada*"]);
    let by_bob = "select count(*) from messages join users on users.id = user_id \
                  where username = 'deleted-account'";
    assert_eq!(app.database().value(by_bob).await, 1);
    other.me().await.data();
}

#[tokio::test]
async fn of_two_servers_that_go_on_with_a_departure_each_erases_another() {
    let app = quiet_app().await;
    for name in ["bob", "carol"] {
        app.person(name).await;
    }
    app.database()
        .execute("update users set erasing_at = now() - interval '61 seconds' where password_hash is not null")
        .await;
    let (mut one, mut two) = (
        app.database().connect().await,
        app.database().connect().await,
    );
    one.batch_execute("begin").await.unwrap();
    let first = parlor::db::accounts::claim(&mut one).await.unwrap();
    let second = parlor::db::accounts::claim(&mut two).await.unwrap();
    assert!(first.is_some() && second.is_some() && first != second);
    one.batch_execute("commit").await.unwrap();
    assert_eq!(parlor::db::accounts::claim(&mut two).await.unwrap(), None);
}

#[tokio::test]
async fn more_words_than_one_step_takes_are_all_handed_over() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    bob.say(Some(&room), "hello").await;
    let id = session_id(&room);
    app.database()
        .execute(&format!(
            "insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
             select session_id, n, rev + n, rev + n, rev + n, user_id, 'hello', 'COMPLETE' \
             from messages, generate_series(2, 1700) n where session_id = '{id}'; \
             update sessions set last_seq = 1700, rev = rev + 1700 where id = '{id}'; \
             insert into regenerations (session_id, user_id, client_key, seq) \
             select '{id}', id, 'key' || n, 1 from users, generate_series(1, 700) n where username = 'bob'; \
             insert into refresh_tokens (token_hash, login_id, expires_at) \
             select n::text::bytea, logins.id, now() + interval '1 day' \
             from logins join users on users.id = user_id, generate_series(1, 700) n where username = 'bob'"
        ))
        .await;
    bob.delete_account_now().await;
    let gone = parlor::domain::UserId::DELETED;
    for (what, count) in [
        (format!("messages where user_id = '{gone}'"), 1_700),
        ("regenerations".to_owned(), 0),
        ("logins".to_owned(), 1),
        ("refresh_tokens".to_owned(), 1),
        ("users where disabled_at is null".to_owned(), 1),
    ] {
        let counted = format!("select count(*) from {what}");
        assert_eq!(app.database().value(&counted).await, count, "{what}");
    }
    assert_eq!(ada.people(&room).await, ["ada*"]);
}

#[tokio::test]
async fn a_chatbot_that_stays_in_anothers_session_keeps_its_name_and_nothing_its_owner_wrote() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let canary = "canary-7f3a";
    for handle in ["tea", "alone", "deleted"] {
        let words = json!({"handle": handle, "greeting": canary, "persona": canary});
        crate::chatbots::make(&bob, words).await.data();
    }
    let shared = bob
        .start(json!({"chatbots": ["tea", "deleted"], "usernames": ["ada"]}))
        .await;
    let input = json!({"sessionId": shared, "content": "hello", "waitMs": 20_000});
    bob.send(input).await.data();
    let delete = r#"mutation { deleteChatbot(handle: "deleted") }"#;
    bob.ask(delete, json!({})).await.data();

    bob.delete_account_now().await;
    let stored = app.database().contents().await.join("\n");
    assert!(!stored.contains(canary), "{stored}");
    let left = "select handle from chatbots where deleted_at is not null order by 1";
    assert_eq!(app.database().rows(left).await, ["deleted", "tea"]);
    let authors = "query ($id: ID!) { history(sessionId: $id, last: 1) { nodes {
        author { ... on Chatbot { handle name greeting } }
    } } }";
    let told = ada.ask(authors, json!({ "id": shared })).await.data();
    let author = json!({"handle": "tea", "name": "tea", "greeting": ""});
    assert_eq!(told["history"]["nodes"], json!([{ "author": author }]));
    // It says nothing more.
    let sent = ada.say(Some(&shared), "hello?").await;
    assert_eq!(sent["reply"], Value::Null);
    let free = json!({"handle": "tea"});
    crate::chatbots::make(&ada, free).await.data();
}
