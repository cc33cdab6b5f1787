//! Many messages at once, for tests of what happens under load.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use parlor::bus::Notice;
use parlor::db::log::{PageLimit, entries_after};
use parlor::db::sessions;
use parlor::domain::{NodeId, SessionId};

use super::TestApp;

/// How many messages a transaction has.
const BATCH: usize = 100;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The session that an id names.
pub fn session_id(session: &str) -> SessionId {
    match NodeId::decode(session) {
        Some(NodeId::Session(id)) => id,
        other => panic!("not a session: {other:?}"),
    }
}

impl TestApp {
    /// Behind the API: commits so many messages of the session's owner and announces each, as a send does but
    /// without a transaction each. A message says its seq, a space, and so many times "x".
    pub async fn db_fill(&self, session: &str, count: usize, filler: usize) {
        let id = session_id(session);
        let mut conn = self.database().connect().await;
        let mut left = count;
        while left > 0 {
            let born = left.min(BATCH);
            left -= born;
            let before = sessions::find_rev(&mut conn, id).await.unwrap().unwrap();
            let sql = format!(
                "with head as ( \
                     update sessions set last_seq = last_seq + {born}, rev = rev + {born} \
                     where id = '{id}' \
                     returning last_seq - {born} as seq, rev - {born} as rev, owner_id \
                 ) \
                 insert into messages \
                     (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
                 select '{id}', seq + n, rev + n, rev + n, rev + n, owner_id, \
                     (seq + n) || ' ' || repeat('x', {filler}), 'COMPLETE' \
                 from head, generate_series(1, {born}) n"
            );
            conn.batch_execute(&sql).await.unwrap();
            let all = PageLimit {
                entries: born,
                bytes: usize::MAX / 2,
            };
            let page = entries_after(&mut conn, id, before, all).await.unwrap();
            assert_eq!(page.rows.len(), born);
            for entry in page.rows {
                self.app().bus().publish(Notice::Changed {
                    session: id,
                    messages: vec![entry.message().unwrap().as_ref().clone()],
                });
            }
        }
    }

    /// Waits until so many follow the session here; nothing is for no feed.
    pub async fn followed_by(&self, session: &str, followers: Option<usize>) {
        let id = session_id(session);
        let deadline = Instant::now() + DEADLINE;
        while self.app().feeds().followers(id) != followers {
            assert!(Instant::now() < deadline, "not {followers:?} in time");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Expects a `MessageAdded` that [`TestApp::db_fill`] made.
pub fn expect_filled(event: &serde_json::Value, seq: usize) {
    assert_eq!(event["__typename"], "MessageAdded", "{event}");
    assert_eq!(event["message"]["seq"], seq);
    let content = event["message"]["content"].as_str().unwrap();
    assert!(content.starts_with(&format!("{seq} ")));
}
