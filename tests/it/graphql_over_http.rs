//! GraphQL over HTTP as a client meets it.

use std::time::Duration;

use parlor::http::{Timings, serve_with};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    helpers::{TestApp, TestDatabase},
    raw_socket::{RawSocket, SOON},
};

const OLD: &str = "application/json";
const NEW: &str = "application/graphql-response+json";

fn post(app: &TestApp, media: &str, body: &Value) -> RequestBuilder {
    Client::new()
        .post(format!("{}/graphql", app.url()))
        .header(header::ACCEPT, media)
        .json(body)
}

async fn ask(app: &TestApp, media: &str, body: Value) -> Response {
    post(app, media, &body).send().await.unwrap()
}

async fn get(app: &TestApp, parameters: &[(&str, &str)]) -> Response {
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
    let url = format!("{}/graphql?{}", app.url(), parameters.join("&"));
    Client::new().get(url).send().await.unwrap()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn error_of(response: Response) -> Value {
    let mut body: Value = response.json().await.unwrap();
    assert!(
        body.get("data").is_none(),
        "a request error has no data: {body}"
    );
    body["errors"][0].take()
}

#[tokio::test]
async fn a_query_is_answered_in_the_asked_type_with_keys_in_the_querys_order() {
    let app = TestApp::start().await;
    let query = json!({"query": "{ serverInfo { version name maxMessageLength } }"});
    for media in [OLD, NEW] {
        let response = ask(&app, media, query.clone()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert_eq!(content_type, format!("{media}; charset=utf-8"));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let body = response.text().await.unwrap();
        let place = |key| body.find(key).expect(key);
        assert!(place("\"version\"") < place("\"name\""));
        assert!(place("\"name\"") < place("\"maxMessageLength\""));
    }
}

#[tokio::test]
async fn what_the_client_cannot_read_is_not_acceptable() {
    let app = TestApp::start().await;
    let response = ask(&app, "text/html", json!({"query": "{ __typename }"})).await;
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(
        error_of(response).await["extensions"]["code"],
        "BAD_USER_INPUT"
    );
}

#[tokio::test]
async fn each_request_has_an_id_of_the_servers_own() {
    let app = TestApp::start().await;
    let body = json!({"query": "{ __typename }"});
    let request = post(&app, OLD, &body).header("x-request-id", "mine");
    let response = request.send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(id.len(), 36);
    let other = ask(&app, OLD, body).await;
    assert_ne!(other.headers()["x-request-id"].to_str().unwrap(), id);
}

#[tokio::test]
async fn get_takes_all_four_parameters() {
    let app = TestApp::start().await;
    let query = "query A($yes: Boolean!) { serverInfo @include(if: $yes) { __typename } } query B { b: __typename }";
    let parameters = [
        ("query", query),
        ("operationName", "A"),
        ("variables", r#"{"yes":true}"#),
        ("extensions", "{}"),
    ];
    let response = get(&app, &parameters).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({"data": {"serverInfo": {"__typename": "ServerInfo"}}})
    );

    let response = get(&app, &[("query", "{ __typename }"), ("variables", "{")]).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error_of(response).await["extensions"]["field"], "variables");
}

#[tokio::test]
async fn a_mutation_over_get_is_refused() {
    let app = TestApp::start().await;
    let mutation = r#"mutation { sendMessage(input: {content: "hello"}) { session { id } } }"#;
    let response = get(&app, &[("query", mutation)]).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
    error_of(response).await;
}

#[tokio::test]
async fn only_json_is_taken_so_that_no_form_can_write() {
    let app = TestApp::start().await;
    let url = format!("{}/graphql", app.url());
    let body = r#"{"query":"{ __typename }"}"#;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
    ] {
        let request = Client::new().post(&url).body(body);
        let request = request.header(header::CONTENT_TYPE, content_type);
        let response = request.send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{content_type}"
        );
    }
    let response = Client::new().post(&url).body(body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let request = Client::new().post(&url).body(body);
    let request = request.header(header::CONTENT_TYPE, "Application/JSON; charset=UTF-8");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_a_bad_request_in_either_type() {
    let app = TestApp::start().await;
    for media in [OLD, NEW] {
        for (body, field) in [
            (json!([{"query": "{ __typename }"}]), "body"),
            (json!(["{ __typename }"]), "body"),
            (json!("{ __typename }"), "body"),
            (json!({}), "query"),
            (json!({"query": 1}), "query"),
            (
                json!({"query": "{ a }", "operationName": 1}),
                "operationName",
            ),
            (json!({"query": "{ a }", "variables": "{}"}), "variables"),
            (json!({"query": "{ a }", "extensions": []}), "extensions"),
        ] {
            let response = ask(&app, media, body.clone()).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
            let error = error_of(response).await;
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
            assert_eq!(error["extensions"]["field"], field);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_a_graphql_error() {
    let app = TestApp::start().await;
    let query = format!("{{ __typename }} #{}", "x".repeat(256 * 1024));
    let response = ask(&app, OLD, json!({"query": query})).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let error = error_of(response).await;
    assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
    assert!(error["message"].as_str().unwrap().contains("262144"));
}

#[tokio::test]
async fn a_request_error_has_no_data_and_a_status_by_the_type() {
    let app = TestApp::start().await;
    for (media, status) in [(OLD, StatusCode::OK), (NEW, StatusCode::BAD_REQUEST)] {
        for body in [
            json!({"query": "{"}),
            json!({"query": "{ nothingOfThatName }"}),
            json!({"query": "query A { __typename }", "operationName": "B"}),
            json!({"query": "query A { __typename } query B { __typename }"}),
            json!({"query": "query ($unused: ID!) { __typename }"}),
            json!({"query": "query ($unused: ID!) { __typename }", "variables": {"unused": null}}),
            json!({"query": "subscription { sessionEvents(sessionId: \"x\") { __typename } }"}),
        ] {
            let response = ask(&app, media, body.clone()).await;
            assert_eq!(response.status(), status, "{body}");
            assert_eq!(
                error_of(response).await["extensions"]["code"],
                "BAD_USER_INPUT"
            );
        }
    }
}

#[tokio::test]
async fn a_field_that_fails_is_an_answer() {
    let app = TestApp::start().await;
    for media in [OLD, NEW] {
        let response = ask(&app, media, json!({"query": "{ me { username } }"})).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["data"], Value::Null);
        assert!(body.get("data").is_some());
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(body["errors"][0]["path"], json!(["me"]));
    }
}

#[tokio::test]
async fn the_bearer_token_tells_who_asks() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let body = json!({"query": "{ me { username } }"});
    let request = post(&app, NEW, &body).bearer_auth(ada.token());
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(body, json!({"data": {"me": {"username": "ada"}}}));
}

#[tokio::test]
async fn a_token_that_is_no_good_is_told_from_none_and_keeps_nobody_from_signing_in() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let me = json!({"query": "{ me { id } }"});
    let login = json!({"query": "mutation { login(input: {
        username: \"ada\", password: \"correct horse battery staple\"}) { accessToken } }"});
    let nobody: Value = ask(&app, NEW, me.clone()).await.json().await.unwrap();
    for authorization in ["Bearer nonsense", "Basic YTpi", "Bearer"] {
        let request = |body| post(&app, NEW, body).header(header::AUTHORIZATION, authorization);
        let told: Value = request(&me).send().await.unwrap().json().await.unwrap();
        assert_eq!(told["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_ne!(told["errors"][0]["message"], nobody["errors"][0]["message"]);
        let told: Value = request(&login).send().await.unwrap().json().await.unwrap();
        assert!(told["data"]["login"]["accessToken"].is_string(), "{told}");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let app = TestApp::start().await;
    let url = format!("{}/graphql", app.url());
    let response = Client::new().put(url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allowed = response.headers()[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"));
}

#[tokio::test]
async fn a_running_server_is_live_and_ready() {
    let app = TestApp::start().await;
    for path in ["/health/live", "/health/ready"] {
        let response = reqwest::get(format!("{}{path}", app.url())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.json::<Value>().await.unwrap()["status"], "ok");
    }
}

#[tokio::test]
async fn a_connection_that_sends_no_whole_head_is_closed() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let timings = Timings {
        head: Duration::from_millis(100),
        ..Timings::default()
    };
    tokio::spawn(serve_with(listener, app.app().clone(), timings));
    for begun in ["", "POST /graphql HTTP/1.1\r\nHost: parl"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        timeout(SOON, stream.read_to_end(&mut heard))
            .await
            .expect("closed in time")
            .unwrap();
    }
}

#[tokio::test]
async fn a_document_that_would_cost_too_much_is_refused_at_once_on_either_transport() {
    let app = TestApp::start().await;
    let mut bomb = "{ serverInfo { ...F0 } } fragment F28 on ServerInfo { name }".to_owned();
    for level in 0..28 {
        let next = format!("...F{} ", level + 1).repeat(3);
        bomb += &format!(" fragment F{level} on ServerInfo {{ {next} }}");
    }
    let crowd = format!("{{ {} }}", "__typename ".repeat(1_000));
    for (document, limit) in [(bomb, "1000 fields"), (crowd, "1000 tokens")] {
        let told = error_of(ask(&app, NEW, json!({ "query": document })).await).await;
        assert!(told["message"].as_str().unwrap().contains(limit), "{told}");
        assert_eq!(told["extensions"]["code"], "BAD_USER_INPUT");

        let mut socket = RawSocket::acknowledged(app.url(), None).await;
        socket.subscribe("1", &document, Value::Null).await;
        let message = socket.hear().await;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["payload"][0]["extensions"], told["extensions"]);
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call_and_others_may_not() {
    let allowed = "https://chat.example.org";
    let database = TestDatabase::migrated().await;
    // With the port that browsers leave out.
    let variables = [("PARLOR_ALLOWED_ORIGINS", "https://chat.example.org:443")];
    let app = TestApp::configured(database, &variables).await;
    for (origin, answer) in [
        (allowed, Some(allowed)),
        ("https://elsewhere.example", None),
    ] {
        let preflight = Client::new()
            .request(reqwest::Method::OPTIONS, format!("{}/graphql", app.url()))
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(
                header::ACCESS_CONTROL_REQUEST_HEADERS,
                "authorization,content-type",
            );
        let call =
            post(&app, NEW, &json!({"query": "{ __typename }"})).header(header::ORIGIN, origin);
        for request in [preflight, call] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let told = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(told.map(|origin| origin.to_str().unwrap()), answer);
        }
    }
}

#[tokio::test]
async fn pages_may_send_what_clients_send() {
    let allowed = "https://chat.example.org";
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_ALLOWED_ORIGINS", allowed)]).await;
    // graphql-sse and urql send the first three, Apollo Client all of them.
    let asked = "accept,authorization,content-type,apollo-require-preflight,apollographql-client-name,\
        apollographql-client-version,x-apollo-operation-name";
    let preflight = Client::new()
        .request(reqwest::Method::OPTIONS, format!("{}/graphql", app.url()))
        .header(header::ORIGIN, allowed)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, asked);
    let response = preflight.send().await.unwrap();
    let told = &response.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS];
    let told: Vec<_> = told.to_str().unwrap().split(',').collect();
    for name in asked.split(',') {
        assert!(told.contains(&name), "{name} is not among {told:?}");
    }
    assert!(!told.contains(&"x-anything"));
}
