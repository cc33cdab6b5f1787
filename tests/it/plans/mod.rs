//! What PostgreSQL really did for each operation on a long history: which indexes, how many rows.
//!
//! The server under test runs its own statements; `auto_explain` writes their plans to PostgreSQL's log,
//! with the rows that were read. So the cost is judged as it is, prepared statements included.

mod inboxes;
mod observed;
mod reading;
mod searching;

use serde_json::json;

use observed::Observed;

/// Messages in the session. Every tenth has changed since its birth.
const HISTORY: i64 = 200_000;

/// Other sessions of the same person, of so many messages each.
const OTHERS: i64 = 20;
const OTHER_HISTORY: i64 = 200;

/// So that a statement is planned for any parameters, as one is that was prepared and used often.
const GENERIC: &[&str] = &["plan_cache_mode = force_generic_plan"];

#[tokio::test]
async fn a_long_history_costs_no_more_than_a_short_one() {
    pages_and_sends_cost_what_they_show(&Observed::start(&[]).await).await;
}

#[tokio::test]
async fn a_statement_used_often_is_planned_no_worse() {
    let observed = Observed::start(GENERIC).await;
    coming_back_costs_what_was_missed_by(&observed).await;
    pages_and_sends_cost_what_they_show(&observed).await;
}

async fn pages_and_sends_cost_what_they_show(observed: &Observed) {
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
    // Each session offers the keys of a page; of the newest of all, the rows are read.
    let offered = 51.0 * (OTHERS + 1) as f64;
    let indexes = ["messages_created", "messages_pkey"];
    merged.expect(&indexes, offered + 51.0);
    let answer = ada.ask(all, json!({})).await.data();
    let before = answer["history"]["pageInfo"]["startCursor"].clone();
    let merged = observed
        .during(ada.ask(all, json!({ "before": before })))
        .await;
    merged.expect(&indexes, offered + 52.0);

    let keyed = json!({"sessionId": session, "content": "hello", "clientKey": "once"});
    let sent = observed.during(ada.send(keyed.clone())).await;
    // That the key is new, and whether a reply is under way.
    sent.expect(&["messages_client_key", "messages_under_way"], 1.0);
    let again = observed.during(ada.send(keyed)).await;
    again.expect(&["messages_client_key", "messages_pkey"], 2.0);
}

#[tokio::test]
async fn coming_back_costs_what_was_missed() {
    coming_back_costs_what_was_missed_by(&Observed::start(&[]).await).await;
}

async fn coming_back_costs_what_was_missed_by(observed: &Observed) {
    let (ada, session) = (&observed.ada, observed.session.as_str());

    // The newest changes are of old messages: none was born since.
    observed
        .database
        .execute(
            "with head as (select id, rev from sessions order by last_seq desc limit 1),
                  moved as (update sessions set rev = sessions.rev + 30 from head
                            where sessions.id = head.id)
             update messages set rev = head.rev + messages.seq from head
             where messages.session_id = head.id and messages.seq <= 30",
        )
        .await;
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
    let long_ago = observed.cursor_before_head(HISTORY / 10 + 1_030).await;
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
    let observed = Observed::start(&[]).await;
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
    let observed = Observed::start(&[]).await;
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
    assert!(newest.sorted > 100_000.0, "{newest:#?}");
    assert!(newest.complaint(&["messages_pkey"], 201.0).is_some());
}

#[tokio::test]
async fn a_table_read_without_an_index_is_caught() {
    let observed = Observed::start(&[
        "enable_indexscan = off",
        "enable_indexonlyscan = off",
        "enable_bitmapscan = off",
    ])
    .await;
    let newest = observed
        .during(observed.ada.history(&observed.session))
        .await;
    let complaint = newest.complaint(&["messages_pkey"], 201.0).unwrap();
    assert!(complaint.starts_with("without an index"), "{complaint}");
}
