//! Reading what was said: pages that show every message once, at a fixed cost.

use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, TestDatabase};

/// A server that writes no replies, and somebody with a session of so many messages, numbered from 1.
async fn with_history(messages: usize) -> (TestApp, Person, String) {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for number in 1..=messages {
        ada.say(Some(&session), &number.to_string()).await;
    }
    (app, ada, session)
}

fn seqs(connection: &Value) -> Vec<i64> {
    let nodes = connection["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["seq"].as_i64().unwrap())
        .collect()
}

const PAGE: &str = "query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    session(id: $id) { messages(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { seq } } nodes { seq }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }
}";

async fn page(person: &Person, mut variables: Value, session: &str) -> Value {
    variables["id"] = json!(session);
    person.ask(PAGE, variables).await.data()["session"]["messages"].take()
}

#[tokio::test]
async fn the_fifty_newest_come_by_default_newest_last() {
    let (_app, ada, session) = with_history(60).await;
    let newest = page(&ada, json!({}), &session).await;
    assert_eq!(seqs(&newest), (11..=60).collect::<Vec<_>>());
    assert_eq!(newest["pageInfo"]["hasPreviousPage"], true);
    assert_eq!(newest["pageInfo"]["hasNextPage"], false);
    let history = "query ($id: ID) { history(sessionId: $id) { nodes { seq } } }";
    for id in [json!(session), Value::Null] {
        let answer = ada.ask(history, json!({ "id": id })).await.data();
        assert_eq!(seqs(&answer["history"]), (11..=60).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn walking_either_way_shows_every_message_once() {
    let (_app, ada, session) = with_history(23).await;
    let (mut forward, mut after) = (Vec::new(), Value::Null);
    loop {
        let shown = page(&ada, json!({"first": 5, "after": after}), &session).await;
        forward.extend(seqs(&shown));
        assert_eq!(
            shown["edges"][0]["cursor"],
            shown["pageInfo"]["startCursor"]
        );
        after = shown["pageInfo"]["endCursor"].clone();
        if shown["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(forward, (1..=23).collect::<Vec<_>>());

    let (mut backward, mut before) = (Vec::new(), Value::Null);
    loop {
        let shown = page(&ada, json!({"last": 5, "before": before}), &session).await;
        backward.splice(0..0, seqs(&shown));
        before = shown["pageInfo"]["startCursor"].clone();
        if shown["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(backward, forward);
    let between = json!({"first": 200, "after": before_of(&ada, &session, 5).await, "before": before_of(&ada, &session, 9).await});
    assert_eq!(seqs(&page(&ada, between, &session).await), [6, 7, 8]);
}

/// The cursor of the edge at this place.
async fn before_of(person: &Person, session: &str, seq: usize) -> Value {
    let all = page(person, json!({"first": 200}), session).await;
    all["edges"][seq - 1]["cursor"].clone()
}

#[tokio::test]
async fn the_history_of_one_session_shows_up_to_200_at_a_time_and_each_once() {
    let (_app, ada, session) = with_history(205).await;
    let query = "query ($id: ID!, $last: Int!, $before: String) {
        history(sessionId: $id, last: $last, before: $before) {
            nodes { seq } pageInfo { hasPreviousPage startCursor }
        } }";
    for (last, pages) in [(200, 2), (90, 3)] {
        let (mut seen, mut before) = (Vec::new(), Value::Null);
        for page in 1..=pages {
            let variables = json!({"id": session, "last": last, "before": before});
            let shown = ada.ask(query, variables).await.data()["history"].take();
            seen.splice(0..0, seqs(&shown));
            before = shown["pageInfo"]["startCursor"].clone();
            assert_eq!(shown["pageInfo"]["hasPreviousPage"], page < pages);
        }
        assert_eq!(seen, (1..=205).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn all_of_ones_sessions_are_merged_by_time() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let sessions = [
        ada.quiet_session().await,
        ada.quiet_session().await,
        ada.quiet_session().await,
    ];
    let elsewhere = bob.quiet_session().await;
    let mut said = Vec::new();
    for number in 0..20 {
        ada.say(Some(&sessions[number * 7 % 3]), &number.to_string())
            .await;
        bob.say(Some(&elsewhere), "not ada's").await;
        said.push(number.to_string());
    }
    // The same microsecond in several sessions: nothing may fall between two pages.
    app.database()
        .execute("update messages set created_at = '2026-01-01' where seq <= 4")
        .await;

    let query = "query ($before: String) { history(last: 3, before: $before) {
        nodes { content } pageInfo { startCursor hasPreviousPage } } }";
    let (mut read, mut before) = (Vec::new(), Value::Null);
    loop {
        let answer = ada.ask(query, json!({ "before": before })).await.data();
        let nodes = answer["history"]["nodes"].as_array().unwrap();
        let texts = nodes
            .iter()
            .map(|node| node["content"].as_str().unwrap().to_owned());
        read.splice(0..0, texts);
        before = answer["history"]["pageInfo"]["startCursor"].clone();
        if answer["history"]["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    read.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert_eq!(read, said);
}

#[tokio::test]
async fn a_page_costs_the_same_statements_however_many_rows_it_shows() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for number in 0..20 {
        // Each with a reply owed, so that authors are people and chatbots.
        let sent = ada.say(None, &format!("hello {number}")).await;
        ada.say(sent["session"]["id"].as_str(), "again").await;
    }
    let session = ada.say(None, "long").await["session"]["id"].clone();
    for number in 0..24 {
        ada.say(session.as_str(), &number.to_string()).await;
        // Behind the API: each is answered before the next, or they would be answered together.
        let end =
            "update messages set status = 'COMPLETE', finished_rev = rev where status = 'PENDING'";
        app.database().execute(end).await;
    }

    let messages = "query ($id: ID!, $rows: Int!) { history(sessionId: $id, last: $rows) { nodes {
        author { ... on User { username } ... on Chatbot { handle } }
        inReplyTo { seq } session { id title } } } }";
    let sessions = "query ($rows: Int!) { sessions(first: $rows) { nodes {
        owner { username } members(first: 10) { user { username } isOwner readUpTo } chatbots { handle }
        lastMessage { content author { __typename } } unreadCount } } }";
    for (query, few, many, at_most) in [(messages, 10, 50, 7), (sessions, 3, 20, 9)] {
        let mut costs = Vec::new();
        for rows in [few, many] {
            let before = app.app().db().statements();
            ada.ask(query, json!({"id": session, "rows": rows}))
                .await
                .data();
            costs.push(app.app().db().statements() - before);
        }
        assert_eq!(costs[0], costs[1], "{query}");
        assert!(costs[1] <= at_most, "{} statements: {query}", costs[1]);
    }
}

#[tokio::test]
async fn the_session_changed_last_is_listed_first() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let mut sessions = Vec::new();
    for _ in 0..7 {
        sessions.push(ada.quiet_session().await);
    }
    ada.say(Some(&sessions[2]), "hello").await;
    let list = "query ($after: String) { sessions(first: 3, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } }";
    let (mut listed, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = ada.ask(list, json!({ "after": after })).await.data();
        let nodes = answer["sessions"]["nodes"].as_array().unwrap();
        listed.extend(
            nodes
                .iter()
                .map(|node| node["id"].as_str().unwrap().to_owned()),
        );
        after = answer["sessions"]["pageInfo"]["endCursor"].clone();
        if answer["sessions"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let expected: Vec<String> = [2, 6, 5, 4, 3, 1, 0]
        .iter()
        .map(|at: &usize| sessions[*at].clone())
        .collect();
    assert_eq!(listed, expected);
}
