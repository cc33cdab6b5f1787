//! GraphQL over Server-Sent Events, distinct connections mode.

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};

use super::{EVENTS, Stream, WATCH};
use crate::{
    helpers::TestApp,
    raw_stream::{RawStream, request},
};

const TYPE: &str = "text/event-stream; charset=utf-8";

#[tokio::test]
async fn a_query_and_a_mutation_answer_once_and_complete() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    for (query, answer) in [
        (
            "{ me { username } }",
            r#"{"data":{"me":{"username":"ada"}}}"#,
        ),
        (
            "mutation { startSession(input: {chatbots: []}) { title } }",
            r#"{"data":{"startSession":{"title":""}}}"#,
        ),
    ] {
        let request = request(app.url(), EVENTS, Some(ada.token()), query, json!({}));
        let stream = RawStream::open(request, TYPE).await;
        let expected = format!(":\n\nevent: next\ndata: {answer}\n\nevent: complete\ndata:\n\n");
        assert_eq!(stream.rest().await, expected);
    }
}

#[tokio::test]
async fn a_subscription_follows_the_session_over_post_and_get() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut posted = Stream::watch(app.url(), EVENTS, &ada, &session, None).await;
    let address = format!("{}/graphql", app.url());
    let variables = json!({"session": session}).to_string();
    let mut address = reqwest::Url::parse(&address).unwrap();
    address
        .query_pairs_mut()
        .append_pair("query", WATCH)
        .append_pair("variables", &variables);
    let got = Client::new()
        .get(address)
        .header(header::ACCEPT, EVENTS)
        .bearer_auth(ada.token());
    let mut got = Stream::open(got, EVENTS).await;
    for stream in [&mut posted, &mut got] {
        stream.beats().await;
        stream.expect("CaughtUp").await;
    }
    ada.say(Some(&session), "hello").await;
    for stream in [&mut posted, &mut got] {
        let event = stream.expect("MessageAdded").await;
        assert_eq!(event["message"]["content"], "hello");
    }
}

#[tokio::test]
async fn what_does_not_run_is_told_in_the_stream() {
    let app = TestApp::start().await;
    for query in [
        "{",
        "{ nothingOfThatName }",
        "subscription { nothingOfThatName }",
        "query ($id: ID!) { __typename }",
    ] {
        let request = request(app.url(), EVENTS, None, query, json!({}));
        let mut stream = RawStream::open(request, TYPE).await;
        assert_eq!(stream.until("\n\n").await.unwrap(), ":");
        let next = stream.until("\n\n").await.unwrap();
        let answer: Value =
            serde_json::from_str(next.strip_prefix("event: next\ndata: ").unwrap()).unwrap();
        assert!(answer.get("data").is_none(), "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(stream.rest().await, "event: complete\ndata:\n\n");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_its_status() {
    let app = TestApp::start().await;
    let url = format!("{}/graphql", app.url());
    let post = Client::new().post(&url).header(header::ACCEPT, EVENTS);
    let response = post.json(&json!([])).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let mutation = "mutation { logout }";
    let get = Client::new().get(format!("{url}?query={}", mutation.replace(' ', "%20")));
    let response = get.header(header::ACCEPT, EVENTS).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_takes_one_answer_as_well_gets_a_query_as_one_and_a_subscription_as_many() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let both = "application/graphql-response+json, application/json, text/event-stream";
    let query = request(app.url(), both, None, "{ __typename }", json!({}));
    let response = query.send().await.unwrap();
    let told = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert!(told.starts_with("application/graphql-response+json"));
    let token = Some(ada.token());
    let variables = json!({"session": session});
    let subscription = request(app.url(), both, token, WATCH, variables);
    let mut stream = Stream::open(subscription, EVENTS).await;
    stream.expect("CaughtUp").await;
}
