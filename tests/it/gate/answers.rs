//! How much an answer may weigh, which nobody knows before it is made.

use parlor::domain::Rev;
use serde_json::{Value, json};

use crate::helpers::{Person, TestApp, TestDatabase, session_id};
use crate::transports::Transport;

const MOST: u64 = 65_536;

/// Twice as long, and with what is around it, still fits; three times does not.
const LONG: usize = 30_000;

async fn small() -> (TestApp, Person, String) {
    let variables = [("PARLOR_MAX_ANSWER_BYTES", "65536")];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    (app, ada, session)
}

/// Asks for the content so many times in one selection.
fn contents(count: usize) -> String {
    (0..count).map(|n| format!("c{n}: content ")).collect()
}

/// Expects the refusal, at this place.
fn expect_too_much(answer: &Value, path: &Value) {
    assert_eq!(answer.get("data"), Some(&Value::Null), "{answer:.300}");
    assert_eq!(
        answer["errors"].as_array().unwrap().len(),
        1,
        "{answer:.300}"
    );
    let error = &answer["errors"][0];
    assert_eq!(&error["path"], path);
    let told =
        json!({"code": "BAD_USER_INPUT", "field": "query", "limit": "answerBytes", "most": MOST});
    assert_eq!(error["extensions"], told);
}

#[tokio::test]
async fn an_answer_has_so_many_bytes_on_every_transport() {
    let (app, ada, session) = small().await;
    for _ in 0..3 {
        ada.say(Some(&session), &"x".repeat(LONG)).await;
    }
    let page = |rows: usize| {
        let query = "query ($id: ID!, $rows: Int!) {
            history(sessionId: $id, last: $rows) { nodes { content } }
        }";
        json!({"query": query, "variables": {"id": session, "rows": rows}})
    };
    for transport in Transport::ALL {
        let answer = transport.ask(app.url(), Some(ada.token()), &page(2)).await;
        let nodes = answer["data"]["history"]["nodes"].as_array();
        assert_eq!(nodes.map(Vec::len), Some(2), "{transport:?}: {answer:.300}");
        let answer = transport.ask(app.url(), Some(ada.token()), &page(3)).await;
        expect_too_much(&answer, &json!(["history", "nodes", 2, "content"]));
    }
}

#[tokio::test]
async fn a_mutation_whose_answer_is_too_long_has_been_made() {
    let (app, ada, session) = small().await;
    let query = format!(
        "mutation ($input: SendMessageInput!) {{
            sendMessage(input: $input) {{ message {{ {} }} }}
        }}",
        contents(3)
    );
    let input = json!({"sessionId": session, "content": "x".repeat(LONG)});
    let request = json!({"query": query, "variables": {"input": input}});
    let answer = Transport::Post
        .ask(app.url(), Some(ada.token()), &request)
        .await;
    expect_too_much(&answer, &json!(["sendMessage", "message", "c2"]));
    let told = answer["errors"][0]["message"].as_str().unwrap();
    assert!(told.contains(" `sendMessage` has been done "), "{told}");
    assert_eq!(ada.history(&session).await.len(), 1);
}

#[tokio::test]
async fn of_several_mutations_none_is_made_after_the_one_with_which_the_answer_is_too_long() {
    let (app, ada, session) = small().await;
    let send = |name: &str, times: usize| {
        let input = format!("{{sessionId: \"{session}\", content: $text, clientKey: \"{name}\"}}");
        format!(
            "{name}: sendMessage(input: {input}) {{ message {{ {} }} }} ",
            contents(times)
        )
    };
    let query = format!(
        "mutation ($text: String!) {{ {} {} {} }}",
        send("first", 1),
        send("second", 2),
        send("third", 0).replace("{  }", "{ id }"),
    );
    let request = json!({"query": query, "variables": {"text": "x".repeat(LONG)}});
    let answer = Transport::Post
        .ask(app.url(), Some(ada.token()), &request)
        .await;
    expect_too_much(&answer, &json!(["second", "message", "c1"]));
    let told = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        told.contains(" `second` has been done nevertheless, and what stands before it;"),
        "{told}"
    );
    assert_eq!(ada.history(&session).await.len(), 2);
}

#[tokio::test]
async fn the_names_of_types_weigh_too() {
    let (app, ada, session) = small().await;
    app.db_fill(&session, 200, 0).await;
    let names: String = (0..23)
        .map(|n| format!("this_one_is_called_{n}: __typename "))
        .collect();
    let page = |rows: usize| {
        let query = format!(
            "{{ history(sessionId: \"{session}\", last: {rows}) {{ nodes {{ {names} }} }} }}"
        );
        json!({"query": query})
    };
    let answer = Transport::Post
        .ask(app.url(), Some(ada.token()), &page(20))
        .await;
    assert!(answer["data"]["history"].is_object(), "{answer:.300}");
    let answer = Transport::Post
        .ask(app.url(), Some(ada.token()), &page(200))
        .await;
    let limit = &answer["errors"][0]["extensions"]["limit"];
    assert_eq!(limit, "answerBytes", "{answer:.300}");
}

#[tokio::test]
async fn an_event_that_is_too_long_ends_its_subscription_with_the_reason() {
    let (app, ada, session) = small().await;
    ada.say(Some(&session), &"x".repeat(LONG)).await;
    let epoch = app.app().epoch();
    let after = app.app().seal_cursor(epoch, session_id(&session), Rev(0));
    let watch = |count: usize| {
        let query = format!(
            "subscription ($id: ID!, $after: String!) {{
                sessionEvents(sessionId: $id, after: $after) {{
                    ... on MessageAdded {{ message {{ {} }} }}
                }}
            }}",
            contents(count)
        );
        json!({"query": query, "variables": {"id": session, "after": after}})
    };
    for transport in [Transport::Socket, Transport::Events, Transport::Multipart] {
        let answer = transport.ask(app.url(), Some(ada.token()), &watch(2)).await;
        let message = &answer["data"]["sessionEvents"]["message"];
        assert_eq!(
            message["c1"].as_str().map(str::len),
            Some(LONG),
            "{transport:?}"
        );
        let answer = transport.ask(app.url(), Some(ada.token()), &watch(3)).await;
        expect_too_much(&answer, &json!(["sessionEvents", "message", "c2"]));
    }
}
