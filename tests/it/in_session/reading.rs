//! How far somebody has read.

use futures_util::future::join_all;
use parlor::domain::{NodeId, SessionId};
use serde_json::json;

use super::{Pair, cursor};
use crate::helpers::{Answer, Person};

async fn mark_read(person: &Person, session: &str, up_to: i32) -> Answer {
    let query = "mutation ($id: ID!, $upTo: Int!) {
        markRead(sessionId: $id, upTo: $upTo) { unreadCount members { user { username } readUpTo } }
    }";
    person
        .ask(query, json!({"id": session, "upTo": up_to}))
        .await
}

async fn unread(person: &Person, session: &str) -> i64 {
    let query = "query ($id: ID!) { session(id: $id) { unreadCount } }";
    let answer = person.ask(query, json!({ "id": session })).await;
    answer.data()["session"]["unreadCount"].as_i64().unwrap()
}

#[tokio::test]
async fn what_was_read_never_falls_and_what_one_says_counts_as_read() {
    let pair = Pair::start().await;
    let (ada, bob, session) = (&pair.ada, &pair.bob, pair.session.as_str());
    for content in ["one", "two", "three"] {
        pair.say(bob, content).await;
    }
    assert_eq!(
        (unread(ada, session).await, unread(bob, session).await),
        (3, 0)
    );
    let before = cursor(ada, session).await;
    for (up_to, left) in [(2, 1), (1, 1), (0, 1), (3, 0), (2, 0)] {
        let marked = mark_read(ada, session, up_to).await.data();
        assert_eq!(marked["markRead"]["unreadCount"], left, "up to {up_to}");
    }
    let told = mark_read(ada, session, 3).await.data();
    let of_ada = json!({"user": {"username": "ada"}, "readUpTo": 3});
    assert_eq!(told["markRead"]["members"][0], of_ada);
    // No change of the session: nobody has anything to catch up with.
    assert_eq!(cursor(ada, session).await, before);

    pair.say(bob, "four").await;
    pair.say(ada, "five").await;
    assert_eq!(
        (unread(ada, session).await, unread(bob, session).await),
        (0, 1)
    );
}

#[tokio::test]
async fn marks_that_cross_each_other_leave_the_furthest() {
    let pair = Pair::start().await;
    for number in 0..20 {
        pair.say(&pair.bob, &number.to_string()).await;
    }
    let marks = [3, 20, 7, 1, 19, 12, 0, 5];
    join_all(marks.map(|up_to| mark_read(&pair.ada, &pair.session, up_to))).await;
    assert_eq!(unread(&pair.ada, &pair.session).await, 0);
}

#[tokio::test]
async fn what_was_not_said_or_is_not_ones_own_cannot_be_read() {
    let pair = Pair::start().await;
    pair.say(&pair.ada, "hello").await;
    let before = pair.app.database().contents().await;
    for up_to in [-1, 2, i32::MIN, i32::MAX] {
        let refused = mark_read(&pair.bob, &pair.session, up_to).await;
        refused.expect_error("BAD_USER_INPUT", Some("upTo"));
    }
    assert_eq!(pair.app.database().contents().await, before);
    let cleo = pair.app.person("cleo").await;
    let none = NodeId::Session(SessionId::new()).encode();
    let theirs = mark_read(&cleo, &pair.session, 1).await;
    assert_eq!(theirs.0, mark_read(&cleo, &none, 1).await.0);
    theirs.expect_error("NOT_FOUND", None);
}
