//! A person takes over: chatbots are paused, and behind that no chatbot says anything. With it, everything
//! else that may be decided about a session.

use std::net::IpAddr;

use futures_util::future::join_all;
use parlor::app::App;
use parlor::domain::{ClientAddress, RunnerId, SessionId, SessionKind, Viewer};
use parlor::services::messages::Draft;
use parlor::services::sessions::{Change, SessionPlan};
use parlor::services::{logins, messages, replies, sessions};
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::support::{LONG, Shown, chat, ends};
use crate::helpers::{Answer, Person, TestApp, TestDatabase};

const ROUNDS: usize = 1_000;
const LANES: usize = 4;

async fn update(person: &Person, session: &str, input: Value) -> Answer {
    let query = "mutation ($id: ID!, $input: SessionInput!) {
        updateSession(id: $id, input: $input) { id title archived chatbotsPaused cursor }
    }";
    person
        .ask(query, json!({"id": session, "input": input}))
        .await
}

#[tokio::test]
async fn pausing_cancels_what_is_under_way_and_everybody_is_told() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut feed = ada.watch(&session, None).await;
    feed.caught_up().await;
    ada.say(Some(&session), LONG).await;
    ada.say(Some(&session), "and thanks").await;
    for _ in 0..4 {
        feed.expect("MessageAdded").await;
    }
    let mut shown = Shown::default();
    for _ in 0..5 {
        shown.add(&feed.expect("ReplyDelta").await);
    }
    let paused = update(&ada, &session, json!({"chatbotsPaused": true})).await;
    let paused = paused.data()["updateSession"].take();
    assert_eq!(paused["chatbotsPaused"], true);
    let ended = ends(&mut feed, &mut shown).await;
    assert_eq!(ended["message"]["content"], shown.0);
    // The one that waited was not begun, or hardly.
    let waited = feed.until("MessageChanged").await;
    assert_eq!(
        [&ended, &waited].map(|event| event["message"]["status"].clone()),
        ["CANCELLED", "CANCELLED"]
    );
    let told = feed.expect("SessionChanged").await;
    assert_eq!(told["session"], paused);
    assert_eq!(told["cursor"], paused["cursor"]);

    let alone = ada.say(Some(&session), "I am here myself").await;
    assert_eq!(alone["reply"], Value::Null);
    let back = update(&ada, &session, json!({"chatbotsPaused": false})).await;
    assert_eq!(back.data()["updateSession"]["chatbotsPaused"], false);
    feed.expect("MessageAdded").await;
    assert_eq!(
        feed.expect("SessionChanged").await["session"]["chatbotsPaused"],
        false
    );
    let answered = json!({"sessionId": session, "content": "thanks", "waitMs": 20_000});
    let answered = ada.send(answered).await.data();
    assert_eq!(answered["sendMessage"]["reply"]["status"], "COMPLETE");
}

#[tokio::test]
async fn who_was_away_is_told_of_the_session_once_in_its_place() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let first = ada.say(Some(&session), "one").await;
    let cursor = first["message"]["cursor"].as_str().unwrap().to_owned();
    update(&ada, &session, json!({"title": "Tea"})).await.data();
    ada.say(Some(&session), "two").await;
    let changed = update(
        &ada,
        &session,
        json!({"archived": true, "title": "More tea"}),
    )
    .await;
    let changed = changed.data()["updateSession"].take();
    ada.say(Some(&session), "three").await;
    // What changes nothing is not told of.
    let stored = app.database().contents().await;
    update(
        &ada,
        &session,
        json!({"archived": true, "title": "More tea"}),
    )
    .await
    .data();
    update(&ada, &session, json!({})).await.data();
    assert_eq!(app.database().contents().await, stored);

    let mut feed = ada.watch(&session, Some(&cursor)).await;
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        "two"
    );
    let told = feed.expect("SessionChanged").await;
    assert_eq!(told["session"], changed);
    assert_eq!(
        feed.expect("MessageAdded").await["message"]["content"],
        "three"
    );
    feed.caught_up().await;
    // From its own cursor on it is known, and a feed of finished messages has nothing to do with it.
    let mut later = ada.watch(&session, told["cursor"].as_str()).await;
    assert_eq!(
        later.expect("MessageAdded").await["message"]["content"],
        "three"
    );
    let mut finished = ada.watch_finished(&session, Some(&cursor)).await;
    update(&ada, &session, json!({"title": "No tea"}))
        .await
        .data();
    ada.say(Some(&session), "four").await;
    for content in ["two", "three", "four"] {
        assert_eq!(finished.next().await["content"], content);
    }
    assert_eq!(
        feed.expect("SessionChanged").await["session"]["title"],
        "No tea"
    );
}

#[tokio::test]
async fn what_was_put_away_is_listed_apart() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let (kept, away) = (ada.quiet_session().await, ada.quiet_session().await);
    update(&ada, &away, json!({"archived": true})).await.data();
    let listed = async |archived: bool| {
        let query = "query ($archived: Boolean) { sessions(archived: $archived) { nodes { id } } }";
        let told = ada.ask(query, json!({ "archived": archived })).await;
        told.data()["sessions"]["nodes"].take()
    };
    assert_eq!(listed(false).await, json!([{ "id": kept }]));
    assert_eq!(listed(true).await, json!([{ "id": away }]));
    update(&ada, &away, json!({"archived": false})).await.data();
    assert_eq!(listed(true).await, json!([]));
}

#[tokio::test]
async fn a_session_is_its_owners_to_change() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let input = json!({"title": "Mine", "chatbotsPaused": true});
    update(&bob, &session, input.clone())
        .await
        .expect_error("NOT_FOUND", None);
    let add = "mutation ($id: ID!) { addMember(sessionId: $id, username: \"bob\") { id } }";
    ada.ask(add, json!({ "id": session })).await.data();
    let before = app.database().contents().await;
    update(&bob, &session, input)
        .await
        .expect_error("FORBIDDEN", None);
    update(&ada, &session, json!({"title": "x".repeat(201)}))
        .await
        .expect_error("BAD_USER_INPUT", Some("title"));
    assert_eq!(app.database().contents().await, before);
}

/// Chatbot's messages that landed behind the pause, and replies that go on.
pub const AFTER_THE_PAUSE: &str = "select count(*) from messages m join sessions s on s.id = m.session_id \
    where m.chatbot_id is not null and (m.rev > s.details_rev or m.finished_rev is null)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_close_the_race_no_chatbots_message_lands_behind_the_pause() {
    let statuses = join_all((0..LANES).map(race)).await;
    // Both ends were seen: some replies were whole before the pause, some were cancelled by it.
    assert!(statuses.iter().any(|statuses| *statuses == 2));
}

/// Pauses again and again while replies are written and messages sent; how many statuses there are in the end.
async fn race(lane: usize) -> Value {
    let test = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = test.person("ada").await;
    let app = test.app();
    let viewer = logins::identify(app, ada.token()).await.unwrap();
    let plan = SessionPlan {
        kind: SessionKind::Private,
        title: None,
        chatbots: None,
        usernames: Vec::new(),
    };
    let session = sessions::start(app, &viewer, plan).await.unwrap().id;
    for round in 0..ROUNDS / LANES {
        say(app, &viewer, session).await;
        let speak = async {
            hesitate(round % 5).await;
            say(app, &viewer, session).await;
        };
        let take_over = async {
            hesitate(round % 11).await;
            pause(app, &viewer, session, true).await
        };
        let ((), (), paused) = tokio::join!(write(app, (round + lane) % 7), speak, take_over);
        assert!(paused.chatbots_paused);
        let landed = test.database().value(AFTER_THE_PAUSE).await;
        assert_eq!(landed, 0, "round {round}");
        pause(app, &viewer, session, false).await;
    }
    let statuses = "select count(distinct status) from messages";
    test.database().value(statuses).await
}

pub async fn hesitate(steps: usize) {
    for _ in 0..steps * 8 {
        yield_now().await;
    }
}

pub async fn say(app: &App, viewer: &Viewer, session: SessionId) {
    let draft = Draft {
        session: Some(session),
        content: "hello".to_owned(),
        client_key: None,
    };
    let from = ClientAddress::of(IpAddr::from([127, 0, 0, 1]));
    messages::send(app, from, viewer, draft).await.unwrap();
}

pub async fn pause(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    paused: bool,
) -> parlor::db::sessions::Session {
    let change = Change {
        chatbots_paused: Some(paused),
        ..Change::default()
    };
    sessions::update(app, viewer, session, change)
        .await
        .unwrap()
}

/// Writes what is owed, as a runner does that hears nothing and is in no hurry to begin.
pub async fn write(app: &App, steps: usize) {
    hesitate(steps).await;
    for claim in replies::claim(app, RunnerId::new(), 10).await.unwrap() {
        if replies::checkpoint(app, &claim, "Hello")
            .await
            .unwrap()
            .is_ok()
        {
            replies::show(app, &claim, 0, "Hello".to_owned());
            let whole = "Hello, ada!".to_owned();
            let _ = replies::complete(app, &claim, whole).await.unwrap();
        }
    }
}
