//! A server on a long history whose statements are explained in PostgreSQL's log.

use std::fs;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use parlor::domain::NodeId;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::reading::Reading;
use super::{HISTORY, OTHER_HISTORY, OTHERS};
use crate::helpers::{Person, TestApp, TestDatabase};

/// Somebody with a long session, and the log of what their server asks PostgreSQL.
pub(super) struct Observed {
    pub(super) app: TestApp,
    pub(super) database: TestDatabase,
    pub(super) ada: Person,
    pub(super) session: String,
}

impl Observed {
    /// With these settings for every connection of the server's.
    pub(super) async fn start(settings: &[&str]) -> Self {
        Self::with(settings, async |database, session| {
            fill(database, session).await;
            add_other_sessions(database).await;
        })
        .await
    }

    /// With a history that is put there behind the API.
    pub(super) async fn with(
        settings: &[&str],
        fill: impl AsyncFnOnce(&TestDatabase, &str),
    ) -> Self {
        let database = TestDatabase::migrated().await;
        // Made by a server of its own, so that its statements are not judged.
        let maker = TestApp::without_chatbots(database.clone()).await;
        let ada = maker.person("ada").await;
        let answer = ada
            .ask("mutation { startSession(input: {}) { id } }", json!({}))
            .await;
        let session = answer.data()["startSession"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        fill(&database, &session).await;
        let watched = [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
        ];
        for setting in watched.iter().chain(settings) {
            let name = database.name();
            database
                .execute(&format!("alter database {name} set {setting}"))
                .await;
        }
        let app = TestApp::without_chatbots(database.clone()).await;
        let ada = ada.at(&app);
        Self {
            app,
            database,
            ada,
            session,
        }
    }

    /// What PostgreSQL did with `messages` while `action` ran.
    pub(super) async fn during<T>(&self, action: impl Future<Output = T>) -> Reading {
        self.during_on(&["messages"], action).await
    }

    /// What PostgreSQL did with these tables while `action` ran.
    pub(super) async fn during_on<T>(
        &self,
        tables: &'static [&'static str],
        action: impl Future<Output = T>,
    ) -> Reading {
        let (_, begin) = self.mark().await;
        action.await;
        let (log, end) = self.mark().await;
        let lines = &log[begin..end];
        let mut reading = Reading::of(tables);
        for line in lines.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if line["dbname"] == self.database.name()
                && let Some((_, plan)) = line["message"]
                    .as_str()
                    .and_then(|m| m.split_once("plan:\n"))
            {
                let plan: Value = serde_json::from_str(plan).unwrap();
                reading.collect_statement(&plan["Plan"]);
            }
        }
        assert!(!reading.is_empty(), "no statement touched {tables:?}");
        reading
    }

    /// Puts a mark into the log, behind all that was asked before it. The log, and where the mark stands.
    ///
    /// The log is written by a process of its own, for all tests: its length alone says nothing.
    async fn mark(&self) -> (String, usize) {
        let mark = format!("select 'mark {}'", Uuid::now_v7());
        self.database.execute(&mark).await;
        let path = TestDatabase::log_file().await;
        let marked = async {
            loop {
                let log = fs::read_to_string(&path).unwrap();
                if let Some(place) = log.find(&mark) {
                    return (log, place);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), marked).await.unwrap()
    }

    /// A cursor so many changes before the head of the log.
    pub(super) async fn cursor_before_head(&self, changes: i64) -> String {
        let NodeId::Session(id) = NodeId::decode(&self.session).unwrap() else {
            unreachable!()
        };
        let mut conn = self.database.connect().await;
        let head = parlor::db::sessions::find_rev(&mut conn, id)
            .await
            .unwrap()
            .unwrap();
        let app = self.app.app();
        app.seal_cursor(app.epoch(), id, parlor::domain::Rev(head.0 - changes))
    }
}

/// Puts the history there behind the API.
async fn fill(database: &TestDatabase, session: &str) {
    let NodeId::Session(id) = NodeId::decode(session).unwrap() else {
        unreachable!()
    };
    let mut conn = database.connect().await;
    // The rows are known to fit together: no foreign key is looked up for each of them.
    conn.batch_execute(&format!(
        "set session_replication_role = replica;
         insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status, created_at)
         select s.id, n, case when n % 10 = 0 then {HISTORY} + n / 10 else n end, n, n, s.owner_id,
                'message ' || n, 'COMPLETE', now() - interval '1 year' + n * interval '1 second'
         from sessions s, generate_series(1, {HISTORY}) n where s.id = '{id}';
         update sessions set last_seq = {HISTORY}, rev = {HISTORY} + {HISTORY} / 10 where id = '{id}';
         analyze;"
    ))
    .await
    .unwrap();
}

/// Other sessions of everyone who has one, older than it.
async fn add_other_sessions(database: &TestDatabase) {
    database
        .execute(&format!(
            "with other as (
                insert into sessions (id, kind, owner_id, last_seq, rev)
                select gen_random_uuid(), 'PRIVATE', owner_id, {OTHER_HISTORY}, {OTHER_HISTORY}
                from sessions, generate_series(1, {OTHERS}) returning id, owner_id
             ), member as (
                insert into members (session_id, user_id) select id, owner_id from other
             )
             insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status,
                                   created_at)
             select id, n, n, n, n, owner_id, 'elsewhere ' || n, 'COMPLETE',
                    now() - interval '2 years' + n * interval '1 second'
             from other, generate_series(1, {OTHER_HISTORY}) n"
        ))
        .await;
    database.execute("analyze").await;
}
