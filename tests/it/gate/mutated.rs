//! Ten thousand documents that were right before somebody had them.

use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::helpers::TestApp;

const DOCUMENTS: usize = 10_000;

/// What clients really send.
const RIGHT: &[&str] = &[
    "query Me { me { id username displayName } }",
    "query ($first: Int = 20) { sessions(first: $first) { nodes { id title unreadCount } pageInfo { endCursor } } }",
    "{ history(last: 5) { nodes { id seq content status author { ... on User { username } } } } }",
    "mutation Say($text: String!) { sendMessage(input: {content: $text}) { message { seq } reply { status } } }",
    "mutation { startSession(input: {title: \"a\\u0041\\\"\", chatbots: []}) { id } }",
    "subscription { sessionEvents(sessionId: \"x\") { __typename ... on ReplyDelta { text } } }",
    "query A { ...F } fragment F on Query { serverInfo { name @include(if: true) } } query B { b: __typename }",
    "{ chatbot(handle: \"\"\"\n  parlor\n  \"\"\") { id handle } # a comment\n}",
    "{ __schema { types { name fields { name type { kind ofType { name } } } } } }",
];

/// Pieces that mean something to whoever reads a document.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    "\"",
    "\"\"\"",
    "\\",
    "$",
    "@",
    ":",
    "!",
    "=",
    "|",
    "&",
    "#",
    ",",
    "\u{feff}",
    "\0",
    "é",
    "\u{202e}",
    "-",
    "1e999",
    "0x1",
    "9999999999999999999999",
    "null",
    "true",
    "on",
    "fragment F on Query",
    "query",
    "mutation",
    "subscription",
    "...F",
    "$text",
    "@skip(if: $text)",
    "__typename",
    "__schema",
    "first: -1",
    "first: 200",
];

/// One change: where, how much goes, and what comes.
type Change = (prop::sample::Index, usize, Option<usize>);

fn mutated() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        0..12_usize,
        prop::option::of(0..PIECES.len()),
    );
    let changes = prop::collection::vec(change, 1..6);
    (prop::sample::select(RIGHT), changes).prop_map(|(right, changes)| {
        let mut letters: Vec<char> = right.chars().collect();
        for change in changes {
            apply(&mut letters, change);
        }
        letters.into_iter().collect()
    })
}

fn apply(letters: &mut Vec<char>, (at, gone, piece): Change) {
    let at = at.index(letters.len() + 1);
    let end = (at + gone).min(letters.len());
    let moved: Vec<char> = letters.drain(at..end).collect();
    let comes: Vec<char> = match piece {
        Some(piece) => PIECES[piece].chars().collect(),
        // What was taken out comes in elsewhere, twice.
        None => moved.repeat(2),
    };
    let place = if piece.is_some() { at } else { at / 2 };
    letters.splice(place..place, comes);
}

#[tokio::test]
async fn ten_thousand_mutated_documents_are_answered_and_none_breaks_anything() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let client = reqwest::Client::new();
    let mut runner = TestRunner::deterministic();
    let strategy = mutated();
    let documents = std::iter::repeat_with(|| strategy.new_tree(&mut runner).unwrap().current());
    let documents: Vec<String> = documents.take(DOCUMENTS).collect();
    let answers = stream::iter(documents.iter().enumerate()).map(async |(number, document)| {
        let body = json!({"query": document, "variables": {"text": "hello"}});
        let mut request = client.post(format!("{}/graphql", app.url())).json(&body);
        // Most strangers have no account.
        if number % 4 == 0 {
            request = request.bearer_auth(ada.token());
        }
        let response = request.send().await.unwrap();
        assert!(!response.status().is_server_error(), "{document:?}");
        let answer: Value = response.json().await.unwrap();
        let codes = answer["errors"].as_array().into_iter().flatten();
        for code in codes.map(|error| error["extensions"]["code"].as_str().unwrap_or_default()) {
            let fault = ["", "INTERNAL", "UNAVAILABLE"].contains(&code);
            assert!(!fault, "{document:?}: {answer}");
        }
        answer.get("errors").is_some()
    });
    let refused: Vec<bool> = answers.buffer_unordered(16).collect().await;
    assert_eq!(refused.len(), DOCUMENTS);
    let refused = refused.into_iter().filter(|refused| *refused).count();
    // The changes are worth something, and are not all of one kind.
    assert!((DOCUMENTS / 2..DOCUMENTS).contains(&refused), "{refused}");
    let answer = ada.ask("{ me { username } }", json!({})).await;
    assert_eq!(answer.data()["me"]["username"], "ada");
}
