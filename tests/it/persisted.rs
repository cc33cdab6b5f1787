//! Documents by their hashes: automatic persisted queries, and the operator's list beside which nothing runs.

use reqwest::Client;
use serde_json::{Value, json};

use crate::helpers::{TestApp, TestDatabase};
use crate::raw_socket::RawSocket;

const DOCUMENT: &str = "query Type { __typename }";

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn by_hash(text: &str) -> Value {
    json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}})
}

fn with_text(text: &str) -> Value {
    let mut request = by_hash(text);
    request["query"] = text.into();
    request
}

async fn post(app: &TestApp, request: &Value) -> Value {
    let post = Client::new().post(format!("{}/graphql", app.url()));
    post.json(request)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

async fn get(app: &TestApp, extensions: &Value) -> Value {
    let text = extensions.to_string();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("{}/graphql?extensions={encoded}", app.url());
    Client::new()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

async fn on_a_socket(app: &TestApp, request: &Value) -> Value {
    let mut socket = RawSocket::acknowledged(app.url(), None).await;
    socket
        .say(json!({"type": "subscribe", "id": "1", "payload": request}))
        .await;
    let mut heard = socket.hear().await;
    match heard["type"].as_str() {
        Some("next") => heard["payload"].take(),
        _ => json!({"errors": heard["payload"].take()}),
    }
}

#[tokio::test]
async fn a_document_is_known_by_its_hash_once_it_was_sent() {
    let app = TestApp::start().await;
    let ran = json!({"data": {"__typename": "Query"}});
    let request = by_hash(DOCUMENT);
    // As Apollo's clients expect it: they look at the message, or at the code.
    let unknown = json!({"errors": [{
        "message": "PersistedQueryNotFound",
        "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
    }]});
    assert_eq!(post(&app, &request).await, unknown);
    assert_eq!(get(&app, &request["extensions"]).await, unknown);
    assert_eq!(on_a_socket(&app, &request).await, unknown);
    assert_eq!(post(&app, &with_text(DOCUMENT)).await, ran);
    assert_eq!(post(&app, &request).await, ran);
    assert_eq!(get(&app, &request["extensions"]).await, ran);
    assert_eq!(on_a_socket(&app, &request).await, ran);
    let by_id = json!({"documentId": format!("sha256:{}", sha256(DOCUMENT))});
    assert_eq!(post(&app, &by_id).await, ran);
    // What was taught on a socket is known elsewhere.
    let other = "{ serverInfo { name } }";
    on_a_socket(&app, &with_text(other)).await;
    assert!(post(&app, &by_hash(other)).await.get("data").is_some());
}

#[tokio::test]
async fn only_what_passed_the_gate_is_kept_and_only_under_its_own_hash() {
    let app = TestApp::start().await;
    let crowd = format!("{{ {} }}", "__typename ".repeat(11));
    let told = post(&app, &with_text(&crowd)).await;
    assert_eq!(told["errors"][0]["extensions"]["limit"], "queryRoots");
    let unknown = post(&app, &by_hash(&crowd)).await;
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");

    let mut forged = with_text(DOCUMENT);
    forged["query"] = "{ serverInfo { name } }".into();
    let told = post(&app, &forged).await;
    let extensions = &told["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "BAD_USER_INPUT", "{told}");
    assert_eq!(extensions["field"], "extensions", "{told}");
    let unknown = post(&app, &by_hash(DOCUMENT)).await;
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");

    // A mutation that is known by its hash is still none for GET.
    let mutation = "mutation { logout }";
    post(&app, &with_text(mutation)).await;
    let told = get(&app, &by_hash(mutation)["extensions"]).await;
    assert!(
        told["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("POST"),
        "{told}"
    );
}

#[tokio::test]
async fn a_server_that_keeps_none_says_so() {
    let variables = [("PARLOR_MAX_PERSISTED_BYTES", "0")];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    let told = post(&app, &by_hash(DOCUMENT)).await;
    assert_eq!(told["errors"][0]["message"], "PersistedQueryNotSupported");
    let answer = post(&app, &with_text(DOCUMENT)).await;
    assert_eq!(answer["data"]["__typename"], "Query");
}

#[tokio::test]
async fn beside_the_operators_list_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.json");
    let manifest = json!({
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [
            {"id": "type", "name": "Type", "type": "query", "body": DOCUMENT},
            {"id": "watch", "name": "Watch", "type": "subscription",
                "body": "subscription Watch($id: ID!) { messageAdded(sessionId: $id) { seq } }"},
        ],
    });
    let map = json!({"type": DOCUMENT});
    for listed in [manifest, map] {
        std::fs::write(&path, listed.to_string()).unwrap();
        let variables = [("PARLOR_TRUSTED_DOCUMENTS", path.to_str().unwrap())];
        let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
        let ran = json!({"data": {"__typename": "Query"}});
        for request in [
            json!({"documentId": "type"}),
            json!({"id": "type"}),
            json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "type"}}}),
            by_hash(DOCUMENT),
            json!({"documentId": format!("sha256:{}", sha256(DOCUMENT))}),
            json!({"query": DOCUMENT}),
            with_text(DOCUMENT),
        ] {
            assert_eq!(post(&app, &request).await, ran, "{request}");
            assert_eq!(on_a_socket(&app, &request).await, ran, "{request}");
        }
        for request in [
            json!({"query": "{ __typename }"}),
            json!({"query": "{ __schema { queryType { name } } }"}),
            with_text("{ __typename }"),
            by_hash("{ __typename }"),
            json!({"documentId": "another"}),
        ] {
            for told in [
                post(&app, &request).await,
                on_a_socket(&app, &request).await,
            ] {
                assert!(told.get("data").is_none(), "{request}: {told}");
                assert_eq!(
                    told["errors"][0]["extensions"]["code"], "FORBIDDEN",
                    "{told}"
                );
            }
        }
    }
}
