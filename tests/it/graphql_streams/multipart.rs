//! Apollo's multipart subscriptions.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use super::{MULTIPART, Stream, WATCH};
use crate::{
    helpers::TestApp,
    raw_stream::{RawStream, request},
};

/// As Apollo Client sends it.
const APOLLO: &str = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
const TYPE: &str = "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"";

#[tokio::test]
async fn each_answer_is_a_part_with_a_payload_and_the_boundary_behind_it() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let request = request(
        app.url(),
        APOLLO,
        Some(ada.token()),
        "subscription ($session: ID!) { sessionEvents(sessionId: $session, after: \"?\") {
            ... on FeedEnded { reason } } }",
        json!({"session": session}),
    );
    let stream = RawStream::open(request, TYPE).await;
    assert_eq!(
        stream.rest().await,
        "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n\
         {\"payload\":{\"data\":{\"sessionEvents\":{\"reason\":\"CURSOR_UNKNOWN\"}}}}\
         \r\n--graphql--\r\n"
    );
}

#[tokio::test]
async fn a_subscription_follows_the_session() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut stream = Stream::watch(app.url(), MULTIPART, &ada, &session, None).await;
    stream.expect("CaughtUp").await;
    ada.say(Some(&session), "hello").await;
    let event = stream.expect("MessageAdded").await;
    assert_eq!(event["message"]["content"], "hello");
}

#[tokio::test]
async fn queries_and_what_does_not_run_come_as_json_where_that_is_accepted() {
    let app = TestApp::start().await;
    for (query, key) in [("{ __typename }", "data"), ("subscription {", "errors")] {
        let request = request(app.url(), APOLLO, None, query, json!({}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let told = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert_eq!(told, "application/json; charset=utf-8");
        let body: Value = response.json().await.unwrap();
        assert!(body.get(key).is_some(), "{body}");
    }
}

#[tokio::test]
async fn what_does_not_run_is_a_protocol_error_where_only_parts_are_accepted() {
    let app = TestApp::start().await;
    let query = "subscription { nothingOfThatName }";
    let request = request(app.url(), MULTIPART, None, query, json!({}));
    let mut stream = RawStream::open(request, TYPE).await;
    stream.until("\r\n\r\n").await.unwrap();
    let part = stream.until("\r\n--graphql").await.unwrap();
    let part: Value = serde_json::from_str(&part).unwrap();
    assert_eq!(part["payload"], Value::Null);
    assert!(part.get("payload").is_some());
    assert_eq!(part["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(stream.rest().await, "--\r\n");
}

#[tokio::test]
async fn another_version_of_the_protocol_is_not_spoken() {
    let app = TestApp::start().await;
    let accept = "multipart/mixed;subscriptionSpec=2.0";
    let request = request(app.url(), accept, None, WATCH, json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
}
