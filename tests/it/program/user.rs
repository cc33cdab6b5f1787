//! `parlor user`: accounts from the command line, beside a server and without one.

use super::support::{Ended, Place};
use crate::helpers::{PASSWORD, Person, TestDatabase};

fn told(ended: &Ended) -> &str {
    assert!(ended.status.success(), "{}", ended.err);
    &ended.out
}

fn refused(ended: &Ended) -> &str {
    assert_eq!(ended.status.code(), Some(1), "{}", ended.out);
    assert_eq!(ended.out, "");
    &ended.err
}

async fn create(place: &Place, name: &str, input: &str) -> Ended {
    let email = format!("{name}@example.org");
    let arguments = ["user", "create", name, &email, "--password-stdin"];
    place.run_saying(&arguments, input).await
}

async fn role(person: &Person) -> String {
    let me = person.ask("{ me { role } }", serde_json::json!({})).await;
    me.data()["me"]["role"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_is_opened_raised_shut_and_opened_beside_the_server_that_uses_its_own_database()
{
    let place = Place::new();
    let server = place.serve().await;
    let nobody = Person::nobody_at(&server.url);
    let created = create(&place, "Root", &format!("{PASSWORD}\n")).await;
    assert_eq!(told(&created), "Root has an account (member).\n");
    let root = nobody.signed_in(&nobody.log_in("root", PASSWORD).await.data()["login"]);
    assert_eq!(role(&root).await, "MEMBER");

    let raised = place.run(&["user", "promote", "ROOT"]).await;
    assert_eq!(told(&raised), "Root is an admin.\n");
    assert_eq!(role(&root).await, "ADMIN");
    let lowered = place
        .run(&["user", "promote", "root", "--to", "member"])
        .await;
    assert_eq!(told(&lowered), "Root is a member, signed out everywhere.\n");
    root.me().await.expect_error("UNAUTHENTICATED", None);

    nobody.log_in("root", PASSWORD).await.data();
    let shut = place.run(&["user", "disable", "root"]).await;
    assert_eq!(
        told(&shut),
        "The account of Root is shut. Logins ended: 1.\n"
    );
    let shut_out = nobody.log_in("root", PASSWORD).await;
    shut_out.expect_error("UNAUTHENTICATED", None);
    let opened = place.run(&["user", "enable", "root"]).await;
    assert_eq!(told(&opened), "Root can sign in again.\n");
    nobody.log_in("root", PASSWORD).await.data();
}

#[tokio::test]
async fn the_first_admin_can_be_made_before_the_first_start() {
    let place = Place::on(&TestDatabase::empty().await);
    let arguments = [
        "user",
        "create",
        "ada",
        "ada@example.org",
        "--role",
        "admin",
        "--password-stdin",
    ];
    let created = place.run_saying(&arguments, PASSWORD).await;
    assert_eq!(told(&created), "ada has an account (admin).\n");
    let server = place.serve().await;
    let nobody = Person::nobody_at(&server.url);
    let ada = nobody.signed_in(&nobody.log_in("ada", PASSWORD).await.data()["login"]);
    assert_eq!(role(&ada).await, "ADMIN");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_changes_nothing() {
    let database = TestDatabase::migrated().await;
    let place = Place::on(&database);
    told(&create(&place, "ada", PASSWORD).await);
    let before = database.contents().await;
    for (name, password, complaint) in [
        ("ADA", PASSWORD, "This username is taken."),
        ("a b", PASSWORD, "A username has 3 to 32 characters"),
        (
            "Guest-1",
            PASSWORD,
            "Names like this one are those of visitors.",
        ),
        ("bob", "password1", "This password is easy to guess."),
        ("bob", "", "A password has 8 to 256 characters."),
    ] {
        let ended = create(&place, name, password).await;
        let complained = refused(&ended);
        assert!(complained.contains(complaint), "{complained}");
        assert!(password.is_empty() || !complained.contains(password));
    }
    for command in ["promote", "disable", "enable"] {
        let ended = place.run(&["user", command, "nobody-here"]).await;
        assert_eq!(refused(&ended), "parlor: There is no such account.\n");
    }
    let unasked = place
        .run(&["user", "create", "bob", "bob@example.org"])
        .await;
    assert!(refused(&unasked).contains("--password-stdin"));
    let unknown = place
        .run(&["user", "promote", "ada", "--to", "guest"])
        .await;
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(database.contents().await, before);
}
