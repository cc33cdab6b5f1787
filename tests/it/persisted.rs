//! Documents by their hashes: automatic persisted queries, and the operator's list beside which nothing runs.

use serde_json::{Value, json};

use crate::helpers::{TestApp, TestDatabase};
use crate::transports::Transport;

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
    Transport::Post.ask(app.url(), None, request).await
}

async fn get(app: &TestApp, request: &Value) -> Value {
    Transport::Get.ask(app.url(), None, request).await
}

async fn on_a_socket(app: &TestApp, request: &Value) -> Value {
    Transport::Socket.ask(app.url(), None, request).await
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
    assert_eq!(get(&app, &request).await, unknown);
    assert_eq!(on_a_socket(&app, &request).await, unknown);
    assert_eq!(post(&app, &with_text(DOCUMENT)).await, ran);
    assert_eq!(post(&app, &request).await, ran);
    assert_eq!(get(&app, &request).await, ran);
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
    let told = get(&app, &by_hash(mutation)).await;
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
    // Some tools say in their ids what those are.
    let prefixed = json!({"sha256:type": DOCUMENT});
    for listed in [manifest, map, prefixed] {
        std::fs::write(&path, listed.to_string()).unwrap();
        let variables = [("PARLOR_TRUSTED_DOCUMENTS", path.to_str().unwrap())];
        let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
        let ran = json!({"data": {"__typename": "Query"}});
        for request in [
            json!({"documentId": "type"}),
            json!({"documentId": "sha256:type"}),
            json!({"id": "type"}),
            json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "type"}}}),
            by_hash(DOCUMENT),
            json!({"documentId": format!("sha256:{}", sha256(DOCUMENT))}),
            json!({"query": DOCUMENT}),
            with_text(DOCUMENT),
        ] {
            for transport in Transport::ALL {
                let answer = transport.ask(app.url(), None, &request).await;
                assert_eq!(answer, ran, "{request} over {transport:?}");
            }
        }
        for request in [
            json!({"query": "{ __typename }"}),
            json!({"query": "{ __schema { queryType { name } } }"}),
            with_text("{ __typename }"),
            by_hash("{ __typename }"),
            json!({"documentId": "another"}),
        ] {
            for transport in Transport::ALL {
                let told = transport.ask(app.url(), None, &request).await;
                assert!(
                    told.get("data").is_none(),
                    "{request} over {transport:?}: {told}"
                );
                assert_eq!(
                    told["errors"][0]["extensions"]["code"], "FORBIDDEN",
                    "{told}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_listed_subscription_runs_by_its_id_where_answers_are_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.json");
    let watch = "subscription Watch($id: ID!) { sessionEvents(sessionId: $id) { __typename } }";
    std::fs::write(&path, json!({"watch": watch}).to_string()).unwrap();
    // What makes somebody and something to watch is sent before the list is there.
    let database = TestDatabase::migrated().await;
    let open = TestApp::start_on(database).await;
    let ada = open.person("ada").await;
    let session = ada.quiet_session().await;
    let app = open
        .beside(&[("PARLOR_TRUSTED_DOCUMENTS", path.to_str().unwrap())])
        .await;
    let request = json!({"documentId": "watch", "variables": {"id": session}});
    for transport in [Transport::Socket, Transport::Events, Transport::Multipart] {
        let answer = transport.ask(&app, Some(ada.token()), &request).await;
        let event = &answer["data"]["sessionEvents"]["__typename"];
        assert_eq!(event, "CaughtUp", "{transport:?}: {answer}");
    }
}
