//! A model server that is down, one that is let go, and none at all.

use std::time::Duration;

use parlor::bots::{self, Patience};

use super::door::Door;
use super::support::{configured_with, patience, reply_of, session_with, start};
use super::upstream::{Step, Upstream, answer, says};
use crate::helpers::{TestApp, TestDatabase};
use crate::replies::support::db_until;

#[tokio::test]
async fn a_server_that_is_down_is_left_alone_until_its_rest_is_over() {
    let upstream = Upstream::start([]).await;
    upstream.set_door(Door::Shut).await;
    let for_ever = Patience {
        rest: Duration::from_secs(3600),
        ..patience()
    };
    let app = start(&upstream, &["model"], for_ever).await;
    let ada = app.person("ada").await;
    for _ in 0..5 {
        let reply = reply_of(&ada, "model").await;
        assert_eq!(reply["status"], "FAILED");
        assert_eq!(reply["failure"], "The model server can't be reached.");
    }
    // Now it is up, but nobody looks.
    upstream.set_door(Door::Open).await;
    let reply = reply_of(&ada, "model").await;
    assert_eq!(
        reply["failure"],
        "The model server has failed several times in a row. Try again in a while."
    );
    assert_eq!(upstream.requests("model").len(), 0);
}

#[tokio::test]
async fn a_reply_that_somebody_else_ends_ends_the_call_as_well() {
    let hangs = vec![vec![Step::Send(answer(&[says("Hello")])), Step::Hang]];
    let upstream = Upstream::start([("model".to_owned(), hangs)]).await;
    let app = start(&upstream, &["model"], Patience::default()).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, "model").await;
    let mut feed = ada.watch(&session, None).await;
    ada.say(Some(&session), "Hello?").await;
    feed.until("ReplyDelta").await;
    // Behind the API: as if another runner had taken the reply over.
    let taken = "update messages set lease_holder = gen_random_uuid() where chatbot_id is not null";
    app.database().execute(taken).await;
    upstream.left(1).await;
}

#[tokio::test]
async fn without_a_model_server_the_chatbot_says_so() {
    let database = TestDatabase::migrated().await;
    database.db_add_chatbot("model", "null").await;
    let app = TestApp::start_on(database).await;
    let ada = app.person("ada").await;
    let reply = reply_of(&ada, "model").await;
    assert_eq!(reply["status"], "FAILED");
    assert_eq!(reply["failure"], "No model server is set up here.");
}

#[tokio::test]
async fn a_model_that_is_not_allowed_any_more_is_not_asked_for() {
    let upstream = Upstream::start([]).await;
    let app = start(&upstream, &["model"], patience()).await;
    app.database().db_add_chatbot("dear-model", "null").await;
    let ada = app.person("ada").await;
    let reply = reply_of(&ada, "dear-model").await;
    assert_eq!(
        reply["failure"],
        "This chatbot's model may not be used here."
    );
    assert_eq!(upstream.requests("dear-model").len(), 0);
}

#[tokio::test]
async fn a_server_that_takes_every_call_and_says_nothing_holds_up_nobody_else() {
    // More than the calls that may be under way at a time.
    const STUCK: usize = 150;
    let hangs = vec![vec![Step::Hang]];
    let upstream = Upstream::start([("model".to_owned(), hangs)]).await;
    let app = start(&upstream, &["model"], Patience::default()).await;
    let ada = app.person("ada").await;
    session_with(&ada, "model").await;
    // Behind the API, for speed: as many sessions, each with a reply to be written.
    app.database()
        .execute(&format!(
            "insert into sessions (id, kind, owner_id) \
                 select gen_random_uuid(), kind, owner_id from sessions, generate_series(2, {STUCK}); \
             insert into session_chatbots (session_id, chatbot_id, position) \
                 select s.id, c.id, 0 from sessions s, chatbots c where c.handle = 'model' \
                 on conflict do nothing; \
             insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
                 select id, 1, 1, 1, 1, owner_id, 'Hello?', 'COMPLETE' from sessions; \
             insert into messages (session_id, seq, rev, added_rev, chatbot_id, content, status, in_reply_to) \
                 select s.id, 2, 2, 2, c.id, '', 'PENDING', 1 \
                 from sessions s, chatbots c where c.handle = 'model'; \
             update sessions set last_seq = 2, rev = 2"
        ))
        .await;
    let claimed = "select count(*) from messages where lease_until is not null";
    db_until(app.database().url(), claimed, &STUCK.to_string()).await;

    let reply = reply_of(&ada, "parlor").await;
    assert_eq!(reply["status"], "COMPLETE", "{reply}");
    let under_way = upstream.requests("model").len();
    assert!((1..=128).contains(&under_way), "{under_way} calls");
}

#[tokio::test]
async fn text_is_kept_again_and_again_also_under_a_short_lease() {
    // A comment, byte by byte: nothing is said for longer than the lease is held without a sign of life.
    let silence = || {
        Step::Drip(
            b": silence silence silence silence\n\n".to_vec(),
            Duration::from_millis(50),
        )
    };
    let says = |text| Step::Send(says(text).into_bytes());
    let script = vec![
        Step::Send(answer(&[])),
        says("once "),
        silence(),
        says("twice "),
        silence(),
        says("thrice "),
        Step::Hang,
    ];
    let upstream = Upstream::start([("model".to_owned(), vec![script])]).await;
    let lease = [("PARLOR_REPLY_LEASE", "2")];
    let app = configured_with(&upstream.base_url(), &["model"], &lease).await;
    bots::start_with(app.app(), Patience::default());
    let ada = app.person("ada").await;
    let session = session_with(&ada, "model").await;
    ada.say(Some(&session), "Say it.").await;
    let kept =
        "select count(*) from messages where status = 'STREAMING' and content like '%thrice%'";
    db_until(app.database().url(), kept, "1").await;
}
