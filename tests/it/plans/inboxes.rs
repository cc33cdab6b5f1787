//! What an inbox costs somebody with 2,000 sessions, among many more of others: by event, and on coming back.

use std::time::Instant;

use serde_json::json;

use super::GENERIC;
use super::observed::Observed;
use crate::helpers::{Person, TestDatabase, Watch};

/// Ada's sessions, of so many messages each, which Bob is in too.
const SESSIONS: i64 = 2_000;
const EACH: i64 = 100;

/// Sessions of others.
const OTHERS: i64 = 20_000;

const TABLES: &[&str] = &["sessions", "members", "departures", "messages"];

async fn fill(database: &TestDatabase, _session: &str) {
    database
        .execute(&format!(
            "set session_replication_role = replica; set synchronous_commit = off;
             insert into users (id, username, username_key, display_name, role)
             select gen_random_uuid(), 'other-' || n, 'other-' || n, 'Other', 'MEMBER' from generate_series(1, 2) n;
             with new as (
                insert into sessions (id, kind, owner_id, last_seq, rev)
                select gen_random_uuid(), 'PRIVATE', u.id,
                       case when u.username = 'ada' then {EACH} else 0 end,
                       case when u.username = 'ada' then {EACH} else 0 end
                from users u, generate_series(1, case when u.username = 'ada' then {SESSIONS} else {OTHERS} / 2 end)
                where u.username = 'ada' or u.username like 'other-%'
                returning id, owner_id, last_seq
             ), owner as (
                insert into members (session_id, user_id) select id, owner_id from new
             ), gone as (
                insert into departures (session_id, user_id)
                select gen_random_uuid(), owner_id from new
             )
             insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status)
             select id, n, n, n, n, owner_id, 'message ' || n, 'COMPLETE'
             from new, generate_series(1, last_seq) n;
             analyze;"
        ))
        .await;
}

#[tokio::test]
async fn an_event_costs_the_same_however_many_sessions_one_has() {
    for settings in [&[] as &[&str], GENERIC] {
        let observed = Observed::with(settings, fill).await;
        let (app, ada) = (&observed.app, &observed.ada);
        let (bob, carol) = (app.person("bob").await, app.person("carol").await);
        let shared = bob
            .start(json!({"usernames": ["ada", "carol"], "chatbots": []}))
            .await;
        let bobs = bob.quiet_session().await;
        let say = async |session: &str| {
            let before = app.app().db().statements();
            bob.say(Some(session), "hello").await;
            app.app().db().statements() - before
        };
        let alone = say(&shared).await;
        assert_eq!(say(&shared).await, alone);

        // Carol has one session, Ada thousands.
        let mut costs = Vec::new();
        for person in [&carol, ada] {
            let mut watch = opened(person).await;
            for _ in 0..2 {
                let before = app.app().db().statements();
                bob.say(Some(&shared), "hello").await;
                watch.expect("SessionUpdated").await;
                costs.push(app.app().db().statements() - before - alone);
            }
        }
        // Its state under the seat; the last message; the seat, with it and behind it.
        assert_eq!(costs, [4, 4, 4, 4]);

        let mut watch = opened(ada).await;
        let event = observed.during_on(TABLES, async {
            bob.say(Some(&shared), "hello").await;
            watch.expect("SessionUpdated").await;
        });
        let event = event.await;
        event.indexes();
        assert!(event.rows() < 40.0, "{} rows: {event:#?}", event.rows());
        // What is said where she is not costs her inbox nothing.
        assert_eq!(say(&bobs).await, alone);
    }
}

#[tokio::test]
async fn coming_back_reads_a_few_bytes_a_session_and_what_has_changed() {
    for settings in [&[] as &[&str], GENERIC] {
        let observed = Observed::with(settings, fill).await;
        let (app, ada) = (&observed.app, &observed.ada);
        let bob = app.person("bob").await;
        let cursor = ada.watch_inbox(None).await.caught_up().await;
        for _ in 0..3 {
            let input = json!({"usernames": ["ada"], "chatbots": []});
            bob.start(input).await;
        }
        let statements = app.app().db().statements();
        let began = Instant::now();
        let back = observed.during_on(TABLES, async {
            let mut watch = ada.watch_inbox(Some(&cursor)).await;
            for _ in 0..3 {
                watch.expect("SessionAdded").await;
            }
            watch.caught_up().await;
        });
        let back = back.await;
        println!(
            "back after {:?}: {} rows, {} statements",
            began.elapsed(),
            back.rows(),
            app.app().db().statements() - statements
        );
        back.indexes();
        // Her seats, twice as a bitmap; each seat's session; the seats once more, to watch them.
        let most = 7.0 * SESSIONS as f64;
        assert!(back.rows() <= most, "{} rows: {back:#?}", back.rows());
        assert!(back.sorted <= 10.0, "{back:#?}");
    }
}

async fn opened(person: &Person) -> Watch {
    let mut watch = person.watch_inbox(None).await;
    watch.caught_up().await;
    watch
}
