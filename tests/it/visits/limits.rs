//! How often visits begin and are gone on with.

use reqwest::Client;
use serde_json::{Value, json};

use super::START;
use crate::helpers::{Answer, TestApp, TestDatabase};

/// A server that counts, with this rate, and believes who its callers say they speak for.
async fn counting(rate: &str, value: &str) -> TestApp {
    let variables = [
        ("PARLOR_RATE_LIMITS", "on"),
        ("PARLOR_TRUSTED_PROXIES", "127.0.0.1"),
        (rate, value),
    ];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    for name in ["ada", "bob"] {
        app.person(name).await;
    }
    app
}

async fn start_from(app: &TestApp, address: &str, owner: &str, token: Option<&str>) -> Answer {
    let input = json!({"owner": owner, "visitorToken": token});
    let post = Client::new()
        .post(format!("{}/graphql", app.url()))
        .header("x-forwarded-for", address)
        .json(&json!({"query": START, "variables": {"input": input}}));
    Answer(post.send().await.unwrap().json().await.unwrap())
}

fn token(answer: Answer) -> String {
    let payload = answer.data()["startVisit"].take();
    payload["visitorToken"].as_str().unwrap().to_owned()
}

fn expect_limited(answer: Answer) {
    let told = answer.0.to_string();
    let error = answer.error();
    assert_eq!(error["code"], "RATE_LIMITED", "{told}");
    let wait = error["retryAfter"].as_u64().expect(&told);
    assert!((1_700..=1_800).contains(&wait), "{told}");
}

#[tokio::test]
async fn visits_that_begin_from_one_address_are_counted_and_those_gone_on_with_are_not() {
    let app = counting("PARLOR_RATE_START_VISIT_ADDRESS", "2/1h").await;
    let here = "192.0.2.1";
    let mine = token(start_from(&app, here, "ada", None).await);
    // A try that comes to nothing counts too, and so does a token of no visit.
    let nobody = start_from(&app, here, "nobody-here", Some("forged")).await;
    nobody.expect_error("NOT_FOUND", None);
    expect_limited(start_from(&app, here, "bob", None).await);
    expect_limited(start_from(&app, here, "bob", Some(&"x".repeat(43))).await);
    for _ in 0..5 {
        let back = start_from(&app, here, "ada", Some(&mine)).await.data();
        assert_eq!(back["startVisit"]["isNew"], false);
    }
    start_from(&app, "192.0.2.2", "ada", None).await.data();
    let visits = app.database().value("select count(*) from sessions").await;
    assert_eq!(visits, 2);
}

#[tokio::test]
async fn visits_that_begin_with_one_owner_are_counted_wherever_they_come_from() {
    let app = counting("PARLOR_RATE_START_VISIT", "2/1h").await;
    let mine = token(start_from(&app, "192.0.2.1", "ada", None).await);
    start_from(&app, "192.0.2.2", "ada", None).await.data();
    expect_limited(start_from(&app, "192.0.2.3", "ADA", None).await);
    let back = start_from(&app, "192.0.2.3", "ada", Some(&mine)).await;
    assert_eq!(back.data()["startVisit"]["isNew"], false);
    start_from(&app, "192.0.2.3", "bob", None).await.data();
}

#[tokio::test]
async fn every_call_counts_and_coming_back_counts_as_a_refresh() {
    let app = counting("PARLOR_RATE_REFRESH", "2/1h").await;
    let here = "192.0.2.1";
    let mine = token(start_from(&app, here, "ada", None).await);
    start_from(&app, here, "ada", Some(&mine)).await.data();
    start_from(&app, "192.0.2.2", "ada", Some(&mine))
        .await
        .data();
    expect_limited(start_from(&app, "192.0.2.3", "ada", Some(&mine)).await);

    let app = counting("PARLOR_RATE_START_VISIT_ADDRESS", "2/1h").await;
    let one = |name| format!("{name}: startVisit(input: {{owner: \"ada\"}}) {{ isNew }}");
    let query = format!("mutation {{ {} {} {} }}", one("a"), one("b"), one("c"));
    let answer: Value = app.nobody().ask(&query, json!({})).await.0;
    assert_eq!(answer["errors"][0]["path"], json!(["c"]), "{answer}");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED");
}
