//! `parlor worker`: killed, stopped past its lease and continued, asked to end.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::support::{Parlor, Place};
use crate::helpers::nats::Nats;
use crate::helpers::{Person, TestDatabase, Watch};
use crate::replies::support::{LONG, Shown, chat, db_attempt, db_row, ended, ends};

/// A server without chatbots, a person with a session, and a feed of it.
struct Scene {
    database: TestDatabase,
    place: Place,
    _nats: Nats,
    _server: Parlor,
    ada: Person,
    session: String,
    feed: Watch,
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::migrated().await;
        let nats = Nats::start();
        let place = Place::on(&database)
            .with("PARLOR_NATS_URL", &nats.url())
            .with("PARLOR_REPLY_LEASE", "2");
        let server = place.serve_without_chatbots().await;
        server.until_status("ok").await;
        let ada = server.person("ada").await;
        let session = chat(&ada).await;
        let mut feed = ada.watch(&session, None).await;
        feed.caught_up().await;
        Self {
            database,
            place,
            _nats: nats,
            _server: server,
            ada,
            session,
            feed,
        }
    }

    async fn ask_for_a_long_reply(&mut self) {
        self.ada.say(Some(&self.session), LONG).await;
        self.feed.expect("MessageAdded").await;
        self.feed.expect("MessageAdded").await;
    }

    /// Reads on until the reply has ended, and expects that it was interrupted with what was shown kept.
    async fn expect_interruption(&mut self, shown: &mut Shown) -> Value {
        let end = ends(&mut self.feed, shown).await;
        assert_eq!(end["message"]["status"], "FAILED");
        assert_eq!(end["message"]["failure"], "The reply was interrupted.");
        let kept = end["message"]["content"].as_str().unwrap();
        assert!(!kept.is_empty() && shown.0.starts_with(kept), "{kept:?}");
        end
    }
}

#[tokio::test]
async fn what_a_worker_lacks_is_named_at_once() {
    let ended = Place::new().run(&["worker"]).await;
    assert_eq!(ended.status.code(), Some(1));
    insta::assert_snapshot!(ended.err, @"parlor: A worker needs DATABASE_URL (the servers' database) and PARLOR_NATS_URL (the bus on which servers hear what is written). A server without workers writes replies itself.");

    let database = TestDatabase::migrated().await;
    let ended = Place::on(&database).run(&["worker"]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.err.contains("PARLOR_NATS_URL"), "{}", ended.err);
    assert!(!ended.err.contains("DATABASE_URL"), "{}", ended.err);
}

#[tokio::test]
async fn a_worker_killed_after_it_showed_text_leaves_a_reply_that_ends_with_its_text_kept() {
    let mut scene = Scene::new().await;
    let mut worker = scene.place.work().await;
    scene.ask_for_a_long_reply().await;
    let mut shown = Shown::default();
    shown.add(&scene.feed.expect("ReplyDelta").await);
    worker.stop(Signal::SIGKILL).await;
    let _next = scene.place.work().await;
    scene.expect_interruption(&mut shown).await;
}

#[tokio::test]
async fn a_worker_killed_before_it_showed_text_is_followed_by_another_that_writes_the_reply() {
    let mut scene = Scene::new().await;
    // Nothing is shown before it is kept, and here nothing can be kept.
    let refuse = "
        create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$;
        create trigger refuse before update of status on messages
            for each row when (new.status = 'STREAMING') execute function refuse()";
    scene.database.execute(refuse).await;
    let mut worker = scene.place.work().await;
    scene.ask_for_a_long_reply().await;
    db_attempt(scene.database.url(), 1).await;
    worker.stop(Signal::SIGKILL).await;
    scene.database.execute("drop function refuse cascade").await;
    let _next = scene.place.work().await;
    let end = ends(&mut scene.feed, &mut Shown::default()).await;
    assert_eq!(end["message"]["status"], "COMPLETE");
    assert_eq!(db_row(scene.database.url()).await["attempt"], 2);
}

#[tokio::test]
async fn a_worker_stopped_past_its_lease_and_continued_writes_nothing() {
    let mut scene = Scene::new().await;
    let zombie = scene.place.work().await;
    scene.ask_for_a_long_reply().await;
    let mut shown = Shown::default();
    shown.add(&scene.feed.expect("ReplyDelta").await);
    zombie.signal(Signal::SIGSTOP);
    let _next = scene.place.work().await;
    scene.expect_interruption(&mut shown).await;
    let before = scene.database.contents().await;

    zombie.signal(Signal::SIGCONT);
    zombie
        .until_log("reply taken over or ended by another")
        .await;
    assert_eq!(scene.database.contents().await, before);
    // What it sent to those who watch, they do not see.
    scene.ada.say(Some(&scene.session), "thanks").await;
    let next = scene.feed.next().await;
    assert_eq!(next["message"]["content"], "thanks", "{next}");
}

#[tokio::test]
async fn a_worker_asked_to_end_ends_its_replies_first() {
    let mut scene = Scene::new().await;
    let mut worker = scene.place.work().await;
    scene.ask_for_a_long_reply().await;
    scene.feed.expect("ReplyDelta").await;
    assert!(worker.stop(Signal::SIGTERM).await.success());
    let reply = ended(&scene.ada, &scene.session).await;
    assert_eq!(reply["status"], "COMPLETE");
    // Those who watch were told before it went.
    let end = scene.feed.until("MessageChanged").await;
    assert_eq!(end["message"]["content"], reply["content"]);
}
