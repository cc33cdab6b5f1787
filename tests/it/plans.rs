//! What PostgreSQL really did for each operation on a long history: which indexes, how many rows.
//!
//! The server under test runs its own statements; `auto_explain` writes their plans to PostgreSQL's log,
//! with the rows that were read. So the cost is judged as it is, prepared statements included.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use parlor::domain::NodeId;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::helpers::{Person, TestApp, TestDatabase};

/// Messages in the session. Every tenth has changed since its birth.
const HISTORY: i64 = 200_000;

/// One scan of `messages` in a plan.
#[derive(Debug)]
struct Scan {
    /// Nothing for a scan of the whole table.
    index: Option<String>,
    /// Read from the table or index, kept or not.
    rows: f64,
}

/// What the statements of one operation did with `messages`.
#[derive(Debug)]
struct Reading {
    scans: Vec<Scan>,
}

impl Reading {
    /// The indexes that were used. Panics if the table was read without one.
    fn indexes(&self) -> BTreeSet<&str> {
        let index = |scan: &Scan| scan.index.is_some();
        assert!(self.scans.iter().all(index), "without an index: {self:?}");
        self.scans
            .iter()
            .filter_map(|scan| scan.index.as_deref())
            .collect()
    }

    fn rows(&self) -> f64 {
        self.scans.iter().map(|scan| scan.rows).sum()
    }

    /// Expects these indexes and no other, and at most so many rows.
    fn expect(&self, indexes: &[&str], most_rows: f64) {
        assert_eq!(
            self.indexes(),
            BTreeSet::from_iter(indexes.iter().copied()),
            "{self:#?}"
        );
        assert!(self.rows() <= most_rows, "{} rows: {self:#?}", self.rows());
    }
}

/// Somebody with a long session, and the log of what their server asks PostgreSQL.
struct Observed {
    app: TestApp,
    database: TestDatabase,
    ada: Person,
    session: String,
}

impl Observed {
    async fn start() -> Self {
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
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
        ] {
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
    async fn during<T>(&self, action: impl Future<Output = T>) -> Reading {
        let log = TestDatabase::log_file().await;
        let start = fs::metadata(&log).unwrap().len() as usize;
        action.await;
        // The log is written by a process of its own: wait until it has come to a mark behind the action.
        let mark = format!("select 'mark {start}'");
        self.database.execute(&mark).await;
        let lines = timeout(Duration::from_secs(20), async {
            loop {
                let text = fs::read_to_string(&log).unwrap();
                if let Some(end) = text[start..].find(&mark) {
                    return text[start..start + end].to_owned();
                }
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        let mut scans = Vec::new();
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
                collect(&plan["Plan"], &mut scans);
            }
        }
        assert!(!scans.is_empty(), "no statement touched messages");
        Reading { scans }
    }

    /// A cursor so many changes before the head of the log.
    async fn cursor_before_head(&self, changes: i64) -> String {
        let NodeId::Session(id) = NodeId::decode(&self.session).unwrap() else {
            unreachable!()
        };
        let mut conn = self.database.connect().await;
        let head = parlor::db::sessions::find_rev(&mut conn, id)
            .await
            .unwrap()
            .unwrap();
        self.app
            .app()
            .seal_cursor(id, parlor::domain::Rev(head.0 - changes))
    }
}

/// Puts the history there behind the API.
async fn fill(database: &TestDatabase, session: &str) {
    let NodeId::Session(id) = NodeId::decode(session).unwrap() else {
        unreachable!()
    };
    let mut conn = database.connect().await;
    conn.batch_execute(&format!(
        "insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status, created_at)
         select s.id, n, case when n % 10 = 0 then {HISTORY} + n / 10 else n end, n, n, s.owner_id,
                'message ' || n, 'COMPLETE', now() - interval '1 year' + n * interval '1 second'
         from sessions s, generate_series(1, {HISTORY}) n where s.id = '{id}';
         update sessions set last_seq = {HISTORY}, rev = {HISTORY} + {HISTORY} / 10 where id = '{id}';
         analyze;"
    ))
    .await
    .unwrap();
}

fn collect(plan: &Value, scans: &mut Vec<Scan>) {
    let kind = plan["Node Type"].as_str().unwrap();
    let on_messages = plan["Relation Name"] == "messages" && kind != "ModifyTable";
    // A bitmap's index scan does not name the table, but its index does.
    let index = plan["Index Name"].as_str();
    if on_messages
        || (kind == "Bitmap Index Scan" && index.is_some_and(|i| i.starts_with("messages")))
    {
        let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
        let loops = number("Actual Loops");
        scans.push(Scan {
            index: index.map(str::to_owned),
            rows: loops * (number("Actual Rows") + number("Rows Removed by Filter")),
        });
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        collect(child, scans);
    }
}

#[tokio::test]
async fn a_long_history_costs_no_more_than_a_short_one() {
    let observed = Observed::start().await;
    let (ada, session) = (&observed.ada, observed.session.as_str());

    let newest = observed.during(ada.history(session)).await;
    newest.expect(&["messages_pkey"], 201.0);

    let page =
        "query ($id: ID!, $before: String) { history(sessionId: $id, last: 50, before: $before) {
        nodes { seq content author { __typename } } pageInfo { startCursor } } }";
    let answer = ada.ask(page, json!({"id": session})).await.data();
    let before = answer["history"]["pageInfo"]["startCursor"].clone();
    let earlier = observed
        .during(ada.ask(page, json!({"id": session, "before": before})))
        .await;
    earlier.expect(&["messages_pkey"], 51.0);

    let first = "query ($id: ID!) { session(id: $id) { lastMessage { seq } unreadCount
        messages(first: 50) { nodes { seq } } } }";
    let oldest = observed
        .during(ada.ask(first, json!({ "id": session })))
        .await;
    oldest.expect(&["messages_pkey"], 52.0);

    let all = "query ($before: String) { history(last: 50, before: $before) {
        nodes { seq } pageInfo { startCursor } } }";
    let merged = observed.during(ada.ask(all, json!({}))).await;
    merged.expect(&["messages_created", "messages_pkey"], 2.0 * 51.0);
    let answer = ada.ask(all, json!({})).await.data();
    let before = answer["history"]["pageInfo"]["startCursor"].clone();
    let merged = observed
        .during(ada.ask(all, json!({ "before": before })))
        .await;
    merged.expect(&["messages_created", "messages_pkey"], 2.0 * 51.0 + 1.0);

    let keyed = json!({"sessionId": session, "content": "hello", "clientKey": "once"});
    let sent = observed.during(ada.send(keyed.clone())).await;
    // That the key is new.
    sent.expect(&["messages_client_key"], 1.0);
    let again = observed.during(ada.send(keyed)).await;
    again.expect(&["messages_client_key", "messages_reply"], 2.0);
}

#[tokio::test]
async fn coming_back_costs_what_was_missed() {
    let observed = Observed::start().await;
    let (ada, session) = (&observed.ada, observed.session.as_str());

    // The newest changes are of old messages: none was born.
    let changes = observed.cursor_before_head(30).await;
    let resume = observed
        .during(async {
            let mut watch = ada.watch(session, Some(&changes)).await;
            for _ in 0..30 {
                watch.expect("MessageChanged").await;
            }
            watch.caught_up().await;
        })
        .await;
    resume.expect(
        &[
            "messages_added_rev_key",
            "messages_changes",
            "messages_under_way",
        ],
        30.0,
    );

    // From the middle: births and changes, and only as many as a page holds are read ahead.
    let long_ago = observed.cursor_before_head(HISTORY / 10 + 1_000).await;
    let from_the_middle = observed
        .during(async {
            let mut watch = ada.watch(session, Some(&long_ago)).await;
            for _ in 0..150 {
                watch.expect("MessageAdded").await;
            }
        })
        .await;
    assert!(from_the_middle.rows() < 5_000.0, "{from_the_middle:#?}");
    from_the_middle.indexes();

    let finished = observed
        .during(async {
            let mut watch = ada.watch_finished(session, Some(&long_ago)).await;
            for _ in 0..50 {
                watch.next().await;
            }
        })
        .await;
    assert!(
        finished.indexes().contains("messages_finished_rev_key"),
        "{finished:#?}"
    );
    assert!(finished.rows() < 1_500.0, "{finished:#?}");
}

#[tokio::test]
async fn finding_replies_to_write_does_not_read_the_history() {
    let observed = Observed::start().await;
    observed.ada.say(Some(&observed.session), "hello").await;
    let claimed = observed
        .during(async {
            let runner = parlor::domain::RunnerId::new();
            let app = observed.app.app();
            let claims = parlor::services::replies::claim(app, runner, 16)
                .await
                .unwrap();
            assert_eq!(claims.len(), 1);
        })
        .await;
    claimed.expect(&["messages_pkey", "messages_under_way"], 4.0);
}

#[tokio::test]
async fn a_bad_plan_is_caught() {
    let observed = Observed::start().await;
    // Planted: without these, the page has to read and sort the whole history.
    observed
        .database
        .execute(
            "alter table messages drop constraint messages_in_reply_to_fkey;
             alter table messages drop constraint messages_pkey;
             drop index messages_created;",
        )
        .await;
    let newest = observed
        .during(observed.ada.history(&observed.session))
        .await;
    assert!(newest.rows() > 100_000.0, "{newest:#?}");
}
