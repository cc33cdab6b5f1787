//! Two devices of one person that do something to the account at the same time: what one of them proved does not
//! outlive what the other did, and neither waits for ever.

use diesel_async::SimpleAsyncConnection;
use parlor::error::AppError;
use tokio::task::{JoinHandle, yield_now};

use crate::helpers::{Answer, PASSWORD, Person, TestApp, TestDatabase, session_id};

const BETTER: &str = "sieben kleine Wale singen";
const OTHER: &str = "acht grosse Wale schweigen";

/// What asks for a password.
#[derive(Clone, Copy, Debug)]
enum Deed {
    ChangePassword,
    DeleteAccount,
}

impl Deed {
    async fn ask(self, person: &Person) -> Answer {
        match self {
            Self::ChangePassword => person.change_password(PASSWORD, BETTER).await,
            Self::DeleteAccount => person.delete_account(PASSWORD).await,
        }
    }
}

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

/// Another device of Ada's.
async fn laptop(app: &TestApp) -> Person {
    let nobody = app.nobody();
    nobody.signed_in(&nobody.log_in("ada", PASSWORD).await.data()["login"])
}

#[tokio::test]
async fn a_password_that_was_proved_before_it_changed_is_worth_nothing_after() {
    let end_logins = "; update logins set ended_at = now()";
    for (change, also, code) in [
        ("password_hash = 'another'", end_logins, "UNAUTHENTICATED"),
        ("disabled_at = now()", end_logins, "UNAUTHENTICATED"),
        ("password_hash = 'another'", "", "BAD_USER_INPUT"),
    ] {
        for deed in [Deed::ChangePassword, Deed::DeleteAccount] {
            let app = quiet_app().await;
            let ada = app.person("ada").await;
            let mut other = app.database().connect().await;
            let sql = format!("begin; update users set {change} where username = 'ada'{also}");
            other.batch_execute(&sql).await.unwrap();
            let asked = tokio::spawn(async move { deed.ask(&ada).await });
            app.database().until_waiting(1).await;
            other.batch_execute("commit").await.unwrap();
            let stored = app.database().contents().await;
            let refused = asked.await.unwrap().error();
            assert_eq!(refused["code"], code, "{deed:?} after {change}");
            assert_eq!(app.database().contents().await, stored);
        }
    }
}

#[tokio::test]
async fn of_two_who_change_the_password_at_once_one_does_and_the_other_is_signed_out() {
    let app = quiet_app().await;
    let phone = app.person("ada").await;
    let laptop = laptop(&app).await;
    let mut held = app.database().connect().await;
    let hold = "begin; select from users where username = 'ada' for update";
    held.batch_execute(hold).await.unwrap();
    let first = tokio::spawn({
        let phone = phone.clone();
        async move { phone.change_password(PASSWORD, BETTER).await }
    });
    app.database().until_waiting(1).await;
    let second = tokio::spawn(async move { laptop.change_password(PASSWORD, OTHER).await });
    app.database().until_waiting(2).await;
    held.batch_execute("commit").await.unwrap();

    let changed = first.await.unwrap().data()["changePassword"].take();
    let refused = second.await.unwrap();
    refused.expect_error("UNAUTHENTICATED", None);
    phone.signed_in(&changed).me().await.data();
    app.nobody().log_in("ada", BETTER).await.data();
    let refused = app.nobody().log_in("ada", OTHER).await;
    refused.expect_error("UNAUTHENTICATED", None);
}

/// Deletes the account from one device, and while that waits for a session asks for something else from the other.
async fn while_the_account_is_deleted(ask: impl FnOnce(Person) -> JoinHandle<Answer>) {
    let app = quiet_app().await;
    let phone = app.person("ada").await;
    let laptop = laptop(&app).await;
    let session = session_id(&phone.quiet_session().await);
    let mut held = app.database().connect().await;
    let hold = format!("begin; select from sessions where id = '{session}' for update");
    held.batch_execute(&hold).await.unwrap();
    let deleted = tokio::spawn(async move { phone.delete_account(PASSWORD).await });
    app.database().until_waiting(1).await;
    let asked = ask(laptop);
    // It is answered, or it waits too: then neither may wait for the other.
    while !asked.is_finished() && app.database().waiting().await < 2 {
        yield_now().await;
    }
    held.batch_execute("commit").await.unwrap();
    let answer = asked.await.unwrap();
    answer.expect_error("UNAUTHENTICATED", None);
    deleted.await.unwrap().data();
}

#[tokio::test]
async fn a_token_is_exchanged_while_the_account_is_deleted() {
    let refresh =
        |laptop: Person| tokio::spawn(async move { laptop.refresh(laptop.refresh_token()).await });
    while_the_account_is_deleted(refresh).await;
}

#[tokio::test]
async fn the_password_is_changed_while_the_account_is_deleted() {
    let change = |laptop: Person| {
        tokio::spawn(async move { laptop.change_password(PASSWORD, BETTER).await })
    };
    while_the_account_is_deleted(change).await;
}

#[tokio::test]
async fn who_has_to_give_way_to_another_transaction_may_try_again() {
    let database = TestDatabase::migrated().await;
    let (mut one, mut two) = (database.connect().await, database.connect().await);
    one.batch_execute("create table pair (id int); insert into pair values (1), (2)")
        .await
        .unwrap();
    let take = |id| format!("select from pair where id = {id} for update");
    for (conn, id) in [(&mut one, 1), (&mut two, 2)] {
        let sql = format!("begin; {}", take(id));
        conn.batch_execute(&sql).await.unwrap();
    }
    let (by_one, by_two) = (take(2), take(1));
    let (by_one, by_two) = tokio::join!(
        async {
            let taken = one.batch_execute(&by_one).await;
            drop(one);
            taken
        },
        async {
            let taken = two.batch_execute(&by_two).await;
            drop(two);
            taken
        },
    );
    let mut refused = [by_one, by_two].into_iter().filter_map(Result::err);
    let error = AppError::from(refused.next().unwrap());
    assert_eq!(error.code(), "UNAVAILABLE", "{error:?}");
    assert!(refused.next().is_none());
}
