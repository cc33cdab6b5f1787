//! Opening an account, signing in, staying signed in, signing out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase};

fn ada() -> Value {
    json!({"username": "Ada", "email": "Ada@Example.org", "password": PASSWORD})
}

/// Another device of Ada's.
async fn device(app: &TestApp) -> Person {
    let nobody = app.nobody();
    nobody.signed_in(&nobody.log_in("ada", PASSWORD).await.data()["login"])
}

/// The pair of tokens that a refresh gave.
async fn refreshed(app: &TestApp, token: &str) -> Person {
    let nobody = app.nobody();
    nobody.signed_in(&nobody.refresh(token).await.data()["refresh"])
}

async fn expect_signed_in(person: &Person) {
    person.me().await.data();
}

async fn expect_signed_out(person: &Person) {
    person.me().await.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn registering_signs_in_and_keeps_what_was_typed() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let payload = nobody.register_with(ada()).await.data()["register"].take();
    assert_eq!(
        payload["user"],
        json!({"username": "Ada", "email": "Ada@Example.org", "displayName": "Ada"})
    );
    let me = nobody.signed_in(&payload).me().await.data();
    assert_eq!(
        me["me"],
        json!({"username": "Ada", "email": "Ada@Example.org"})
    );
}

#[tokio::test]
async fn name_and_address_sign_in_in_any_case() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    nobody.register_with(ada()).await.data();
    for name in ["Ada", "ADA", " ada ", "ada@example.org", "ADA@EXAMPLE.ORG"] {
        let payload = nobody.log_in(name, PASSWORD).await.data()["login"].take();
        assert_eq!(payload["user"]["username"], "Ada", "{name}");
        expect_signed_in(&nobody.signed_in(&payload)).await;
    }
}

#[tokio::test]
async fn a_name_or_address_taken_in_other_case_conflicts() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    nobody.register_with(ada()).await.data();
    let before = app.database().contents().await;
    for (field, value) in [("username", "aDA"), ("email", "ada@EXAMPLE.ORG")] {
        let mut input =
            json!({"username": "bob", "email": "bob@example.org", "password": PASSWORD});
        input[field] = json!(value);
        let refused = nobody.register_with(input).await;
        refused.expect_error("CONFLICT", Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn look_alikes_of_a_name_or_an_address_are_refused_or_taken() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let zoe = json!({"username": "zoe", "email": "zoe@b\u{fc}ro.example", "password": PASSWORD});
    nobody.register_with(zoe).await.data();
    let before = app.database().contents().await;
    for (kind, field, value, code) in [
        ("case", "username", "ZOE", "CONFLICT"),
        ("composed", "username", "zo\u{e9}", "BAD_USER_INPUT"),
        ("decomposed", "username", "zoe\u{301}", "BAD_USER_INPUT"),
        ("zero width", "username", "zo\u{200b}e", "BAD_USER_INPUT"),
        ("joiner", "username", "zoe\u{200d}", "BAD_USER_INPUT"),
        (
            "byte order mark",
            "username",
            "\u{feff}zoe",
            "BAD_USER_INPUT",
        ),
        (
            "mixed scripts",
            "username",
            "z\u{43e}\u{435}",
            "BAD_USER_INPUT",
        ),
        (
            "full width",
            "username",
            "\u{ff5a}\u{ff4f}\u{ff45}",
            "BAD_USER_INPUT",
        ),
        ("direction", "username", "\u{202e}eoz", "BAD_USER_INPUT"),
        ("dotless", "username", "z\u{131}e", "BAD_USER_INPUT"),
        ("case", "email", "Zoe@B\u{dc}RO.example", "CONFLICT"),
        ("decomposed", "email", "zoe@bu\u{308}ro.example", "CONFLICT"),
        ("ASCII form", "email", "zoe@xn--bro-hoa.example", "CONFLICT"),
        (
            "full width",
            "email",
            "zoe@\u{ff42}\u{fc}ro.example",
            "CONFLICT",
        ),
        (
            "soft hyphen",
            "email",
            "zoe@b\u{fc}\u{ad}ro.example",
            "CONFLICT",
        ),
        (
            "zero width",
            "email",
            "zo\u{200b}e@b\u{fc}ro.example",
            "BAD_USER_INPUT",
        ),
        (
            "mixed scripts",
            "email",
            "z\u{43e}e@b\u{fc}ro.example",
            "BAD_USER_INPUT",
        ),
        (
            "composed",
            "email",
            "zo\u{e9}@b\u{fc}ro.example",
            "BAD_USER_INPUT",
        ),
        ("direction", "displayName", "Zoe\u{202e}", "BAD_USER_INPUT"),
        (
            "zero width",
            "displayName",
            "\u{200b}\u{200d}",
            "BAD_USER_INPUT",
        ),
    ] {
        let mut input =
            json!({"username": "bob", "email": "bob@example.org", "password": PASSWORD});
        input[field] = json!(value);
        let refused = nobody.register_with(input).await;
        println!("{kind} of {field}");
        refused.expect_error(code, Some(field));
    }
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn of_twenty_who_want_a_name_at_once_one_gets_it() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let tries = (0..20).map(|number| {
        let email = format!("ada{number}@example.org");
        nobody.register_with(json!({"username": "ada", "email": email, "password": PASSWORD}))
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(tries)
        .await
        .into_iter()
        .partition(|answer| answer.0["errors"].is_null());
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.expect_error("CONFLICT", Some("username"));
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_cost_and_tell_the_same() {
    // Nobody else asks the database anything here: the statements are counted.
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    app.person("ada").await;
    app.person("eve").await;
    app.database()
        .execute("update users set disabled_at = now() where username = 'eve'")
        .await;
    let cost = || {
        (
            app.app().passwords().computed(),
            app.app().db().statements(),
        )
    };
    let mut told = Vec::new();
    for (name, password) in [
        ("ada", "not her password"),
        ("nobody", "not her password"),
        ("nobody@example.org", "not her password"),
        ("eve", PASSWORD),
    ] {
        let before = cost();
        let answer = app.nobody().log_in_for_text(name, password).await;
        let after = cost();
        told.push((answer, after.0 - before.0, after.1 - before.1));
    }
    let (answer, hashes, _) = &told[0];
    assert!(answer.contains(r#""code":"UNAUTHENTICATED""#), "{answer}");
    assert_eq!(*hashes, 1);
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");
}

#[tokio::test]
async fn each_refresh_gives_the_next_pair() {
    let app = TestApp::start().await;
    let first = app.person("ada").await;
    let second = refreshed(&app, first.refresh_token()).await;
    let third = refreshed(&app, second.refresh_token()).await;
    assert_ne!(first.refresh_token(), second.refresh_token());
    assert_ne!(second.refresh_token(), third.refresh_token());
    for pair in [first, second, third] {
        expect_signed_in(&pair).await;
    }
}

#[tokio::test]
async fn twenty_refreshes_at_once_and_one_soon_after_give_one_successor() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let token = ada.refresh_token();
    let mut pairs = join_all((0..20).map(|_| refreshed(&app, token))).await;
    pairs.push(refreshed(&app, token).await);
    for pair in &pairs {
        assert_eq!(pair.refresh_token(), pairs[0].refresh_token());
        expect_signed_in(pair).await;
    }
    let tokens = app
        .database()
        .value("select count(*) from refresh_tokens")
        .await;
    assert_eq!(tokens, 2);
    refreshed(&app, pairs[0].refresh_token()).await;
}

#[tokio::test]
async fn an_old_refresh_token_used_late_ends_its_login_and_no_other() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let other_device = device(&app).await;
    let next = refreshed(&app, ada.refresh_token()).await;
    app.db_end_refresh_grace().await;

    let nobody = app.nobody();
    let reused = nobody.refresh(ada.refresh_token()).await;
    reused.expect_error("UNAUTHENTICATED", None);
    let newest = nobody.refresh(next.refresh_token()).await;
    newest.expect_error("UNAUTHENTICATED", None);
    expect_signed_out(&ada).await;
    expect_signed_out(&next).await;
    expect_signed_in(&other_device).await;
    refreshed(&app, other_device.refresh_token()).await;
}

#[tokio::test]
async fn an_expired_refresh_token_is_refused() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    app.database()
        .execute("update refresh_tokens set expires_at = now()")
        .await;
    let refused = app.nobody().refresh(ada.refresh_token()).await;
    refused.expect_error("UNAUTHENTICATED", None);
}

#[tokio::test]
async fn what_never_was_a_refresh_token_is_refused() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let of_right_length = ["x".repeat(43), "\0".repeat(43), "é".repeat(21) + "x"];
    let others = ["", "x", ada.token(), &ada.refresh_token()[1..]].map(str::to_owned);
    for token in of_right_length.iter().chain(&others) {
        let refused = app.nobody().refresh(token).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    refreshed(&app, ada.refresh_token()).await;
}

#[tokio::test]
async fn signing_out_takes_this_device_at_once() {
    let app = TestApp::start().await;
    let phone = app.person("ada").await;
    let laptop = device(&app).await;
    phone.log_out(false).await;
    expect_signed_out(&phone).await;
    let refused = app.nobody().refresh(phone.refresh_token()).await;
    refused.expect_error("UNAUTHENTICATED", None);
    expect_signed_in(&laptop).await;
}

#[tokio::test]
async fn signing_out_everywhere_takes_all_devices_of_one_person() {
    let app = TestApp::start().await;
    let bob = app.person("bob").await;
    let phone = app.person("ada").await;
    let laptop = device(&app).await;
    phone.log_out(true).await;
    for device in [&phone, &laptop] {
        expect_signed_out(device).await;
        let refused = app.nobody().refresh(device.refresh_token()).await;
        refused.expect_error("UNAUTHENTICATED", None);
    }
    expect_signed_in(&bob).await;
}

#[tokio::test]
async fn an_access_token_is_refused_once_it_has_expired() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    expect_signed_out(&ada.with_token(&ada.expired_token())).await;
    expect_signed_in(&ada).await;
}

#[tokio::test]
async fn neither_passwords_nor_tokens_are_stored() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let next = refreshed(&app, ada.refresh_token()).await;
    let stored = app.database().contents().await.join("\n");
    assert!(stored.contains("$argon2id$"));
    for secret in [
        PASSWORD,
        ada.token(),
        next.token(),
        ada.refresh_token(),
        next.refresh_token(),
    ] {
        for form in forms(secret) {
            assert!(!stored.contains(&form), "{form} in {stored}");
        }
    }
    // The search finds what is stored in each of these forms.
    assert!(stored.contains("ada@example.org"));
    let planted = "create table canary as select convert_to($$hello$$, 'UTF8')";
    app.database().execute(planted).await;
    let stored = app.database().contents().await.join("\n");
    assert!(forms("hello").iter().any(|form| stored.contains(form)));
}

/// How a secret would look in a dump: as text, as bytes, and as the bytes that it stands for.
fn forms(secret: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Of an access token, the part that nobody can make up.
    let secret = secret.rsplit('.').next().unwrap();
    let mut forms = vec![secret.to_owned(), hex(secret.as_bytes())];
    forms.extend(URL_SAFE_NO_PAD.decode(secret).ok().map(|bytes| hex(&bytes)));
    forms
}

#[tokio::test]
async fn logins_of_requests_that_come_together_are_looked_up_together() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let gone = app.person("eve").await;
    let end = "update logins set ended_at = now() from users
               where users.id = user_id and username = 'eve'";
    app.database().execute(end).await;
    let before = app.app().db().statements();
    let people = [&ada, &bob, &gone].into_iter().cycle().take(90);
    let answers = join_all(people.map(|person| person.ask("{ me { username } }", json!({})))).await;
    let statements = app.app().db().statements() - before;
    for (number, answer) in answers.into_iter().enumerate() {
        match number % 3 {
            2 => assert_eq!(answer.error()["code"], "UNAUTHENTICATED"),
            first => assert_eq!(answer.data()["me"]["username"], ["ada", "bob"][first]),
        }
    }
    // Beside these, 60 were shown who they are.
    assert!((61..=105).contains(&statements), "{statements} statements");
}
