//! What the database holds in the end, and what it went through, read behind the API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use diesel::sql_types;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use parlor::domain::{NodeId, Seq, SessionId};
use serde::Deserialize;
use tokio::time::sleep;
use uuid::Uuid;

use crate::checker::history::{Change, Log, Message, Stored, Text, What};
use crate::clients::status;

/// How long the database may take to answer again after a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes down each change that a log goes through, in the transaction that makes it: the rows only show the last.
const JOURNAL: &str = "
    create table journal (session_id uuid, place bigint, seq integer, status text, paused boolean);
    create function journal_message() returns trigger language plpgsql as $$ begin
        insert into journal values (new.session_id, new.rev, new.seq, new.status);
        return new;
    end $$;
    create function journal_session() returns trigger language plpgsql as $$ begin
        insert into journal values (new.id, new.details_rev, null, null, new.chatbots_paused);
        return new;
    end $$;
    create trigger journal_birth after insert on messages for each row execute function journal_message();
    create trigger journal_change after update on messages for each row
        when (new.rev is distinct from old.rev) execute function journal_message();
    create trigger journal_session after update on sessions for each row
        when (new.details_rev is distinct from old.details_rev) execute function journal_session();";

/// Has the database keep a journal from now on.
pub async fn keep_journal(url: &str) {
    execute(url, JOURNAL).await;
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
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
    finished_rev: Option<i64>,
    content: String,
    status: String,
    client_key: Option<String>,
    in_reply_to: Option<i64>,
    answers_up_to: Option<i64>,
}

#[derive(Deserialize)]
struct JournalRow {
    session_id: Uuid,
    place: i64,
    seq: Option<i64>,
    status: Option<String>,
    paused: Option<bool>,
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
        "select session_id, seq, rev, added_rev, finished_rev, content, status, client_key, in_reply_to, \
             answers_up_to \
         from messages order by session_id, seq",
    )
    .await;
    let changes: Vec<JournalRow> =
        rows(url, "select * from journal order by session_id, place").await;
    let mut journals: BTreeMap<Uuid, Vec<Change>> = BTreeMap::new();
    for row in changes {
        let what = match (row.seq, row.status, row.paused) {
            (Some(seq), Some(name), _) => What::Message(seq, status(&name)),
            (None, None, Some(paused)) => What::Paused(paused),
            _ => panic!("no change of ours"),
        };
        let journal = journals.entry(row.session_id).or_default();
        let place = row.place;
        journal.push(Change { place, what });
    }
    let mut by_session: BTreeMap<Uuid, Vec<Stored>> = BTreeMap::new();
    let mut contents = BTreeSet::new();
    for row in messages {
        let id = NodeId::Message(SessionId(row.session_id), Seq(row.seq));
        by_session.entry(row.session_id).or_default().push(Stored {
            message: Message {
                id: id.encode().into(),
                seq: row.seq.into(),
                status: status(&row.status),
                content: one_of(&mut contents, row.content),
            },
            added: row.added_rev,
            changed: row.rev,
            finished: row.finished_rev,
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
        journal: journals.remove(&session.id).unwrap_or_default(),
    };
    sessions.into_iter().map(log).collect()
}

/// The same text as before, if it was there before: a run says the same again and again.
pub fn one_of(known: &mut BTreeSet<Text>, text: String) -> Text {
    if let Some(known) = known.get(text.as_str()) {
        return known.clone();
    }
    let text = Text::from(text);
    known.insert(text.clone());
    text
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
