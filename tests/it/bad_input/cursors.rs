//! Cursors that were made up, changed, or taken from another list.

use serde_json::{Value, json};

use super::{ADDED, EVENTS, Scene};
use crate::helpers::Person;

const MESSAGES: &str = "query ($id: ID!, $cursor: String) {
    session(id: $id) { messages(first: 1, after: $cursor) { edges { cursor } } }
}";

/// Each list with the argument that takes its cursors; all know the variables `$id` and `$cursor`.
const LISTS: [(&str, &str, &str); 7] = [
    ("after", "session.messages", MESSAGES),
    (
        "before",
        "session.messages",
        "query ($id: ID!, $cursor: String) {
            session(id: $id) { messages(last: 1, before: $cursor) { edges { cursor } } }
        }",
    ),
    (
        "before",
        "history",
        "query ($id: ID!, $cursor: String) {
            session(id: $id) { id } history(before: $cursor) { edges { cursor } }
        }",
    ),
    (
        "before",
        "history.one",
        "query ($id: ID!, $cursor: String) {
            history(sessionId: $id, before: $cursor) { edges { cursor } }
        }",
    ),
    (
        "after",
        "sessions",
        "query ($id: ID!, $cursor: String) {
            session(id: $id) { id } sessions(after: $cursor) { edges { cursor } }
        }",
    ),
    (
        "after",
        "search",
        "query ($id: ID!, $cursor: String) {
            session(id: $id) { id } search(text: \"hello\", after: $cursor) { edges { cursor } }
        }",
    ),
    (
        "after",
        "chatbots",
        "query ($id: ID!, $cursor: String) {
            session(id: $id) { id } chatbots(after: $cursor) { edges { cursor } }
        }",
    ),
];

/// A cursor of a list of this person's.
async fn cursor_of(person: &Person, session: &str, query: &str) -> String {
    let data = person.ask(query, json!({ "id": session })).await.data();
    find_cursor(&data).unwrap_or_else(|| panic!("no cursor: {data}"))
}

fn find_cursor(data: &Value) -> Option<String> {
    match data {
        Value::Object(object) => match object.get("cursor") {
            Some(cursor) => cursor.as_str().map(str::to_owned),
            None => object.values().find_map(find_cursor),
        },
        Value::Array(items) => items.iter().find_map(find_cursor),
        _ => None,
    }
}

/// The list that a cursor belongs to: the two ways to read one session share theirs.
fn family(list: &str) -> &str {
    match list {
        "history.one" => "session.messages",
        other => other,
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let scene = Scene::start().await;
    let log_cursor = {
        let query = "query ($id: ID!) { session(id: $id) { cursor } }";
        cursor_of(&scene.ada, &scene.session, query).await
    };
    for (field, list, query) in LISTS {
        let refuse = async |cursor: &str| {
            let variables = json!({"id": scene.session, "cursor": cursor});
            scene
                .refuses(query, variables, "BAD_USER_INPUT", Some(field))
                .await;
        };
        refuse(&log_cursor).await;
        for (_, other, other_query) in LISTS {
            let cursor = cursor_of(&scene.ada, &scene.session, other_query).await;
            if family(other) == family(list) {
                let variables = json!({"id": scene.session, "cursor": cursor});
                scene.ada.ask(query, variables).await.data();
            } else {
                refuse(&cursor).await;
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_sessions_messages_is_refused() {
    let scene = Scene::start().await;
    let other = scene.ada.say(None, "elsewhere").await["session"]["id"].take();
    let elsewhere = cursor_of(&scene.ada, other.as_str().unwrap(), MESSAGES).await;
    let bobs = cursor_of(&scene.bob, &scene.bobs_session, MESSAGES).await;
    for (field, list, query) in LISTS {
        if family(list) == "session.messages" {
            for cursor in [&elsewhere, &bobs] {
                let variables = json!({"id": scene.session, "cursor": cursor});
                scene
                    .refuses(query, variables, "BAD_USER_INPUT", Some(field))
                    .await;
            }
        }
    }
}

/// What somebody might make of a cursor who can't seal one.
fn forgeries(cursor: &str) -> Vec<String> {
    let changed = |place: usize| {
        let mut bytes = cursor.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    vec![
        changed(0),
        changed(cursor.len() / 2),
        changed(cursor.len() - 2),
        cursor[1..].to_owned(),
        format!("{cursor}AAAA"),
        format!("{cursor}="),
        String::new(),
        "0".to_owned(),
        "\0".to_owned(),
        "é".repeat(40),
        "A".repeat(10_000),
    ]
}

#[tokio::test]
async fn a_forged_cursor_of_a_list_is_refused() {
    let scene = Scene::start().await;
    for (field, _, query) in LISTS {
        let cursor = cursor_of(&scene.ada, &scene.session, query).await;
        for forged in forgeries(&cursor) {
            let variables = json!({"id": scene.session, "cursor": forged});
            scene
                .refuses(query, variables, "BAD_USER_INPUT", Some(field))
                .await;
        }
    }
}

#[tokio::test]
async fn a_forged_or_foreign_cursor_ends_a_subscription_instead_of_beginning_now() {
    let scene = Scene::start().await;
    let log = "query ($id: ID!) { session(id: $id) { cursor } }";
    let mut bad = forgeries(&cursor_of(&scene.ada, &scene.session, log).await);
    bad.push(cursor_of(&scene.bob, &scene.bobs_session, log).await);
    bad.push(cursor_of(&scene.ada, &scene.session, MESSAGES).await);
    for after in bad {
        let variables = json!({"id": scene.session, "after": after});
        let events = scene
            .subscribe(Some(&scene.ada), EVENTS, variables.clone())
            .await;
        let event = &events["payload"]["data"]["sessionEvents"];
        assert_eq!(event["reason"], "CURSOR_UNKNOWN", "{events}");
        let added = scene
            .subscribe(Some(&scene.ada), ADDED, variables)
            .await
            .to_string();
        assert!(
            added.contains(r#""code":"BAD_USER_INPUT","field":"after""#),
            "{added}"
        );
    }
}
