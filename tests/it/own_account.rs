//! One's own account: the profile, the password, and the end of it all.

use serde_json::{Value, json};

use crate::helpers::{Answer, PASSWORD, Person, TestApp};

const BETTER: &str = "sieben kleine Wale singen";

impl Person {
    async fn update_profile(&self, input: Value) -> Answer {
        self.ask(
            "mutation ($input: ProfileInput!) {
                updateProfile(input: $input) { username displayName bio email }
            }",
            json!({ "input": input }),
        )
        .await
    }

    async fn look_up(&self, username: &str) -> Answer {
        self.ask(
            "query ($username: String!) { user(username: $username) { username bio email } }",
            json!({ "username": username }),
        )
        .await
    }
}

/// Another device of somebody's.
async fn device(app: &TestApp, username: &str) -> Person {
    let nobody = app.nobody();
    nobody.signed_in(&nobody.log_in(username, PASSWORD).await.data()["login"])
}

#[tokio::test]
async fn a_profile_changes_in_what_is_given_and_stays_in_the_rest() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let all =
        json!({"displayName": " Ada L. ", "bio": "Counts.\nSlowly.", "email": "ada@example.net"});
    let changed = ada.update_profile(all).await.data();
    let expected = json!({
        "username": "ada", "displayName": "Ada L.", "bio": "Counts.\nSlowly.", "email": "ada@example.net",
    });
    assert_eq!(changed["updateProfile"], expected);
    for nothing in [
        json!({}),
        json!({"displayName": null, "bio": null, "email": null}),
    ] {
        let same = ada.update_profile(nothing).await.data();
        assert_eq!(same["updateProfile"], expected);
    }
    let cleared = ada.update_profile(json!({"bio": ""})).await.data();
    assert_eq!(cleared["updateProfile"]["bio"], "");
    // The new address signs in, the old one no more.
    app.nobody()
        .log_in("ADA@example.net", PASSWORD)
        .await
        .data();
    let old = app.nobody().log_in("ada@example.org", PASSWORD).await;
    old.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn a_profile_that_cannot_be_is_refused_whole() {
    let app = TestApp::start().await;
    let (ada, _bob) = (app.person("ada").await, app.person("bob").await);
    let before = app.database().contents().await;
    for (field, value, code) in [
        ("displayName", " ".to_owned(), "BAD_USER_INPUT"),
        ("displayName", "a".repeat(81), "BAD_USER_INPUT"),
        ("bio", "a".repeat(501), "BAD_USER_INPUT"),
        ("email", "ada".to_owned(), "BAD_USER_INPUT"),
        (
            "email",
            "\u{430}da@example.org".to_owned(),
            "BAD_USER_INPUT",
        ),
        ("email", "BOB@example.org".to_owned(), "CONFLICT"),
    ] {
        let mut input = json!({"displayName": "Changed", "bio": "Changed."});
        input[field] = json!(value);
        let refused = ada.update_profile(input).await;
        refused.expect_error(code, Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn people_find_each_other_by_name_and_see_no_address() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.update_profile(json!({"bio": "Counts."})).await.data();
    let found = bob.look_up("ADA").await.data();
    let expected = json!({"username": "ada", "bio": "Counts.", "email": null});
    assert_eq!(found["user"], expected);
    let herself = ada.look_up("ada").await.data();
    assert_eq!(herself["user"]["email"], "ada@example.org");
    assert_eq!(
        bob.look_up("nobody-there").await.data()["user"],
        Value::Null
    );
    bob.look_up("no name")
        .await
        .expect_error("BAD_USER_INPUT", Some("username"));
}

#[tokio::test]
async fn reserved_names_and_passwords_that_are_easy_to_guess_are_refused() {
    let app = TestApp::start().await;
    let before = app.database().contents().await;
    for (field, value) in [
        ("username", "Admin"),
        ("username", "guest-7"),
        ("password", "password1"),
        ("password", "lovelace1815"),
    ] {
        let mut input = json!({
            "username": "ada.l", "email": "ada@example.org", "password": PASSWORD,
            "displayName": "Ada Lovelace",
        });
        input[field] = json!(value);
        let refused = app.nobody().register_with(input).await;
        refused.expect_error("BAD_USER_INPUT", Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_new_password_signs_every_other_device_out() {
    let app = TestApp::start().await;
    let phone = app.person("ada").await;
    let laptop = device(&app, "ada").await;
    let session = phone.quiet_session().await;
    let mut on_laptop = laptop.watch(&session, None).await;
    on_laptop.caught_up().await;

    let payload = phone.change_password(PASSWORD, BETTER).await.data()["changePassword"].take();
    on_laptop.expect_end("SIGNED_OUT", false).await;
    for device in [&phone, &laptop] {
        device.me().await.expect_error("UNAUTHENTICATED", None);
        let refused = app.nobody().refresh(device.refresh_token()).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    let phone = phone.signed_in(&payload);
    phone.me().await.data();
    app.nobody().refresh(phone.refresh_token()).await.data();
    let old = app.nobody().log_in("ada", PASSWORD).await;
    old.expect_error("UNAUTHENTICATED", None);
    app.nobody().log_in("ada", BETTER).await.data();
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_present_one_or_to_a_weak_one() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let before = app.database().contents().await;
    let wrong = ada.change_password("not her password", BETTER).await;
    wrong.expect_error("BAD_USER_INPUT", Some("current"));
    for weak in ["short", "password1", "ada@example.org"] {
        let refused = ada.change_password(PASSWORD, weak).await;
        refused.expect_error("BAD_USER_INPUT", Some("new"));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_of_its_owner() {
    let app = TestApp::start().await;
    let bob = app.person("bob").await;
    bob.send(json!({"content": "of Bob's", "waitMs": 10_000}))
        .await
        .data();
    let before = app.database().contents().await;

    let canary = "canary-7f3a";
    let ada = app.person(canary).await;
    let profile =
        json!({"displayName": canary, "bio": canary, "email": format!("{canary}@example.org")});
    ada.update_profile(profile).await.data();
    let chatbot = json!({"handle": canary, "name": canary, "greeting": canary, "persona": canary});
    crate::chatbots::make(&ada, chatbot).await.data();
    let with_it = crate::chatbots::session_with(&ada, &[canary]).await;
    ada.send(json!({"sessionId": with_it, "content": "hello", "waitMs": 20_000}))
        .await
        .data();
    let sent = ada.say(None, &format!("a {canary} sings")).await;
    let session = sent["session"]["id"].as_str().unwrap();
    let mut watch = ada.watch(session, sent["session"]["cursor"].as_str()).await;
    assert!(app.database().contents().await.join("\n").contains(canary));

    ada.delete_account("not her password")
        .await
        .expect_error("BAD_USER_INPUT", Some("password"));
    ada.me().await.data();

    assert_eq!(
        ada.delete_account(PASSWORD).await.data()["deleteAccount"],
        true
    );
    let end = watch.until("FeedEnded").await;
    assert_eq!(end["reason"], "SIGNED_OUT");
    ada.me().await.expect_error("UNAUTHENTICATED", None);
    let refused = app.nobody().refresh(ada.refresh_token()).await;
    refused.expect_error("UNAUTHENTICATED", None);
    let refused = app.nobody().log_in(canary, PASSWORD).await;
    refused.expect_error("UNAUTHENTICATED", None);
    let mut after = app.database().contents().await;
    // That some login ended is known for an hour; whose it was is not.
    after.retain(|line| !line.starts_with("ended_logins "));
    assert_eq!(after, before);
    // The name and the address are free again.
    app.person(canary).await.me().await.data();
}

#[tokio::test]
async fn an_account_that_is_deleted_while_it_sends_keeps_nothing_and_breaks_nothing() {
    let app = TestApp::start().await;
    for round in 0..20 {
        let name = format!("canary-{round}");
        let ada = app.person(&name).await;
        let before = ada.quiet_session().await;
        let (into_old, into_new, deleted) = tokio::join!(
            ada.send(json!({"sessionId": before, "content": "hello"})),
            ada.send(json!({"content": "hello"})),
            ada.delete_account(PASSWORD),
        );
        deleted.data();
        for answer in [into_old, into_new] {
            let error = &answer.0["errors"][0]["extensions"]["code"];
            let is_clean = error.is_null() || error == "UNAUTHENTICATED" || error == "NOT_FOUND";
            assert!(is_clean, "{}", answer.0);
        }
    }
    let left = app.database().rows("select * from sessions").await;
    assert_eq!(left, Vec::<Value>::new());
}
