//! What sends cost the database: one that is alone, and many at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{FAULTS, quiet_app};
use crate::helpers::{Person, TestApp};
use crate::replies::support::chat;

/// The statements that a send takes, from the token to the answer.
async fn cost_of(app: &TestApp, person: &Person, input: Value) -> u64 {
    let before = app.app().db().statements();
    person.send(input).await.data();
    app.app().db().statements() - before
}

#[tokio::test]
async fn a_send_that_is_alone_takes_few_statements() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let (quiet, chat) = (ada.quiet_session().await, chat(&ada).await);
    // The login, begin, the lock, the seat, the chatbots, what is written, commit.
    let plain = json!({"sessionId": quiet, "content": "hello"});
    assert_eq!(cost_of(&app, &ada, plain).await, 7);
    // And the key.
    let keyed = json!({"sessionId": quiet, "content": "hello", "clientKey": "key"});
    assert_eq!(cost_of(&app, &ada, keyed.clone()).await, 8);
    // And nothing that is written.
    assert_eq!(cost_of(&app, &ada, keyed).await, 7);
    // And the replies under way; the third joins one of them.
    for (key, statements) in [("one", 9), ("two", 9), ("three", 10)] {
        let answered = json!({"sessionId": chat, "content": "hello", "clientKey": key});
        assert_eq!(cost_of(&app, &ada, answered).await, statements, "{key}");
    }
    // And a session, whether its id is taken, its owner, its chatbot.
    let begins = json!({"content": "hello", "clientKey": "key"});
    assert_eq!(cost_of(&app, &ada, begins).await, 13);
}

#[tokio::test]
async fn sends_that_come_together_are_written_together() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let sessions = join_all((0..64).map(|_| ada.quiet_session())).await;
    let before = app.app().db().statements();
    join_all(sessions.iter().map(async |session| {
        for number in 0..10 {
            ada.say(Some(session), &format!("message {number}")).await;
        }
    }))
    .await;
    let statements = app.app().db().statements() - before;
    assert_eq!(app.database().value(FAULTS).await, "0 0");
    let transactions = "select count(distinct xmin::text) from messages";
    let transactions = app.database().value(transactions).await.as_i64().unwrap();
    // Each by itself, they would be 640, of 7 statements each.
    assert!(transactions <= 320, "{transactions} transactions");
    assert!(statements <= 640 * 5, "{statements} statements");
}

#[derive(diesel::QueryableByName)]
struct Prepared {
    #[diesel(sql_type = diesel::sql_types::Text)]
    statement: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    planned: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    used: i64,
}

#[tokio::test]
async fn a_statement_that_is_used_often_is_planned_a_few_times() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let chat = chat(&ada).await;
    for number in 0..80 {
        let key = number.to_string();
        let input = json!({"sessionId": chat, "content": "hello", "clientKey": key});
        ada.send(input).await.data();
    }
    // PostgreSQL plans the first five uses each for itself, and then once for all.
    let often = "select statement, custom_plans as planned, custom_plans + generic_plans as used
                 from pg_prepared_statements where custom_plans + generic_plans >= 10";
    let mut judged = 0;
    for conn in join_all((0..8).map(|_| app.app().db().connection())).await {
        let all: Vec<Prepared> =
            diesel_async::RunQueryDsl::load(diesel::sql_query(often), &mut *conn.unwrap())
                .await
                .unwrap();
        for Prepared {
            statement,
            planned,
            used,
        } in all
        {
            assert!(
                planned <= 5,
                "planned {planned} times in {used}: {statement}"
            );
            judged += 1;
        }
    }
    // The login, the lock, the seats, the chatbots, the keys, the replies under way, what is written, what is joined.
    assert!(judged >= 8, "{judged} statements");
}
