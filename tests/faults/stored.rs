//! What the database holds in the end, read behind the API.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use parlor::domain::{NodeId, Seq, SessionId};
use serde::Deserialize;
use tokio::time::sleep;
use uuid::Uuid;

use crate::checker::history::{Log, Message, Stored};
use crate::clients::status;

/// How long the database may take to answer again after a fault.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

#[derive(Deserialize)]
struct SessionRow {
    id: Uuid,
    rev: i64,
    is_answered: bool,
}

#[derive(Deserialize)]
struct MessageRow {
    session_id: Uuid,
    seq: i32,
    rev: i64,
    added_rev: i64,
    content: String,
    status: String,
    client_key: Option<String>,
    in_reply_to: Option<i64>,
    answers_up_to: Option<i64>,
}

/// Every session's log.
pub async fn logs(url: &str) -> Vec<Log> {
    let sessions: Vec<SessionRow> = rows(
        url,
        "select id, rev, exists (select from session_chatbots c where c.session_id = s.id) as is_answered \
         from sessions s",
    )
    .await;
    let messages: Vec<MessageRow> = rows(
        url,
        "select session_id, seq, rev, added_rev, content, status, client_key, in_reply_to, answers_up_to \
         from messages order by session_id, seq",
    )
    .await;
    let mut by_session: BTreeMap<Uuid, Vec<Stored>> = BTreeMap::new();
    for row in messages {
        let id = NodeId::Message(SessionId(row.session_id), Seq(row.seq));
        by_session.entry(row.session_id).or_default().push(Stored {
            message: Message {
                id: id.encode(),
                seq: row.seq.into(),
                status: status(&row.status),
                content: row.content,
            },
            added: row.added_rev,
            changed: row.rev,
            key: row.client_key,
            answers: row.in_reply_to,
            answers_up_to: row.answers_up_to,
        });
    }
    let log = |session: SessionRow| Log {
        session: NodeId::Session(SessionId(session.id)).encode(),
        head: session.rev,
        is_answered: session.is_answered,
        messages: by_session.remove(&session.id).unwrap_or_default(),
    };
    sessions.into_iter().map(log).collect()
}

/// Waits until no reply is under way, or for this long; how many still are.
pub async fn replies_end(url: &str, patience: Duration) -> usize {
    let deadline = Instant::now() + patience;
    loop {
        let open =
            "select count(*) as count from messages where status in ('PENDING', 'STREAMING')";
        let open = number(url, open).await;
        if open == 0 || Instant::now() > deadline {
            return usize::try_from(open).unwrap_or_default();
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The one number that a query gives.
pub async fn number(url: &str, sql: &str) -> i64 {
    let rows: Vec<BTreeMap<String, i64>> = rows(url, sql).await;
    let number = rows.iter().flat_map(BTreeMap::values).next();
    *number.expect("one row with one number")
}

/// Runs a query, again while the database is out of reach.
async fn rows<T: serde::de::DeserializeOwned>(url: &str, sql: &str) -> Vec<T> {
    let began = Instant::now();
    loop {
        match try_rows(url, sql).await {
            Ok(rows) => {
                let read =
                    |row: Row| serde_json::from_str(&row.row).expect("columns as named above");
                return rows.into_iter().map(read).collect();
            }
            Err(error) => assert!(began.elapsed() < PATIENCE, "no answer in time: {error:#}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn try_rows(url: &str, sql: &str) -> anyhow::Result<Vec<Row>> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    let query = format!("select to_jsonb(q)::text as row from ({sql}) q");
    Ok(diesel::sql_query(query).load(&mut conn).await?)
}

/// Runs a statement behind the program's back.
pub async fn execute(url: &str, sql: &str) {
    let mut conn = AsyncPgConnection::establish(url)
        .await
        .expect("a database that works");
    conn.batch_execute(sql)
        .await
        .expect("a statement that works");
}
