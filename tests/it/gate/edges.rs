//! Each limit lets through exactly what it says, on every transport, and names itself when it refuses.

use reqwest::Client;
use serde_json::{Value, json};

use crate::helpers::{TestApp, TestDatabase};
use crate::raw_socket::RawSocket;
use crate::transports::Transport;

/// A request that asks for `n` of something.
type Asking = fn(u64) -> Value;

fn plain(query: String) -> Value {
    json!({ "query": query })
}

/// Limits of documents and variables: the name, the most, a request for so many, whether it is also valid.
const EDGES: &[(&str, u64, Asking, bool)] = &[
    (
        "documentBytes",
        60_000,
        |n| {
            let text = "{ __typename } #";
            plain(format!("{text}{}", "x".repeat(n as usize - text.len())))
        },
        true,
    ),
    (
        "tokens",
        1_000,
        |n| {
            plain(format!(
                "{{ serverInfo {{ {} }} }}",
                "name ".repeat(n as usize - 5)
            ))
        },
        true,
    ),
    (
        "nameBytes",
        128,
        |n| plain(format!("{{ {}: __typename }}", "x".repeat(n as usize))),
        true,
    ),
    (
        "nesting",
        32,
        |n| {
            let inside = n as usize - 2;
            let (open, close) = ("... { ".repeat(inside), "} ".repeat(inside));
            plain(format!("{{ serverInfo {{ {open} name {close} }} }}"))
        },
        true,
    ),
    (
        "operations",
        5,
        |n| {
            let all: String = (0..n)
                .map(|i| format!("query Q{i} {{ __typename }} "))
                .collect();
            json!({"query": all, "operationName": "Q0"})
        },
        true,
    ),
    (
        "fragments",
        30,
        |n| {
            let spreads: String = (0..n).map(|i| format!("...F{i} ")).collect();
            let all: String = (0..n)
                .map(|i| format!("fragment F{i} on ServerInfo {{ name }} "))
                .collect();
            plain(format!("{{ serverInfo {{ {spreads} }} }} {all}"))
        },
        true,
    ),
    (
        "variables",
        50,
        |n| {
            let definitions: String = (0..n).map(|i| format!("$v{i}: String! ")).collect();
            let uses: String = (0..n).map(|i| format!("$v{i} ")).collect();
            let given: Value = (0..n).map(|i| (format!("v{i}"), json!("x"))).collect();
            let query = format!(
                "mutation ({definitions}) {{ startSession(input: {{chatbots: [{uses}]}}) {{ id }} }}"
            );
            json!({"query": query, "variables": given})
        },
        true,
    ),
    (
        "fields",
        1_000,
        |n| {
            // Twice the fragment, and the rest.
            let inside = "name ".repeat((n as usize - 2) / 2);
            let rest = "name ".repeat((n as usize - 1) - inside.len() / 5 * 2);
            plain(format!(
                "{{ serverInfo {{ {rest} ...F ...F }} }} fragment F on ServerInfo {{ {inside} }}"
            ))
        },
        true,
    ),
    (
        "depth",
        12,
        |n| {
            // A session's messages, each with its session again, and so on; `id` is the last level.
            let page = "messages(first: 1) { nodes { session { ";
            let (pages, rest) = ((n as usize - 2) / 3, (n as usize - 2) % 3);
            let inside = [
                "id",
                "messages(first: 1) { pageInfo_ }",
                "messages(first: 1) { nodes { id } }",
            ][rest];
            let inside = inside.replace("pageInfo_", "__typename");
            plain(format!(
                "{{ session(id: \"x\") {{ {} {inside} {} }} }}",
                page.repeat(pages),
                "} } } ".repeat(pages)
            ))
        },
        true,
    ),
    (
        "introspectionDepth",
        15,
        |n| {
            let inside = n as usize - 4;
            let (open, close) = ("ofType { ".repeat(inside), "} ".repeat(inside));
            plain(format!(
                "{{ __type(name: \"User\") {{ fields {{ type {{ {open} name {close} }} }} }} }}"
            ))
        },
        true,
    ),
    (
        "aliases",
        30,
        |n| {
            let names: String = (0..n).map(|i| format!("a{i}: name ")).collect();
            plain(format!("{{ serverInfo {{ {names} }} }}"))
        },
        true,
    ),
    (
        "queryRoots",
        10,
        |n| plain(format!("{{ {} }}", "__typename ".repeat(n as usize))),
        true,
    ),
    (
        "mutationRoots",
        3,
        |n| {
            plain(format!(
                "mutation {{ {} }}",
                "__typename ".repeat(n as usize)
            ))
        },
        true,
    ),
    (
        "credentialRoots",
        1,
        |n| {
            let tries: String = (0..n)
                .map(|i| format!("t{i}: refresh(refreshToken: \"{i}\") {{ accessToken }} "))
                .collect();
            plain(format!("mutation {{ {tries} }}"))
        },
        true,
    ),
    (
        "directives",
        20,
        |n| {
            let fields = "name @include(if: true) ".repeat(n as usize);
            plain(format!("{{ serverInfo {{ {fields} }} }}"))
        },
        true,
    ),
    (
        "directivesHere",
        3,
        |n| {
            plain(format!(
                "{{ __typename {} }}",
                "@include(if: true) ".repeat(n as usize)
            ))
        },
        true,
    ),
    // No field takes so many.
    (
        "arguments",
        16,
        |n| {
            let arguments: String = (0..n).map(|i| format!("a{i}: 1 ")).collect();
            plain(format!("{{ chatbot({arguments}) {{ id }} }}"))
        },
        false,
    ),
    (
        "inputBytes",
        200_000,
        |n| {
            // Eight times what the variable weighs: its text, and sixteen bytes for it and for its place.
            let each = n.div_ceil(8) - 32;
            let query = format!(
                "query ($v: String!) {{ {} }}",
                "chatbot(handle: $v) { id } ".repeat(8)
            );
            json!({"query": query, "variables": {"v": "x".repeat(each as usize)}})
        },
        true,
    ),
    (
        "introspectionCost",
        200_000,
        |n| {
            // `__schema`, `types`, and in each of 64 types 36 lists of eight fields with ten names each; names of
            // types and of the query's own for the rest.
            let rest = n as usize - 2 - 64 * 36 * (1 + 8 * 10);
            let (each, more) = (rest / 64, rest % 64);
            let lists = format!("inputFields {{ {} }} ", "name ".repeat(10)).repeat(36);
            plain(format!(
                "{{ __schema {{ types {{ {lists} {} }} queryType {{ {} }} }} }}",
                "name ".repeat(each),
                "name ".repeat(more - 1)
            ))
        },
        true,
    ),
    (
        "cost",
        5_000,
        |n| {
            // The page, then a list and 98 fields in each of its fifty rows.
            plain(format!(
                "{{ serverInfo {{ {} }} history(last: 50) {{ nodes {{ {} }} }} }}",
                "name ".repeat(n as usize - 2 - 50 * 99),
                "id ".repeat(98)
            ))
        },
        true,
    ),
];

async fn over_http(app: &TestApp, request: &Value) -> Value {
    Transport::Post.ask(app.url(), None, request).await
}

async fn on_a_socket(app: &TestApp, request: &Value) -> Value {
    Transport::Socket.ask(app.url(), None, request).await
}

#[tokio::test]
async fn each_limit_lets_through_what_it_says_and_not_one_more_on_every_transport() {
    let variables = [
        ("PARLOR_MAX_DOCUMENT_BYTES", "60000"),
        ("PARLOR_MAX_INPUT_BYTES", "200000"),
    ];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    for &(limit, most, asking, valid) in EDGES {
        let (within, beyond) = (asking(most), asking(most + 1));
        // A mutation that passes the gate is refused by GET for what it is.
        let writes = within["query"].as_str().unwrap().contains("mutation");
        for transport in Transport::ALL {
            let answer = transport.ask(app.url(), None, &within).await;
            let told = format!("{limit} over {transport:?}: {answer:.500}");
            assert!(
                answer["errors"][0]["extensions"]["limit"].is_null(),
                "{told}"
            );
            let runs = valid && !(writes && transport == Transport::Get);
            assert_eq!(answer.get("data").is_some(), runs, "{told}");

            let answer = transport.ask(app.url(), None, &beyond).await;
            let told = format!("{limit} over {transport:?}: {answer:.500}");
            assert!(answer.get("data").is_none(), "{told}");
            let error = &answer["errors"][0];
            let extensions = &error["extensions"];
            assert_eq!(extensions["code"], "BAD_USER_INPUT", "{told}");
            assert_eq!(extensions["limit"], limit, "{told}");
            assert_eq!(extensions["most"], most, "{told}");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(&most.to_string()), "{message}");
        }
    }
}

/// A body with so many of something in it.
type Body = fn(usize) -> Value;

/// A body with so many values in it: the request, its three members, and a list's.
fn body_of_values(values: usize) -> Value {
    let list = vec![1; values - 4];
    json!({"query": "{ __typename }", "operationName": null, "variables": {"unused": list}})
}

/// A body with brackets nested so deep: the request, its variables, and lists in lists.
fn body_of_levels(levels: usize) -> Value {
    let list = (2..levels).fold(json!(1), |inside, _| json!([inside]));
    json!({"query": "{ __typename }", "variables": {"unused": list}})
}

#[tokio::test]
async fn json_is_counted_before_it_is_read() {
    let app = TestApp::start().await;
    // A socket's message is an object around it, with two more members.
    let cases: [(&str, u64, Body, usize, usize); 2] = [
        ("jsonValues", 2_000, body_of_values, 2_000, 1_997),
        ("nesting", 32, body_of_levels, 32, 31),
    ];
    for (limit, most, body, in_body, in_message) in cases {
        let answer = over_http(&app, &body(in_body)).await;
        assert_eq!(answer["data"]["__typename"], "Query", "{answer}");
        let answer = over_http(&app, &body(in_body + 1)).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions["limit"], limit, "{answer}");
        assert_eq!(extensions["most"], most, "{answer}");

        // The JSON of an address is counted parameter by parameter: the object in `variables` is the first.
        let depth_of_body = if limit == "nesting" { 1 } else { 3 };
        for (size, passes) in [(in_body, true), (in_body + 1, false)] {
            let answer = Transport::Get
                .ask(app.url(), None, &body(size + depth_of_body))
                .await;
            assert_eq!(answer.get("data").is_some(), passes, "{answer}");
            let told = &answer["errors"][0]["extensions"]["limit"];
            assert_eq!(told == limit, !passes, "{answer}");
        }
        for transport in [Transport::Events, Transport::Multipart] {
            let answer = transport.ask(app.url(), None, &body(in_body)).await;
            assert!(answer.get("data").is_some(), "{answer}");
            let answer = transport.ask(app.url(), None, &body(in_body + 1)).await;
            assert_eq!(
                answer["errors"][0]["extensions"]["limit"], limit,
                "{answer}"
            );
        }

        let answer = on_a_socket(&app, &body(in_message)).await;
        assert_eq!(answer["data"]["__typename"], "Query", "{answer}");
        let mut socket = RawSocket::acknowledged(app.url(), None).await;
        let request = body(in_message + 1);
        socket
            .say(json!({"type": "subscribe", "id": "1", "payload": request}))
            .await;
        let (code, reason) = socket.closing().await;
        assert_eq!(code, 4400);
        assert!(reason.contains(&format!("at most {most} ")), "{reason}");
    }
}

#[tokio::test]
async fn a_body_has_as_many_bytes_as_it_may() {
    let variables = [("PARLOR_MAX_BODY_BYTES", "2000")];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    let send = async |bytes: usize| {
        let text = r#"{"query":"{ __typename }"}"#;
        let body = format!("{text}{}", " ".repeat(bytes - text.len()));
        let post = Client::new().post(format!("{}/graphql", app.url()));
        let post = post.header("content-type", "application/json").body(body);
        post.send().await.unwrap()
    };
    assert_eq!(send(2_000).await.status(), 200);
    let refused = send(2_001).await;
    assert_eq!(refused.status(), 413);
    let told: Value = refused.json().await.unwrap();
    let extensions = &told["errors"][0]["extensions"];
    assert_eq!(extensions["limit"], "bodyBytes", "{told}");
    assert_eq!(extensions["most"], 2_000, "{told}");
}

#[tokio::test]
async fn a_document_with_a_thousand_errors_is_told_of_a_few() {
    let app = TestApp::start().await;
    let query = format!("{{ serverInfo {{ {} }} }}", "nam ".repeat(900));
    let answer = over_http(&app, &plain(query)).await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 20, "{answer}");
}

#[tokio::test]
async fn fields_that_conflict_are_told_once_with_both_places_on_every_transport() {
    let app = TestApp::start().await;
    let query = "{ serverInfo {\n name\n ... { x: name }\n x: version x: maxMessageLength } }";
    for transport in Transport::ALL {
        let answer = transport
            .ask(app.url(), None, &plain(query.to_owned()))
            .await;
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{transport:?}: {answer}");
        let told = errors[0]["message"].as_str().unwrap();
        assert!(
            told.starts_with("Fields \"x\" conflict because \"name\" and \"version\""),
            "{told}"
        );
        let places = json!([{"line": 3, "column": 8}, {"line": 4, "column": 2}]);
        assert_eq!(errors[0]["locations"], places, "{transport:?}");
        assert_eq!(errors[0]["extensions"], json!({"code": "BAD_USER_INPUT"}));
    }
}

#[tokio::test]
async fn a_schema_that_is_kept_to_itself_neither_answers_about_itself_nor_guesses_what_was_meant() {
    for (switch, told) in [("on", true), ("off", false)] {
        let variables = [("PARLOR_INTROSPECTION", switch)];
        let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
        let misspelt = over_http(&app, &plain("{ serverInfos { name } }".to_owned())).await;
        let guesses = misspelt.to_string().contains("Did you mean");
        assert_eq!(guesses, told, "{misspelt}");
        let asked = plain("{ __schema { queryType { name } } }".to_owned());
        let answer = over_http(&app, &asked).await;
        assert_eq!(answer["data"]["__schema"].is_object(), told, "{answer}");
    }
}
