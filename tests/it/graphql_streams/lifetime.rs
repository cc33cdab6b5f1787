//! How long a stream lives: heartbeats, and how it ends.

use std::time::Duration;

use parlor::http::Timings;
use reqwest::{StatusCode, header};
use serde_json::json;
use tokio::time::timeout;

use super::{EVENTS, MULTIPART, Stream, WATCH};
use crate::{
    helpers::{TestApp, TestDatabase, serve_hurriedly},
    raw_socket::SOON,
    raw_stream::request,
};

const FORMATS: [&str; 2] = [EVENTS, MULTIPART];

#[tokio::test]
async fn it_beats_while_nothing_happens() {
    let app = TestApp::start().await;
    let timings = Timings {
        ping: Duration::from_millis(50),
        ..Timings::default()
    };
    let (url, _server) = serve_hurriedly(&app, timings).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for format in FORMATS {
        let mut stream = Stream::watch(&url, format, &ada, &session, None).await;
        stream.expect("CaughtUp").await;
        for _ in 0..3 {
            stream.beats().await;
        }
    }
}

#[tokio::test]
async fn an_expired_token_ends_it_and_a_new_one_continues_without_a_loss() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for format in FORMATS {
        let short = ada.with_token(&ada.token_valid_for(Duration::from_secs(2)));
        let mut stream = Stream::watch(app.url(), format, &short, &session, None).await;
        let cursor = stream.expect("CaughtUp").await["cursor"].take();
        stream.expect_end("TOKEN_EXPIRED", true).await;

        ada.say(Some(&session), format).await;
        let mut again = Stream::watch(app.url(), format, &ada, &session, cursor.as_str()).await;
        let event = again.expect("MessageAdded").await;
        assert_eq!(event["message"]["content"], format);
    }
}

#[tokio::test]
async fn a_login_that_ends_ends_it() {
    let app = TestApp::start().await;
    for (format, name) in FORMATS.into_iter().zip(["ada", "bob"]) {
        let person = app.person(name).await;
        let session = person.quiet_session().await;
        let mut stream = Stream::watch(app.url(), format, &person, &session, None).await;
        stream.expect("CaughtUp").await;
        person.ask("mutation { logout }", json!({})).await.data();
        stream.expect_end("SIGNED_OUT", false).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_it_say_so_and_returns() {
    let app = TestApp::start().await;
    let (url, server) = serve_hurriedly(&app, Timings::default()).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut streams = Vec::new();
    for format in FORMATS {
        let mut stream = Stream::watch(&url, format, &ada, &session, None).await;
        stream.expect("CaughtUp").await;
        streams.push(stream);
    }
    app.app().stopping().cancel();
    for stream in streams {
        stream.expect_end("SERVER_STOPPING", true).await;
    }
    timeout(SOON, server).await.expect("it returns").unwrap();
}

#[tokio::test]
async fn pages_of_other_sites_may_not_open_one() {
    let allowed = "https://chat.example.org";
    let database = TestDatabase::migrated().await;
    let app = TestApp::configured(database, &[("PARLOR_ALLOWED_ORIGINS", allowed)]).await;
    let ada = app.person("ada").await;
    let variables = json!({"session": ada.quiet_session().await});
    for format in FORMATS {
        let open = |origin: &str| {
            request(
                app.url(),
                format,
                Some(ada.token()),
                WATCH,
                variables.clone(),
            )
            .header(header::ORIGIN, origin)
        };
        let response = open("https://elsewhere.example").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        for origin in [allowed, app.url()] {
            Stream::open(open(origin), format)
                .await
                .expect("CaughtUp")
                .await;
        }
    }
}
