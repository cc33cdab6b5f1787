//! How a visit ends, seen from two servers with nothing but the database between them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Guest, on};
use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase, Watch};
use crate::program::support::Place;

const CANARY: &str = "canary-7f3a";

/// What is promised. A machine that is busy with other tests may be late with one way, but not with all.
const PROMISED: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The guest leaves, or is removed: the session is its owner's still.
    Leave,
    Remove,
    /// The visit is erased.
    Erase,
    OwnerLeaves,
    OwnerIsDeleted,
    /// Only the login ends.
    LogOut,
    OwnerIsDisabled,
}

const WAYS: [Way; 7] = [
    Way::Leave,
    Way::Remove,
    Way::Erase,
    Way::OwnerLeaves,
    Way::OwnerIsDeleted,
    Way::LogOut,
    Way::OwnerIsDisabled,
];

impl Way {
    /// Goes it, at the server where these two are.
    async fn go(self, owner: &Person, name: &str, guest: &Guest, database: &TestDatabase) {
        let id = &guest.session;
        match self {
            Self::Leave => drop(on(&guest.person, id, "leaveSession(id: $id)").await),
            Self::Remove => {
                let name = guest.username();
                let remove = format!("removeMember(sessionId: $id, username: \"{name}\") {{ id }}");
                on(owner, id, &remove).await;
            }
            Self::Erase => drop(on(owner, id, "deleteSession(id: $id)").await),
            Self::OwnerLeaves => drop(on(owner, id, "leaveSession(id: $id)").await),
            Self::OwnerIsDeleted => drop(owner.delete_account(PASSWORD).await.data()),
            Self::LogOut => guest.person.log_out(true).await,
            Self::OwnerIsDisabled => {
                let ended = Place::on(database).run(&["user", "disable", name]).await;
                assert!(ended.status.success(), "{}", ended.err);
            }
        }
    }

    /// The reasons with which the guest's feed may end.
    fn reasons(self) -> [&'static str; 2] {
        let first = match self {
            Self::Leave | Self::Remove => "REMOVED",
            Self::Erase | Self::OwnerLeaves | Self::OwnerIsDeleted => "SESSION_DELETED",
            Self::LogOut | Self::OwnerIsDisabled => "SIGNED_OUT",
        };
        // The other server may hear of the login first.
        [first, "SIGNED_OUT"]
    }

    fn keeps_the_session(self) -> bool {
        !matches!(self, Self::Erase | Self::OwnerLeaves | Self::OwnerIsDeleted)
    }

    fn keeps_the_guest(self) -> bool {
        matches!(self, Self::LogOut | Self::OwnerIsDisabled)
    }
}

#[tokio::test]
async fn every_end_closes_what_the_guest_has_open_on_both_servers() {
    let database = TestDatabase::migrated().await;
    let one = TestApp::without_chatbots(database.clone()).await;
    let other = TestApp::without_chatbots(database.clone()).await;
    let mut took = Vec::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        let name = format!("ada-{number}");
        let ada = one.person(&name).await;
        let shown_as = format!("{CANARY}-{number}");
        let guest = Guest::comes(&one, json!({"owner": name, "displayName": shown_as})).await;
        guest.person.say(Some(&guest.session), "hello").await;
        let mut here = guest.person.watch(&guest.session, None).await;
        let mut there = guest.person.at(&other).watch(&guest.session, None).await;
        here.caught_up().await;
        there.caught_up().await;

        way.go(&ada, &name, &guest, &database).await;
        let gone = Instant::now();
        for app in [&one, &other] {
            let refused = guest.person.at(app).me().await;
            refused.expect_error("UNAUTHENTICATED", None);
        }
        for watch in [&mut here, &mut there] {
            let reason = end(watch).await;
            assert!(
                way.reasons().contains(&reason.as_str()),
                "{way:?}: {reason}"
            );
            let closing = watch.closing().await;
            assert_eq!(closing, (4403, "The login has ended".to_owned()), "{way:?}");
        }
        took.push(gone.elapsed());
        left_behind(way, &one, &ada, &guest, &shown_as).await;
    }
    println!("ended after {took:?}");
    assert!(took.iter().min() < Some(&PROMISED), "{took:?}");
}

async fn end(watch: &mut Watch) -> String {
    let end = watch.until("FeedEnded").await;
    end["reason"].as_str().unwrap().to_owned()
}

/// Expects what is to be left after a way, and nothing else.
async fn left_behind(way: Way, app: &TestApp, ada: &Person, guest: &Guest, shown_as: &str) {
    let stored = app.database().contents().await.join("\n");
    assert_eq!(stored.contains(shown_as), way.keeps_the_guest(), "{way:?}");
    assert_eq!(
        stored.contains(&guest.username()),
        way.keeps_the_guest(),
        "{way:?}"
    );
    if way == Way::OwnerIsDisabled || way == Way::OwnerIsDeleted {
        return;
    }
    let query = "query ($id: ID!) { session(id: $id) {
        title members { user { username } }
        messages(first: 1) { nodes { content author { ... on User { username displayName } } } }
    } }";
    let seen = ada.ask(query, json!({ "id": guest.session })).await;
    if !way.keeps_the_session() {
        return seen.expect_error("NOT_FOUND", None);
    }
    let session = seen.data()["session"].take();
    if way.keeps_the_guest() {
        return;
    }
    let by_nobody = json!({
        "content": "hello", "author": {"username": "deleted-account", "displayName": "Deleted account"},
    });
    assert_eq!(session["title"], "Visitor", "{way:?}");
    assert_eq!(session["members"].as_array().unwrap().len(), 1);
    assert_eq!(session["messages"]["nodes"], json!([by_nobody]));
    // Nobody is there to be answered.
    assert_eq!(
        ada.say(Some(&guest.session), "hello?").await["reply"],
        Value::Null
    );
}

#[tokio::test]
async fn a_visit_in_which_nothing_was_said_is_nobodys_record() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let guest = Guest::of(&app, "ada").await;
    let mut feed = ada.watch(&guest.session, None).await;
    feed.caught_up().await;
    on(&guest.person, &guest.session, "leaveSession(id: $id)").await;
    feed.expect_end("SESSION_DELETED", false).await;
    let left = app.database().value("select count(*) from sessions").await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_the_owner_called_a_visit_stays() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let guest = Guest::comes(&app, json!({"owner": "ada", "displayName": CANARY})).await;
    guest.person.say(Some(&guest.session), "hello").await;
    let rename = "updateSession(id: $id, input: {title: \"About the tea\"}) { id }";
    on(&ada, &guest.session, rename).await;
    let mut feed = ada.watch(&guest.session, None).await;
    feed.caught_up().await;
    on(&guest.person, &guest.session, "leaveSession(id: $id)").await;
    let told = feed.expect("SessionChanged").await;
    assert_eq!(told["session"]["title"], "About the tea");
}

#[tokio::test]
async fn a_guest_who_leaves_while_they_send_keeps_nothing_and_breaks_nothing() {
    // A chatbot that answers may call a guest by their name, and what was said stays.
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for _ in 0..20 {
        let input = json!({"owner": "ada", "displayName": CANARY});
        let guest = Guest::comes(&app, input).await;
        let back = json!({"owner": "ada", "visitorToken": guest.token});
        let nobody = app.nobody();
        let again = "mutation ($input: StartVisitInput!) { startVisit(input: $input) { isNew } }";
        let query = "mutation ($id: ID!) { leaveSession(id: $id) }";
        let (sent, back, left) = tokio::join!(
            guest
                .person
                .send(json!({"sessionId": guest.session, "content": "hello"})),
            nobody.ask(again, json!({ "input": back })),
            guest.person.ask(query, json!({ "id": guest.session })),
        );
        left.data();
        back.data();
        let error = &sent.0["errors"][0]["extensions"]["code"];
        let is_clean = error.is_null() || error == "UNAUTHENTICATED" || error == "NOT_FOUND";
        assert!(is_clean, "{}", sent.0);
        guest
            .person
            .me()
            .await
            .expect_error("UNAUTHENTICATED", None);
        let of_nobody = "select count(*) from sessions s where not exists \
            (select from members m where m.session_id = s.id and m.user_id = s.owner_id)";
        assert_eq!(app.database().value(of_nobody).await, 0);
    }
    let stored = app.database().contents().await.join("\n");
    assert!(!stored.contains(CANARY), "{stored}");
    ada.me().await.data();
}
