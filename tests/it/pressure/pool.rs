//! Connections: their limits, and what is told when there are none left.

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use futures_util::future::{FutureExt, join_all};
use serde_json::json;

use crate::helpers::{TestApp, TestDatabase};
use crate::replies::support::db_until;

const ME: &str = "{ me { username } }";

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    told: String,
}

#[tokio::test]
async fn every_connection_of_the_pool_has_its_limits() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let mut held = Vec::new();
    // As many as the pool of a test has.
    for _ in 0..8 {
        let mut conn = app.app().db().connection().await.unwrap();
        let limits = [
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "15s"),
            ("client_connection_check_interval", "1s"),
        ];
        for (name, value) in limits {
            let query = format!("select current_setting('{name}') as told");
            let told: Setting = diesel::sql_query(query)
                .get_result(&mut *conn)
                .await
                .unwrap();
            assert_eq!(told.told, value, "{name}");
        }
        held.push(conn);
    }
    let pids = "select count(distinct pid)::text as answer from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
    // Beside the pool, one looks after the epoch and one for logins that have ended. Another asks now and then whether
    // PostgreSQL is there, because these are held for so long, and is gone at once.
    db_until(app.database().url(), pids, &(8 + 2).to_string()).await;
}

#[tokio::test]
async fn an_exhausted_pool_is_told_in_time_and_at_once_when_it_is_hopeless() {
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_DATABASE_POOL", "2")]).await;
    let ada = app.person("ada").await;
    let db = app.app().db();
    let held = [
        db.connection().await.unwrap(),
        db.connection().await.unwrap(),
    ];
    let error = ada.ask(ME, json!({})).await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    assert_eq!(error["retryAfter"], 1);

    // A hundred for each connection wait, and nobody after them.
    let mut waiting = Box::pin(join_all((0..200).map(|_| db.connection())));
    assert!(waiting.as_mut().now_or_never().is_none());
    let hopeless = db.connection().now_or_never().expect("at once");
    assert_eq!(hopeless.err().unwrap().code(), "UNAVAILABLE");
    let error = ada.ask(ME, json!({})).await.error();
    assert_eq!(error["code"], "UNAVAILABLE");
    drop(waiting);
    drop(held);
    ada.ask(ME, json!({})).await.data();
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    // Whoever asks is not counted.
    let others = "select pid from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid() order by 1";
    let before = app.database().rows(others).await;
    assert!(!before.is_empty());
    for _ in 0..20 {
        ada.say(Some(&session), "hello").await;
    }
    assert_eq!(app.database().rows(others).await, before);
}
