//! What a search reads: what is one's own, whatever others have said.

use parlor::domain::NodeId;
use serde_json::json;

use super::GENERIC;
use super::observed::Observed;
use super::reading::Reading;
use crate::helpers::{Person, TestDatabase};

/// Everybody's messages: so many sessions of so many. A hundredth of the sessions are Ada's.
const SESSIONS: i64 = 2_000;
const EACH: i64 = 100;
const OWN: i64 = SESSIONS / 100;

/// Ada has a long session as well.
const LONG: i64 = 20_000;

/// Behind the API. Every message has the word "common"; a rare one is in every tenth session, and thrice in the
/// long one.
async fn fill(database: &TestDatabase, session: &str) {
    let Some(NodeId::Session(long)) = NodeId::decode(session) else {
        unreachable!()
    };
    let insert = "insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status)";
    database
        .execute(&format!(
            "set session_replication_role = replica; set synchronous_commit = off;
             insert into users (id, username, username_key, display_name, role)
             values ('00000000-0000-0000-0000-000000000001', 'bob', 'bob', 'Bob', 'MEMBER');
             with other as (
                insert into sessions (id, kind, owner_id, last_seq, rev)
                select gen_random_uuid(), 'PRIVATE',
                       case when n % 100 = 0 then owner_id else '00000000-0000-0000-0000-000000000001' end,
                       {EACH}, {EACH}
                from sessions, generate_series(1, {SESSIONS}) n returning id, owner_id
             ), member as (
                insert into members (session_id, user_id) select id, owner_id from other
             )
             {insert}
             select id, n, n, n, n, owner_id,
                    'common words ' || n || case when n = 7 and left(id::text, 1) = '7' then ' rare' else '' end,
                    'COMPLETE'
             from other, generate_series(1, {EACH}) n;
             {insert}
             select id, n, n, n, n, owner_id,
                    'common words ' || n || case when n % 9000 = 7 then ' rare' else '' end, 'COMPLETE'
             from sessions, generate_series(1, {LONG}) n where id = '{long}';
             update sessions set last_seq = {LONG}, rev = {LONG} where id = '{long}';"
        ))
        .await;
    database.execute("analyze").await;
}

async fn search(
    observed: &Observed,
    person: &Person,
    text: &str,
    session: Option<&str>,
) -> Reading {
    let query = "query ($text: String!, $session: ID) {
        search(text: $text, sessionId: $session) { nodes { seq } }
    }";
    let variables = json!({"text": text, "session": session});
    let reading = observed.during(async {
        let answer = person.ask(query, variables).await.data();
        let nodes = answer["search"]["nodes"].as_array().unwrap();
        assert!(!nodes.is_empty(), "{text}");
    });
    reading.await
}

#[tokio::test]
async fn a_search_reads_what_is_ones_own_and_of_a_long_session_what_fits() {
    for settings in [&[] as &[&str], GENERIC] {
        let observed = Observed::with(settings, fill).await;
        let (ada, long) = (&observed.ada, observed.session.as_str());
        // A row that is found by way of a bitmap counts twice: in the index and in the table.
        let short = 2.0 * (OWN * EACH) as f64;
        let rare = search(&observed, ada, "rare", None).await;
        assert!(
            rare.rows() <= short + 30.0,
            "{} rows: {rare:#?}",
            rare.rows()
        );
        assert!(rare.uses("messages_words"), "{rare:#?}");
        assert_eq!(rare.statements, 1);
        let rare = search(&observed, ada, "rare", Some(long)).await;
        assert!(rare.rows() <= 30.0, "{} rows: {rare:#?}", rare.rows());

        // A word that everybody uses costs what Ada has said herself: it is ranked.
        let most = short + 2.0 * LONG as f64 + 30.0;
        for text in ["common", "comm", "c", "common words"] {
            let common = search(&observed, ada, text, None).await;
            assert!(common.rows() <= most, "{} rows: {common:#?}", common.rows());
            assert_eq!(common.statements, 1);
        }

        // Who has little reads little.
        let cleo = observed.app.person("cleo").await;
        let session = cleo.quiet_session().await;
        cleo.say(Some(&session), "common and rare").await;
        for text in ["common", "rare", "c"] {
            let little = search(&observed, &cleo, text, None).await;
            assert!(little.rows() <= 5.0, "{} rows: {little:#?}", little.rows());
        }
    }
}
