//! Guests who do not come back, and what is left of them.

use parlor::services::visits::expiry;
use serde_json::json;

use super::{Guest, start};
use crate::helpers::nats::Nats;
use crate::helpers::{TestApp, TestDatabase};

const CANARY: &str = "canary-7f3a";

/// Has a guest be away, behind the API.
async fn be_away(app: &TestApp, guest: &Guest, time: &str) {
    let name = guest.username();
    let away = format!(
        "update guests set seen_at = now() - interval '{time}' \
         where user_id = (select id from users where username = '{name}')"
    );
    app.database().execute(&away).await;
}

/// A guest who has said something.
async fn talkative(app: &TestApp, name: &str) -> Guest {
    let guest = Guest::comes(app, json!({"owner": "ada", "displayName": name})).await;
    guest.person.say(Some(&guest.session), "hello").await;
    guest
}

#[tokio::test]
async fn a_guest_who_is_away_for_too_long_is_erased_with_what_is_theirs() {
    let (database, nats) = (TestDatabase::migrated().await, Nats::start());
    let url = nats.url();
    let bus = [("PARLOR_NATS_URL", url.as_str())];
    let app = TestApp::configured(database.clone(), &bus).await;
    let mut deaf = app.app().bus().deaf();
    deaf.wait_for(|deaf| !deaf).await.unwrap();
    let ada = app.person("ada").await;
    let gone = talkative(&app, CANARY).await;
    let recent = talkative(&app, "Zoë").await;
    be_away(&app, &gone, "30 days 1 minute").await;
    be_away(&app, &recent, "29 days 23 hours").await;
    let silent = Guest::comes(&app, json!({"owner": "ada", "displayName": CANARY})).await;
    be_away(&app, &silent, "25 hours").await;
    let quiet = Guest::of(&app, "ada").await;
    be_away(&app, &quiet, "23 hours").await;
    let mut hears = gone.person.watch(&gone.session, None).await;
    let mut sees = ada.watch(&gone.session, None).await;
    let mut lost = ada.watch(&silent.session, None).await;
    for feed in [&mut hears, &mut sees, &mut lost] {
        feed.caught_up().await;
    }
    assert!(app.database().contents().await.join("\n").contains(CANARY));

    // It looks when it starts.
    let other = TestApp::configured(database.clone(), &bus).await;
    let end = hears.until("FeedEnded").await;
    assert!(
        end["reason"] == "SIGNED_OUT" || end["reason"] == "REMOVED",
        "{end}"
    );
    let told = sees.expect("SessionChanged").await;
    assert_eq!(told["session"]["title"], "Visitor");
    lost.expect_end("SESSION_DELETED", false).await;
    let stored = app.database().contents().await.join("\n");
    for canary in [CANARY, &gone.username(), &silent.username()] {
        assert!(!stored.contains(canary), "{stored}");
    }
    let query = "query ($id: ID!) { history(sessionId: $id) {
        nodes { content author { ... on User { username } } }
    } }";
    let kept = ada.ask(query, json!({ "id": gone.session })).await.data();
    let by_nobody = json!({"content": "hello", "author": {"username": "deleted-account"}});
    assert_eq!(kept["history"]["nodes"][0], by_nobody);
    gone.person.me().await.expect_error("UNAUTHENTICATED", None);
    for guest in [&recent, &quiet] {
        assert!(!guest.back(&other, "ada").await.is_new());
    }
    for guest in [&gone, &silent] {
        assert!(guest.back(&other, "ada").await.is_new());
    }
}

#[tokio::test]
async fn the_days_are_the_operators_and_to_come_back_begins_them_anew() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    app.person("ada").await;
    let (gone, back) = (talkative(&app, CANARY).await, talkative(&app, "Zoë").await);
    for guest in [&gone, &back] {
        be_away(&app, guest, "3 days").await;
    }
    assert!(!back.back(&app, "ada").await.is_new());
    let mut hears = gone.person.watch(&gone.session, None).await;
    hears.caught_up().await;
    let _other = TestApp::configured(database, &[("PARLOR_GUEST_DAYS", "2")]).await;
    hears.until("FeedEnded").await;
    assert!(gone.back(&app, "ada").await.is_new());
    assert!(!back.back(&app, "ada").await.is_new());
}

#[tokio::test]
async fn several_processes_erase_many_and_each_is_erased_once() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::without_chatbots(database.clone()).await;
    let ada = app.person("ada").await;
    let guest = talkative(&app, CANARY).await;
    // More than are read at a time, all like the first.
    app.database()
        .execute(
            "create temporary table many as select gen_random_uuid() as id, gen_random_uuid() as visit \
                 from generate_series(1, 250); \
             insert into users (id, username, username_key, display_name, role) \
                 select id, id::text, id::text, 'canary-7f3a', 'GUEST' from many; \
             insert into sessions (id, kind, title, owner_id, last_seq, rev) \
                 select visit, 'VISIT', 'canary-7f3a', (select id from users where username = 'ada'), 1, 1 from many; \
             insert into members (session_id, user_id) select visit, id from many; \
             insert into members (session_id, user_id) \
                 select visit, (select id from users where username = 'ada') from many; \
             insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
                 select visit, 1, 1, 1, 1, id, 'hello', 'COMPLETE' from many; \
             insert into logins (id, user_id) select gen_random_uuid(), id from many; \
             insert into guests (user_id, token_hash) select id, sha256(id::text::bytea) from many; \
             update guests set seen_at = now() - interval '31 days'",
        )
        .await;
    let mut hears = guest.person.watch(&guest.session, None).await;
    hears.caught_up().await;
    let _others =
        futures_util::future::join_all((0..3).map(|_| TestApp::without_chatbots(database.clone())))
            .await;
    hears.until("FeedEnded").await;
    while app.database().value("select count(*) from guests").await != 0 {
        tokio::task::yield_now().await;
    }
    let stored = app.database().contents().await.join("\n");
    assert!(!stored.contains(CANARY), "{stored}");
    // Each was ended by one change of its session.
    let twice = "select count(*) from sessions where details_rev <> rev or rev > last_seq + 1";
    assert_eq!(app.database().value(twice).await, 0);
    let listed = "{ sessions(first: 200) { nodes { title } } }";
    let listed = ada.ask(listed, json!({})).await.data();
    assert_eq!(listed["sessions"]["nodes"].as_array().unwrap().len(), 200);
    start(&app.nobody(), json!({"owner": "ada"})).await.data();
}

#[tokio::test]
async fn who_comes_back_while_they_are_erased_is_either_here_or_new() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    app.person("ada").await;
    let mut came_back = 0;
    for round in 0..30 {
        let guest = talkative(&app, "Zoë").await;
        be_away(&app, &guest, "31 days").await;
        let erase = async {
            for _ in 0..round * 20 {
                tokio::task::yield_now().await;
            }
            expiry::clear(app.app()).await.unwrap()
        };
        let (back, erased) = tokio::join!(guest.back(&app, "ada"), erase);
        assert_eq!(erased, usize::from(back.is_new()), "round {round}");
        assert_eq!(back.session == guest.session, !back.is_new());
        back.person.say(Some(&back.session), "I am back").await;
        came_back += 1 - erased;
    }
    println!("came back in time: {came_back} of 30");
}
