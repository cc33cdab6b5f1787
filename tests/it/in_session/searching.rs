//! Searching: as people type, in what is theirs.

use serde_json::{Value, json};

use super::{Pair, delete, edit};
use crate::helpers::{Answer, Person, TestApp, TestDatabase, session_id};
use crate::replies::support::claim;

async fn ask(person: &Person, variables: Value) -> Answer {
    let query = "query ($text: String!, $session: ID, $first: Int, $after: String) {
        search(text: $text, sessionId: $session, first: $first, after: $after) {
            nodes { content seq } pageInfo { hasNextPage hasPreviousPage endCursor }
        }
    }";
    person.ask(query, variables).await
}

/// What is found, in order.
async fn found(person: &Person, text: &str) -> Vec<String> {
    let mut data = ask(person, json!({ "text": text })).await.data();
    let nodes = data["search"]["nodes"].take();
    let nodes = nodes.as_array().unwrap().iter();
    nodes
        .map(|node| node["content"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn words_are_found_as_people_type_them() {
    let pair = Pair::start().await;
    for content in [
        "green tea with milk",
        "black coffee",
        "tea, green as grass",
        "ÄPFEL und Straße",
        "write to user@example.org",
        "東京タワー",
        "it's 12.5 kilometres",
        "don't say or",
    ] {
        pair.say(&pair.ada, content).await;
    }
    let all = [
        ("tea", vec!["tea, green as grass", "green tea with milk"]),
        (
            "TEA green",
            vec!["tea, green as grass", "green tea with milk"],
        ),
        ("\"green tea\"", vec!["green tea with milk"]),
        ("\"green te", vec![]),
        ("tea -milk", vec!["tea, green as grass"]),
        (
            "tea -mil",
            vec!["tea, green as grass", "green tea with milk"],
        ),
        ("mil", vec!["green tea with milk"]),
        ("mil ", vec![]),
        ("te mil", vec![]),
        (
            "coffee or grass",
            vec!["black coffee", "tea, green as grass"],
        ),
        (
            "coffee or green mil",
            vec!["black coffee", "green tea with milk"],
        ),
        ("coffee or", vec!["black coffee"]),
        ("äpf", vec!["ÄPFEL und Straße"]),
        ("user@exam", vec!["write to user@example.org"]),
        ("user@example.org", vec!["write to user@example.org"]),
        ("東京", vec!["東京タワー"]),
        ("12.5", vec!["it's 12.5 kilometres"]),
        ("nowhere", vec![]),
    ];
    for (text, expected) in all {
        let mut told = found(&pair.ada, text).await;
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{text}");
    }
}

#[tokio::test]
async fn the_best_comes_first_and_among_equals_the_newest() {
    let pair = Pair::start().await;
    for content in ["tea one", "nothing", "tea tea", "tea two"] {
        pair.say(&pair.ada, content).await;
    }
    assert_eq!(
        found(&pair.ada, "tea").await,
        ["tea tea", "tea two", "tea one"]
    );
}

#[tokio::test]
async fn only_ones_own_sessions_are_searched() {
    let pair = Pair::start().await;
    let cleo = pair.app.person("cleo").await;
    pair.say(&pair.ada, "a canary").await;
    let elsewhere = pair.ada.quiet_session().await;
    pair.ada.say(Some(&elsewhere), "another canary").await;
    assert_eq!(found(&pair.ada, "canary").await.len(), 2);
    assert_eq!(found(&pair.bob, "canary").await, ["a canary"]);
    let session = session_id(&elsewhere);
    // A session's own word is nobody's, and no text can have it.
    for text in [
        "canary",
        "-xyz canary",
        "canary or xyz",
        &session.to_string(),
        &format!(" {session}"),
        "0",
    ] {
        assert_eq!(found(&cleo, text).await, [""; 0], "{text}");
    }
    let narrowed = ask(&pair.ada, json!({"text": "canary", "session": elsewhere}))
        .await
        .data();
    let nodes = json!([{"content": "another canary", "seq": 1}]);
    assert_eq!(narrowed["search"]["nodes"], nodes);
    let theirs = ask(&pair.bob, json!({"text": "canary", "session": elsewhere})).await;
    let none = parlor::domain::NodeId::Session(parlor::domain::SessionId::new()).encode();
    let none = ask(&pair.bob, json!({"text": "canary", "session": none})).await;
    assert_eq!(theirs.0, none.0);
    theirs.expect_error("NOT_FOUND", None);
}

#[tokio::test]
async fn what_is_found_is_what_stands() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let sent = ada.say(None, "the first canary").await;
    let claim = claim(&app, parlor::domain::RunnerId::new()).await;
    let services = parlor::services::replies::checkpoint(app.app(), &claim, "half a canary").await;
    services.unwrap().unwrap();
    assert_eq!(found(&ada, "canary").await, ["the first canary"]);
    let whole = parlor::services::replies::complete(app.app(), &claim, "a whole canary".to_owned());
    whole.await.unwrap().unwrap();
    assert_eq!(found(&ada, "whole canary").await, ["a whole canary"]);
    let id = &sent["message"]["id"];
    edit(&ada, id, "a sparrow").await.data();
    assert_eq!(found(&ada, "canary").await, ["a whole canary"]);
    assert_eq!(found(&ada, "sparrow").await, ["a sparrow"]);
    delete(&ada, &sent["reply"]["id"]).await.data();
    delete(&ada, id).await.data();
    for text in ["canary", "sparrow", "c"] {
        assert_eq!(found(&ada, text).await, [""; 0]);
    }
}

#[tokio::test]
async fn no_text_breaks_it() {
    let pair = Pair::start().await;
    let cleo = pair.app.person("cleo").await;
    pair.say(&pair.ada, "it's a 'canary' \\ & | ! : * @ %")
        .await;
    let session = session_id(&pair.session);
    let marker = format!("' {session}'");
    let texts = [
        "'",
        "''",
        "\\",
        "\\'",
        "canary'",
        "'; drop table messages; --",
        "a:*",
        ":*",
        "*",
        "a & b",
        "a | | b",
        "!",
        "!!a",
        "(",
        ")",
        "((a)",
        "<->",
        "a <-> b",
        "a <999999> b",
        "\"",
        "\"\"",
        "\"a",
        "a\"b",
        "- -",
        "--a",
        "-",
        "or",
        "or or or",
        "@",
        "@ ",
        "%",
        "_",
        "$1",
        "\u{7f}",
        "\u{feff}",
        "🙂",
        "🙂 canary",
        "\u{202e}abc",
        "𝕒𝕓𝕔",
        "e\u{301}",
        "İ",
        "ﬁ",
        "http://a.b/c?d=e&f",
        "a@b",
        "1e999",
        "-1",
        "+",
        "\t",
        "a\tb\nc",
        &marker,
        &"a ".repeat(100),
        &"\"".repeat(200),
        &"x".repeat(200),
        &"-".repeat(200),
        &"- ".repeat(100),
        &"-a ".repeat(66),
        &"\"-".repeat(100),
        &"-\"\" ".repeat(50),
        &"' ".repeat(100),
        &"or ".repeat(60),
        &"\\".repeat(199),
        "a:b:c",
        "a:A",
        "'a':*",
        "a\u{a0}b",
        "\u{3000}a",
        "a\\:*",
    ];
    for text in texts {
        for person in [&pair.ada, &cleo] {
            let answer = ask(person, json!({ "text": text })).await;
            if answer.0["errors"].is_null() {
                let data = answer.data();
                let nodes = data["search"]["nodes"].as_array().unwrap();
                let is_cleo = std::ptr::eq(person, &cleo);
                assert!(nodes.len() <= usize::from(!is_cleo), "{text}: {nodes:?}");
            } else {
                answer.expect_error("BAD_USER_INPUT", Some("text"));
            }
        }
    }
    for nothing in ["-canary", "🙂", "!", "tea or -canary", "or"] {
        let refused = ask(&pair.ada, json!({ "text": nothing })).await;
        refused.expect_error("BAD_USER_INPUT", Some("text"));
    }
}

#[tokio::test]
async fn pages_follow_on_each_other_in_short_sessions_and_in_long_ones() {
    let pair = Pair::start().await;
    let long = pair.ada.quiet_session().await;
    pair.app.db_fill(&long, 1_100, 1).await;
    pair.app.db_fill(&pair.session, 40, 1).await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for page in 0.. {
        let data = ask(
            &pair.ada,
            json!({"text": "x", "first": 190, "after": after}),
        )
        .await
        .data();
        let nodes = data["search"]["nodes"].as_array().unwrap();
        seen.extend(
            nodes
                .iter()
                .map(|node| node["content"].as_str().unwrap().to_owned()),
        );
        let info = &data["search"]["pageInfo"];
        assert_eq!(info["hasPreviousPage"], page > 0);
        after = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 1_140);
    // They fit alike: the newer session first, in it the newest.
    let expected = (1..=1_100).rev().chain((1..=40).rev());
    let expected: Vec<String> = expected.map(|seq| format!("{seq} x")).collect();
    assert_eq!(seen, expected);
    assert_eq!(found(&pair.ada, "1050 x").await, ["1050 x"]);
    assert_eq!(found(&pair.ada, "\"7 x\"").await, ["7 x", "7 x"]);

    let first = ask(&pair.ada, json!({"text": "x", "first": 1}))
        .await
        .data();
    let after = &first["search"]["pageInfo"]["endCursor"];
    for other in [
        json!({"text": "y", "after": after}),
        json!({"text": "x", "session": long, "after": after}),
    ] {
        let refused = ask(&pair.ada, other).await;
        refused.expect_error("BAD_USER_INPUT", Some("after"));
    }
}
