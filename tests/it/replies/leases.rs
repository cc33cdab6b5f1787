//! A reply is written by one runner at a time: the one that holds its lease.

use parlor::db::replies::Claim;
use parlor::domain::RunnerId;
use parlor::services::replies::{self, Lost};

use super::support::{chat, claim, db_let_leases_end, db_row, ended, newest};
use crate::helpers::{Person, TestApp, TestDatabase};

#[tokio::test]
async fn a_runner_that_wakes_up_after_its_lease_was_taken_writes_nothing() {
    let (app, ada, session) = owed().await;
    let url = app.database().url();
    let zombie = claim(&app, RunnerId::new()).await;
    assert_eq!(
        replies::checkpoint(app.app(), &zombie, "I was")
            .await
            .unwrap(),
        Ok(())
    );
    db_let_leases_end(url).await;
    let heir = claim(&app, RunnerId::new()).await;
    assert_eq!(heir.message.content, "I was");
    writes_nothing(&app, &zombie).await;

    let text = "I was".to_owned();
    let failed = replies::fail(app.app(), &heir, text, "It broke.")
        .await
        .unwrap();
    assert_eq!(failed, Ok(()));
    writes_nothing(&app, &zombie).await;
    let told = newest(&ada, &session).await;
    assert_eq!(
        (&told["status"], &told["content"]),
        (&"FAILED".into(), &"I was".into())
    );
}

#[tokio::test]
async fn a_runner_that_was_only_late_goes_on() {
    let (app, ada, session) = owed().await;
    let late = claim(&app, RunnerId::new()).await;
    db_let_leases_end(app.database().url()).await;
    let text = "Hello!".to_owned();
    assert_eq!(
        replies::complete(app.app(), &late, text).await.unwrap(),
        Ok(())
    );
    assert_eq!(newest(&ada, &session).await["status"], "COMPLETE");
}

#[tokio::test]
async fn a_runner_that_takes_over_from_itself_is_not_two() {
    let (app, ..) = owed().await;
    let runner = RunnerId::new();
    let cut_off = claim(&app, runner).await;
    db_let_leases_end(app.database().url()).await;
    let heir = claim(&app, runner).await;
    writes_nothing(&app, &cut_off).await;
    assert_eq!(replies::renew(app.app(), &heir).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn what_was_given_back_is_not_written() {
    let (app, ..) = owed().await;
    let given_back = claim(&app, RunnerId::new()).await;
    replies::release(app.app(), &given_back).await.unwrap();
    writes_nothing(&app, &given_back).await;
}

#[tokio::test]
async fn a_lease_that_is_held_is_not_given_twice() {
    let (app, ..) = owed().await;
    let holder = claim(&app, RunnerId::new()).await;
    assert!(
        replies::claim(app.app(), RunnerId::new(), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(replies::renew(app.app(), &holder).await.unwrap(), Ok(()));
    replies::release(app.app(), &holder).await.unwrap();
    claim(&app, RunnerId::new()).await;
}

#[tokio::test]
async fn a_reply_that_was_given_back_unshown_however_often_is_still_written() {
    let (app, ada, session) = owed().await;
    for _ in 0..5 {
        let claim = claim(&app, RunnerId::new()).await;
        replies::release(app.app(), &claim).await.unwrap();
    }
    parlor::bots::start(app.app());
    assert_eq!(ended(&ada, &session).await["status"], "COMPLETE");
}

/// A reply that nobody writes.
async fn owed() -> (TestApp, Person, String) {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    (app, ada, session)
}

/// Tries everything that a runner can do, and expects the row to stay as it is.
async fn writes_nothing(app: &TestApp, lost: &Claim) {
    let url = app.database().url();
    let before = db_row(url).await;
    let (app, text) = (app.app(), "from the grave".to_owned());
    assert_eq!(
        replies::checkpoint(app, lost, &text).await.unwrap(),
        Err(Lost)
    );
    assert_eq!(replies::renew(app, lost).await.unwrap(), Err(Lost));
    assert_eq!(
        replies::complete(app, lost, text.clone()).await.unwrap(),
        Err(Lost)
    );
    assert_eq!(
        replies::fail(app, lost, text, "gone").await.unwrap(),
        Err(Lost)
    );
    replies::release(app, lost).await.unwrap();
    assert_eq!(db_row(url).await, before);
}
