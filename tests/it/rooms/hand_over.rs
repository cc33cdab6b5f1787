//! Who runs a session when several people go from it at once, or one comes as the last one goes. A lock of the test's
//! own says in which order.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::helpers::{Answer, PASSWORD, Person, TestApp, TestDatabase, session_id};

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Leave,
    DeleteAccount,
    Join,
}

/// A room of Ada's, held so that nothing happens in it before it is released.
struct Held {
    app: TestApp,
    room: String,
    lock: AsyncPgConnection,
    asked: Vec<JoinHandle<Answer>>,
}

impl Held {
    /// With these people in it beside Ada, in this order.
    async fn with(app: TestApp, ada: &Person, members: &[&Person]) -> Self {
        let room = ada.open("Tea").await;
        for member in members {
            member.join(&room).await.data();
        }
        let mut lock = app.database().connect().await;
        let id = session_id(&room);
        let hold = format!("begin; select from sessions where id = '{id}' for update");
        lock.batch_execute(&hold).await.unwrap();
        Self {
            app,
            room,
            lock,
            asked: Vec::new(),
        }
    }

    /// Has somebody ask for something, behind all who asked before.
    async fn ask(&mut self, who: &Person, deed: Deed) {
        let (who, room) = (who.clone(), self.room.clone());
        self.asked.push(tokio::spawn(async move {
            match deed {
                Deed::Leave => who.leave(&room).await,
                Deed::DeleteAccount => who.delete_account(PASSWORD).await,
                Deed::Join => who.join(&room).await,
            }
        }));
        let waiting = self.asked.len() as u64;
        self.app.database().until_waiting(waiting).await;
    }

    /// Lets them go on, and gives what they were answered.
    async fn release(&mut self) -> Vec<Answer> {
        self.lock.batch_execute("commit").await.unwrap();
        let mut answers = Vec::new();
        for asked in self.asked.drain(..) {
            answers.push(asked.await.unwrap());
        }
        answers
    }
}

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

#[tokio::test]
async fn of_two_who_go_at_once_neither_is_handed_the_session() {
    let deeds = [
        [Deed::Leave, Deed::Leave],
        [Deed::Leave, Deed::DeleteAccount],
        [Deed::DeleteAccount, Deed::Leave],
        [Deed::DeleteAccount, Deed::DeleteAccount],
    ];
    for [by_ada, by_bob] in deeds {
        for is_ada_first in [true, false] {
            let app = quiet_app().await;
            let (ada, bob) = (app.person("ada").await, app.person("bob").await);
            let carol = app.person("carol").await;
            let mut held = Held::with(app, &ada, &[&bob, &carol]).await;
            let mut order = [(&ada, by_ada), (&bob, by_bob)];
            if !is_ada_first {
                order.reverse();
            }
            for (who, deed) in order {
                held.ask(who, deed).await;
            }
            for answer in held.release().await {
                answer.data();
            }
            let people = carol.people(&held.room).await;
            assert_eq!(people, ["carol*"], "{by_ada:?} {by_bob:?} {is_ada_first}");
            carol.say(Some(&held.room), "mine").await;
        }
    }
}

#[tokio::test]
async fn the_last_two_who_go_at_once_leave_nothing() {
    for deeds in [
        [Deed::Leave, Deed::Leave],
        [Deed::Leave, Deed::DeleteAccount],
        [Deed::DeleteAccount, Deed::DeleteAccount],
    ] {
        let app = quiet_app().await;
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        let mut held = Held::with(app, &ada, &[&bob]).await;
        for (who, deed) in [&ada, &bob].into_iter().zip(deeds) {
            held.ask(who, deed).await;
        }
        for answer in held.release().await {
            answer.data();
        }
        let database = held.app.database();
        let left = database.value("select count(*) from sessions").await;
        assert_eq!(left, 0, "{deeds:?}");
    }
}

#[tokio::test]
async fn who_comes_as_the_last_one_goes_finds_the_session_theirs_or_gone() {
    for last in [Deed::Leave, Deed::DeleteAccount] {
        for is_join_first in [true, false] {
            let app = quiet_app().await;
            let (ada, bob) = (app.person("ada").await, app.person("bob").await);
            let mut held = Held::with(app, &ada, &[]).await;
            if is_join_first {
                held.ask(&bob, Deed::Join).await;
                held.ask(&ada, last).await;
            } else {
                held.ask(&ada, last).await;
                held.ask(&bob, Deed::Join).await;
            }
            let mut answers = held.release().await;
            if is_join_first {
                answers.remove(0).data();
                assert_eq!(bob.people(&held.room).await, ["bob*"], "{last:?}");
            } else {
                answers.remove(1).expect_error("NOT_FOUND", None);
                let rooms = held.app.database().value("select count(*) from sessions");
                assert_eq!(rooms.await, 0, "{last:?}");
            }
            answers.remove(0).data();
        }
    }
}

#[tokio::test]
async fn a_session_is_handed_to_who_can_sign_in_before_others() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let carol = app.person("carol").await;
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    carol.join(&room).await.data();
    app.database()
        .execute("update users set disabled_at = now() where username = 'bob'")
        .await;
    ada.leave(&room).await.data();
    assert_eq!(carol.people(&room).await, ["bob", "carol*"]);
    // With nobody else in it, it waits for them.
    carol.leave(&room).await.data();
    app.database()
        .execute("update users set disabled_at = null where username = 'bob'")
        .await;
    assert_eq!(bob.people(&room).await, ["bob*"]);
    let title = json!({"id": room, "title": "Bob's"});
    let rename = "mutation ($id: ID!, $title: String!) {
        updateSession(id: $id, input: {title: $title}) { title }
    }";
    bob.ask(rename, title).await.data();
}
