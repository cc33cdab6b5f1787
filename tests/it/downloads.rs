//! Links to what is one's own, and what they give.

use std::io::ErrorKind;

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::helpers::{Answer, Person, TestApp, TestDatabase};
use crate::program::support::Place;

impl Person {
    async fn export_my_data(&self) -> Answer {
        self.ask("mutation { exportMyData { url expiresAt } }", json!({}))
            .await
    }

    async fn export_session(&self, session: &str, format: &str) -> Answer {
        self.ask(
            "mutation ($id: ID!, $format: TranscriptFormat!) {
                exportSession(id: $id, format: $format) { url expiresAt }
            }",
            json!({"id": session, "format": format}),
        )
        .await
    }
}

fn link(answer: Answer, field: &str) -> String {
    answer.data()[field]["url"].as_str().unwrap().to_owned()
}

async fn follow(server: &str, link: &str) -> reqwest::Response {
    reqwest::get(format!("{server}{link}")).await.unwrap()
}

/// The download behind a link, whole.
async fn read(server: &str, link: &str) -> String {
    let answer = follow(server, link).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

/// The objects of a JSON Lines text.
fn objects(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn of_type<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let is_one = |object: &&Value| object["type"] == kind;
    objects.iter().filter(is_one).collect()
}

/// Expects that nothing is there, in the bytes of what never was.
async fn expect_nothing(app: &TestApp, link: &str) {
    let nothing = follow(app.url(), "/downloads/nothing").await;
    let answer = follow(app.url(), link).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        answer.bytes().await.unwrap(),
        nothing.bytes().await.unwrap()
    );
}

#[tokio::test]
async fn everything_of_ones_own_and_nothing_of_others_is_in_it() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let bobs = bob.say(None, "a canary of Bob's").await;
    bob.say(bobs["session"]["id"].as_str(), "another").await;
    let input = json!({"content": "hello", "clientKey": "key-1", "waitMs": 30_000});
    let sent = ada.send(input).await.data()["sendMessage"].take();
    let quiet = ada.quiet_session().await;
    for number in 0..3 {
        ada.say(Some(&quiet), &format!("note {number}\nsecond line"))
            .await;
    }
    ada.ask(
        "mutation { createChatbot(input: {handle: \"tea-bot\", persona: \"You love tea.\"}) { id } }",
        json!({}),
    )
    .await
    .data();

    let link = link(ada.export_my_data().await, "exportMyData");
    assert!(link.starts_with("/downloads/"), "{link}");
    let answer = follow(app.url(), &link).await;
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header(CONTENT_TYPE), "application/jsonl; charset=utf-8");
    assert_eq!(
        header(CONTENT_DISPOSITION),
        "attachment; filename=\"parlor-my-data.jsonl\""
    );
    assert!(header(CACHE_CONTROL).contains("no-store"));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    let text = answer.text().await.unwrap();
    assert!(!text.contains("Bob"), "{text}");
    assert!(!text.contains("argon2"), "{text}");

    let objects = objects(&text);
    assert_eq!(objects[0]["type"], "profile");
    assert_eq!(objects[0]["email"], "ada@example.org");
    assert_eq!(of_type(&objects, "login").len(), 1);
    let chatbots = of_type(&objects, "chatbot");
    assert_eq!(chatbots[0]["persona"], "You love tea.");
    assert_eq!(of_type(&objects, "session").len(), 2);
    let memberships = of_type(&objects, "membership");
    assert!(memberships.iter().all(|it| it["isOwner"] == true));
    let messages = of_type(&objects, "message");
    assert_eq!(messages.len(), 5);
    let find = |id: &Value| {
        messages
            .iter()
            .find(|message| message["id"] == *id)
            .unwrap()
    };
    let question = find(&sent["message"]["id"]);
    assert_eq!(question["content"], "hello");
    assert_eq!(question["clientKey"], "key-1");
    assert_eq!(question["author"]["username"], "ada");
    let reply = find(&sent["reply"]["id"]);
    assert_eq!(reply["author"]["handle"], "parlor");
    assert_eq!(reply["inReplyTo"], sent["message"]["id"]);
    assert_eq!(objects.len(), 1 + 1 + 1 + 2 + 2 + 5);
}

#[tokio::test]
async fn a_transcript_has_every_message_in_order_however_many_there_are() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for (count, filler) in [(0, 0), (1, 0), (449, 0), (50, 60_000)] {
        app.db_fill(&session, count, filler).await;
        let stored = app.database().value("select count(*) from messages").await;
        let link = link(ada.export_session(&session, "JSON").await, "exportSession");
        let transcript: Value = serde_json::from_str(&read(app.url(), &link).await).unwrap();
        assert_eq!(transcript["session"]["id"], session);
        let messages = transcript["messages"].as_array().unwrap();
        assert_eq!(messages.len() as u64, stored);
        for (seq, message) in (1..).zip(messages) {
            assert_eq!(message["seq"], seq);
            let content = message["content"].as_str().unwrap();
            assert!(content.starts_with(&format!("{seq} ")), "{seq}");
        }
    }
}

#[tokio::test]
async fn a_transcript_for_people_quotes_what_was_said() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    ada.say(Some(&session), "hello\n**Bob**, 1970").await;
    let link = link(
        ada.export_session(&session, "MARKDOWN").await,
        "exportSession",
    );
    let text = read(app.url(), &link).await;
    assert!(text.starts_with("# "), "{text}");
    assert!(text.contains("\n**ada (@ada)**, "), "{text}");
    assert!(text.ends_with("\n> hello\n> **Bob**, 1970\n"), "{text}");
}

#[tokio::test]
async fn links_are_given_for_what_one_may_see() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let refused = bob.export_session(&session, "JSON").await;
    refused.expect_error("NOT_FOUND", None);
    let nobody = app.nobody().export_my_data().await;
    nobody.expect_error("UNAUTHENTICATED", None);
    let nobody = app.nobody().export_session(&session, "JSON").await;
    nobody.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn a_link_that_was_changed_is_none() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let link = link(ada.export_my_data().await, "exportMyData");
    read(app.url(), &link).await;
    for at in "/downloads/".len()..link.len() {
        let other = if &link[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &link[..at], &link[at + 1..]);
        // The last character may carry bits that stand for nothing; such a text is refused as well.
        expect_nothing(&app, &changed).await;
    }
    let cursor = ada.say(None, "hello").await["session"]["cursor"].take();
    let cursor = cursor.as_str().unwrap();
    expect_nothing(&app, &format!("/downloads/{cursor}")).await;
}

#[tokio::test]
async fn a_link_dies_with_its_login_and_its_right() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let transcript = link(ada.export_session(&session, "JSON").await, "exportSession");
    read(app.url(), &transcript).await;
    // Behind the API: she is a member no more.
    app.database().execute("delete from members").await;
    expect_nothing(&app, &transcript).await;

    let data = link(ada.export_my_data().await, "exportMyData");
    read(app.url(), &data).await;
    ada.log_out(false).await;
    expect_nothing(&app, &data).await;
}

#[tokio::test]
async fn a_link_ends_after_five_minutes() {
    use chrono::{DateTime, TimeDelta, Utc};
    use parlor::auth::Purpose;
    use parlor::domain::Ticket;
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let given = ada.export_my_data().await.data()["exportMyData"].take();
    let expires_at: DateTime<Utc> = given["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires_at - Utc::now();
    assert!(left > TimeDelta::minutes(4) && left <= TimeDelta::minutes(5));

    let token = &given["url"].as_str().unwrap()["/downloads/".len()..];
    let sealer = app.app().sealer();
    let ticket = sealer.open(Purpose::Download, token).unwrap();
    let ticket = Ticket::from_bytes(&ticket).unwrap();
    assert_eq!(ticket.expires_at, expires_at);
    let expired = Ticket {
        expires_at: Utc::now(),
        ..ticket
    };
    let expired = sealer.seal(Purpose::Download, &expired.to_bytes());
    expect_nothing(&app, &format!("/downloads/{expired}")).await;
}

#[tokio::test]
async fn a_download_under_way_breaks_off_when_its_reader_leaves_and_one_has_two_at_once() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    // More than the kernel and the connection hold.
    app.db_fill(&session, 200, 60_000).await;
    let link = link(ada.export_session(&session, "JSON").await, "exportSession");
    let mut first = follow(app.url(), &link).await;
    let second = follow(app.url(), &link).await;
    let third = follow(app.url(), &link).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(second);

    first.chunk().await.unwrap().unwrap();
    ada.log_out(false).await;
    let broken = loop {
        match first.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "it came to its end");
}

#[tokio::test]
async fn a_download_that_breaks_off_shows_it_to_http_1_0_as_well() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    app.db_fill(&session, 200, 60_000).await;
    let link = link(ada.export_session(&session, "JSON").await, "exportSession");
    let address = app.url().strip_prefix("http://").unwrap();
    for breaks in [false, true] {
        let mut peer = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {link} HTTP/1.0\r\nhost: x\r\n\r\n");
        peer.write_all(request.as_bytes()).await.unwrap();
        let mut heard = vec![0; 1024];
        peer.read_exact(&mut heard).await.unwrap();
        assert!(
            heard.starts_with(b"HTTP/1.0 200 "),
            "{}",
            heard.escape_ascii()
        );
        if breaks {
            ada.log_out(false).await;
        }
        let ended = peer.read_to_end(&mut heard).await;
        match breaks {
            false => assert!(heard.ends_with(b"]}\n") && ended.is_ok(), "{ended:?}"),
            true => assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[tokio::test]
async fn no_log_tells_a_link() {
    let place = Place::on(&TestDatabase::migrated().await).with("PARLOR_LOG", "trace");
    let mut server = place.serve().await;
    let ada = server.person("ada").await;
    let link = link(ada.export_my_data().await, "exportMyData");
    read(&server.url, &link).await;
    let forged = format!("{}x", &link[..link.len() - 1]);
    follow(&server.url, &forged).await;
    // All is logged once it has ended.
    server.stop(Signal::SIGTERM).await;
    server.until_log("stopped").await;
    let log = server.log();
    let token = &link["/downloads/".len()..link.len() - 1];
    assert!(!log.contains(token), "{log}");
}
