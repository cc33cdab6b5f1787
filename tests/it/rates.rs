//! How often one may: counted per person, per address and per name, and truthful about when to come back.

use reqwest::Client;
use serde_json::{Value, json};

use crate::chatbots::make;
use crate::helpers::{Answer, PASSWORD, Person, TestApp, TestDatabase};
use crate::raw_socket::RawSocket;
use crate::replies::support::{chat, regenerate};

/// A server that counts, with these rates, and believes who its callers say they speak for.
async fn counting(rates: &[(&str, &str)]) -> TestApp {
    let mut variables = vec![
        ("PARLOR_RATE_LIMITS", "on"),
        ("PARLOR_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    variables.extend(rates);
    TestApp::configured(TestDatabase::migrated().await, &variables).await
}

/// Asks from this address.
async fn ask_from(app: &TestApp, address: &str, query: &str, variables: Value) -> Answer {
    let post = Client::new()
        .post(format!("{}/graphql", app.url()))
        .header("x-forwarded-for", address)
        .json(&json!({"query": query, "variables": variables}));
    Answer(post.send().await.unwrap().json().await.unwrap())
}

const LOGIN: &str = "mutation ($name: String!, $password: String!) {
    login(input: {username: $name, password: $password}) { accessToken }
}";

async fn log_in_from(app: &TestApp, address: &str, name: &str, password: &str) -> Answer {
    ask_from(
        app,
        address,
        LOGIN,
        json!({"name": name, "password": password}),
    )
    .await
}

/// Expects a refusal that says when to come back: not later than `most` seconds, and not much earlier.
fn expect_limited(answer: Answer, most: u64) {
    let told = answer.0.to_string();
    let error = answer.error();
    assert_eq!(error["code"], "RATE_LIMITED", "{told}");
    let wait = error["retryAfter"].as_u64().expect(&told);
    assert!((most - 120..=most).contains(&wait), "{told}");
}

#[tokio::test]
async fn sends_are_counted_per_person_and_per_call_retries_and_all() {
    let app = counting(&[("PARLOR_RATE_SEND", "4/1h")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = ada.quiet_session().await;
    let input = json!({"sessionId": session, "content": "hello", "clientKey": "key"});
    ada.send(input.clone()).await.data();
    ada.send(input.clone()).await.data();
    // Two in one request are two; one on a socket is one.
    let query = "mutation ($i: SendMessageInput!) {
        a: sendMessage(input: $i) { message { seq } } b: sendMessage(input: $i) { message { seq } }
        c: sendMessage(input: $i) { message { seq } }
    }";
    let answer = ada.ask(query, json!({ "i": input })).await.0;
    assert_eq!(answer["errors"][0]["path"], json!(["c"]), "{answer}");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    let mut socket = RawSocket::acknowledged(app.url(), Some(ada.token())).await;
    let one = "mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { seq } } }";
    socket.subscribe("1", one, json!({ "i": input })).await;
    let heard = socket.hear().await;
    expect_limited(Answer(heard["payload"].clone()), 900);
    expect_limited(ada.send(input).await, 900);
    // Nobody else is the worse for it.
    bob.say(None, "hello").await;
    assert_eq!(ada.history(&session).await.len(), 1);
}

#[tokio::test]
async fn sends_from_one_address_are_counted_together() {
    let app = counting(&[("PARLOR_RATE_SEND_ADDRESS", "2/1h")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.say(None, "hello").await;
    bob.say(None, "hello").await;
    expect_limited(ada.send(json!({"content": "hello"})).await, 1_800);
    expect_limited(bob.send(json!({"content": "hello"})).await, 1_800);
}

#[tokio::test]
async fn having_a_reply_written_anew_counts_as_a_send_of_the_person_and_of_the_address() {
    for rate in ["PARLOR_RATE_SEND", "PARLOR_RATE_SEND_ADDRESS"] {
        let app = counting(&[(rate, "2/1h")]).await;
        let ada = app.person("ada").await;
        let session = chat(&ada).await;
        let reply = ada.say(Some(&session), "hello").await["reply"].take();
        // Refused, as it is still under way, and counted.
        let anew = regenerate(&ada, &reply["id"]).await;
        anew.expect_error("CONFLICT", Some("id"));
        let told = regenerate(&ada, &reply["id"]).await;
        let message = told.0["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(" seconds."), "{message}");
        expect_limited(told, 1_800);
        expect_limited(ada.send(json!({"content": "hello"})).await, 1_800);
    }
}

#[tokio::test]
async fn changes_of_messages_and_sessions_are_counted_together_per_person() {
    let app = counting(&[("PARLOR_RATE_CHANGE", "4/1h")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let edit = "mutation ($id: ID!) { editMessage(id: $id, content: \"better\") { content } }";
    let delete = "mutation ($id: ID!) { deleteMessage(id: $id) { status } }";
    let start = "mutation { startSession(input: {kind: ROOM, title: \"Tea\"}) { id } }";
    let said = async |who: &Person| {
        let session = who.quiet_session().await;
        json!({"id": who.say(Some(&session), "hello").await["message"]["id"]})
    };
    let (adas, bobs) = (said(&ada).await, said(&bob).await);
    ada.ask(edit, adas.clone()).await.data();
    ada.ask(delete, adas.clone()).await.data();
    // Each began a session before.
    let room = ada.ask(start, json!({})).await.data()["startSession"].take();
    for query in [edit, delete] {
        expect_limited(ada.ask(query, adas.clone()).await, 900);
    }
    expect_limited(ada.ask(start, json!({})).await, 900);
    for query in [
        "mutation ($id: ID!) { updateSession(id: $id, input: {archived: true}) { id } }",
        "mutation ($id: ID!) { leaveSession(id: $id) }",
        "mutation ($id: ID!) { deleteSession(id: $id) }",
        "mutation ($id: ID!) { removeMember(sessionId: $id, username: \"bob\") { id } }",
    ] {
        expect_limited(ada.ask(query, json!({ "id": room["id"] })).await, 900);
    }
    bob.ask(delete, bobs).await.data();
    // Sending is counted for itself.
    ada.say(None, "hello").await;
}

#[tokio::test]
async fn accounts_opened_from_one_address_are_counted() {
    let app = counting(&[("PARLOR_RATE_REGISTER_ADDRESS", "2/1h")]).await;
    let query = "mutation ($i: RegisterInput!) { register(input: $i) { user { username } } }";
    let input = |name: &str| {
        json!({"i": {
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD
        }})
    };
    ask_from(&app, "2001:db8::1", query, input("ada"))
        .await
        .data();
    // The same network, and a try that fails counts too.
    let taken = ask_from(&app, "2001:db8::2", query, input("ada")).await;
    taken.expect_error("CONFLICT", Some("username"));
    expect_limited(
        ask_from(&app, "2001:db8::3", query, input("bob")).await,
        1_800,
    );
    ask_from(&app, "2001:db8:0:1::1", query, input("bob"))
        .await
        .data();
}

#[tokio::test]
async fn guessing_from_many_addresses_is_slow_and_does_not_shut_the_owner_out() {
    let app = counting(&[("PARLOR_RATE_LOGIN", "3/1h")]).await;
    app.person("ada").await;
    // Ada was here before; whoever guesses comes from anywhere, and spells her name as they like.
    log_in_from(&app, "192.0.2.1", "ada", PASSWORD).await.data();
    for (address, name) in [("198.51.100.1", "ada"), ("198.51.100.2", " ADA ")] {
        log_in_from(&app, address, name, "wrong password")
            .await
            .expect_error("UNAUTHENTICATED", None);
    }
    for guess in ["wrong password", PASSWORD] {
        expect_limited(log_in_from(&app, "198.51.100.3", "Ada", guess).await, 1_200);
    }
    log_in_from(&app, "192.0.2.1", "ada", PASSWORD).await.data();
    // A name that nobody has is counted in the same way, so that a refusal tells nothing.
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        log_in_from(&app, address, "nobody", "wrong password")
            .await
            .expect_error("UNAUTHENTICATED", None);
    }
    expect_limited(
        log_in_from(&app, "198.51.100.4", "nobody", "x").await,
        1_200,
    );
}

#[tokio::test]
async fn an_address_is_one_name_however_it_is_spelled() {
    let app = counting(&[("PARLOR_RATE_LOGIN", "3/1h")]).await;
    app.person("ada").await;
    // A soft hyphen, two, wide letters, a wide dot: all of them are Ada's address.
    let spellings = [
        "ada@exam\u{ad}ple.org",
        "ada@exa\u{ad}m\u{ad}ple.org",
        "ADA@\u{ff45}xample.org ",
        "ada@example\u{ff0e}org",
    ];
    for (n, name) in spellings.into_iter().enumerate() {
        let answer = log_in_from(&app, &format!("198.51.100.{n}"), name, PASSWORD).await;
        match n {
            0..3 => drop(answer.data()),
            _ => expect_limited(answer, 1_200),
        }
    }
}

#[tokio::test]
async fn asking_whose_an_address_is_by_taking_it_is_counted() {
    let change = "mutation ($email: String) {
        updateProfile(input: {displayName: \"Ada\", email: $email}) { email }
    }";
    for (rate, most) in [
        ("PARLOR_RATE_CHANGE_EMAIL", 1_800),
        ("PARLOR_RATE_CHANGE_EMAIL_ADDRESS", 1_800),
    ] {
        let app = counting(&[(rate, "2/1h")]).await;
        let (ada, _bob) = (app.person("ada").await, app.person("bob").await);
        let to = |address: &str| ada.ask(change, json!({ "email": address }));
        to("bob@example.org")
            .await
            .expect_error("CONFLICT", Some("email"));
        to("ada@example.net").await.data();
        expect_limited(to("bob@example.org").await, most);
        // The rest of the profile is nobody else's.
        ada.ask(change, json!({ "email": null })).await.data();
    }
}

#[tokio::test]
async fn making_and_deleting_chatbots_is_counted() {
    let app = counting(&[("PARLOR_RATE_OWN_CHATBOTS", "3/1h")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let delete = "mutation { deleteChatbot(handle: \"tea\") }";
    make(&ada, json!({"handle": "tea"})).await.data();
    ada.ask(delete, json!({})).await.data();
    make(&ada, json!({"handle": "tea"})).await.data();
    expect_limited(ada.ask(delete, json!({})).await, 1_200);
    expect_limited(make(&ada, json!({"handle": "milk"})).await, 1_200);
    make(&bob, json!({"handle": "milk"})).await.data();
}

#[tokio::test]
async fn tries_from_one_address_are_counted_whatever_the_name() {
    let app = counting(&[("PARLOR_RATE_LOGIN_ADDRESS", "2/1h")]).await;
    for name in ["ada", "bob"] {
        log_in_from(&app, "192.0.2.1", name, "wrong password")
            .await
            .expect_error("UNAUTHENTICATED", None);
    }
    expect_limited(log_in_from(&app, "192.0.2.1", "cleo", "x").await, 1_800);
    log_in_from(&app, "192.0.2.2", "cleo", "x")
        .await
        .expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn refreshing_is_counted_per_person_and_costs_no_token() {
    let app = counting(&[("PARLOR_RATE_REFRESH", "2/1h")]).await;
    let ada = app.person("ada").await;
    let mut token = ada.refresh_token().to_owned();
    for _ in 0..2 {
        let next = ada.refresh(&token).await.data();
        token = next["refresh"]["refreshToken"].as_str().unwrap().to_owned();
    }
    expect_limited(ada.refresh(&token).await, 1_800);
    let bob = app.person("bob").await;
    bob.refresh(bob.refresh_token()).await.data();
}

#[tokio::test]
async fn refreshing_from_one_address_is_counted_whoever_it_is() {
    let app = counting(&[("PARLOR_RATE_REFRESH_ADDRESS", "2/1h")]).await;
    let query = "mutation { refresh(refreshToken: \"nobody's\") { accessToken } }";
    let refresh_from = |address| ask_from(&app, address, query, json!({}));
    for _ in 0..2 {
        let told = refresh_from("192.0.2.1").await;
        told.expect_error("UNAUTHENTICATED", None);
    }
    expect_limited(refresh_from("192.0.2.1").await, 1_800);
    let told = refresh_from("192.0.2.2").await;
    told.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn typing_is_counted_per_person_and_per_address_whatever_the_session() {
    let query = "mutation ($id: ID!) { setTyping(sessionId: $id, typing: true) }";
    for rate in ["PARLOR_RATE_TYPING", "PARLOR_RATE_TYPING_ADDRESS"] {
        let app = counting(&[(rate, "2/1h"), ("PARLOR_RATE_TYPING_SESSION", "off")]).await;
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        let (one, other) = (ada.quiet_session().await, ada.quiet_session().await);
        for session in [&one, &other] {
            ada.ask(query, json!({ "id": session })).await.data();
        }
        expect_limited(ada.ask(query, json!({ "id": one })).await, 1_800);
        let bobs = bob.quiet_session().await;
        let told = bob.ask(query, json!({ "id": bobs })).await;
        match rate {
            "PARLOR_RATE_TYPING" => drop(told.data()),
            _ => expect_limited(told, 1_800),
        }
    }
}

#[tokio::test]
async fn searching_is_counted_per_person() {
    let app = counting(&[("PARLOR_RATE_SEARCH", "2/1h")]).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let query = "{ search(text: \"tea\") { nodes { id } } }";
    for _ in 0..2 {
        ada.ask(query, json!({})).await.data();
    }
    expect_limited(ada.ask(query, json!({})).await, 1_800);
    bob.ask(query, json!({})).await.data();
}

#[tokio::test]
async fn nothing_is_counted_where_counting_is_off() {
    let rates = [("PARLOR_RATE_LIMITS", "off"), ("PARLOR_RATE_SEND", "1/1h")];
    let app = counting(&rates).await;
    let ada = app.person("ada").await;
    for _ in 0..3 {
        ada.say(None, "hello").await;
    }
}
