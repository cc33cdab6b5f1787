//! NATS that goes, comes back, was never there, or can't be reached: one's own news is heard all the same, the
//! bus says that it is deaf, and when all is well again everyone is told that they may have missed something.

use parlor::bus::{Heard, Notice, Subject};
use parlor::domain::SessionId;

use super::support::{connected, hears, is_deaf, missed, news, next, notice, over, unsure, until};
use crate::helpers::nats::{Nats, Proxy};

#[tokio::test]
async fn a_nats_that_is_restarted_costs_a_look_at_the_log() {
    let mut nats = Nats::start();
    let (one, other) = (connected(&nats.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut listener = other.listen(Subject::Session(session)).await;
    for _ in 0..3 {
        nats.kill();
        is_deaf(&other).await;
        missed(&mut listener).await;
        nats.restart();
        for bus in [&one, &other] {
            hears(bus).await;
        }
        missed(&mut listener).await;
        let news = news(session);
        one.publish(news.clone());
        until(&mut listener, &news).await;
    }
}

#[tokio::test]
async fn a_nats_that_is_not_there_yet_keeps_nobody_waiting() {
    let mut nats = Nats::later();
    let (one, other) = (over(&nats.url()), over(&nats.url()));
    let session = SessionId::new();
    let mut listener = one.listen(Subject::Session(session)).await;
    let own = news(session);
    one.publish(own.clone());
    assert_eq!(*notice(&mut listener).await, own);
    assert!(*one.deaf().borrow());

    nats.restart();
    hears(&one).await;
    hears(&other).await;
    missed(&mut listener).await;
    // Now it is one of many, and whoever begins to listen is heard by all.
    let mut late = other.listen(Subject::Session(session)).await;
    let news = news(session);
    one.publish(news.clone());
    until(&mut late, &news).await;
    until(&mut listener, &news).await;
}

#[tokio::test]
async fn a_partition_that_nobody_tells_of_is_noticed() {
    let nats = Nats::start();
    let proxy = Proxy::to(nats.address()).await;
    let (here, there) = (connected(&proxy.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut on_here = here.listen(Subject::Session(session)).await;
    let mut on_there = there.listen(Subject::Session(session)).await;

    proxy.freeze();
    is_deaf(&here).await;
    missed(&mut on_here).await;
    let unheard = news(session);
    here.publish(unheard.clone());
    until(&mut on_here, &unheard).await;

    proxy.open();
    hears(&here).await;
    missed(&mut on_here).await;
    // Those on the other side could not know, so they are told.
    missed(&mut on_there).await;
    for (from, to) in [(&there, &mut on_here), (&here, &mut on_there)] {
        let news = news(session);
        from.publish(news.clone());
        until(to, &news).await;
    }
}

#[tokio::test]
async fn what_was_lost_in_a_cut_is_told_to_those_beyond_it() {
    let nats = Nats::start();
    let proxy = Proxy::to(nats.address()).await;
    let (here, there) = (connected(&proxy.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut on_there = there.listen(Subject::Session(session)).await;
    proxy.cut();
    is_deaf(&here).await;
    here.publish(news(session));
    proxy.open();
    assert!(matches!(next(&mut on_there).await, Heard::Missed));
}

#[tokio::test]
async fn a_process_that_falls_silent_makes_the_others_unsure_and_one_that_takes_its_leave_does_not()
{
    let nats = Nats::start();
    let proxy = Proxy::to(nats.address()).await;
    let there = connected(&nats.url()).await;
    unsure(&there, false).await;
    let (here, leaver) = (connected(&proxy.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut listener = there.listen(Subject::Session(session)).await;
    for bus in [&here, &leaver] {
        unsure(bus, false).await;
        // Its first beat went before this.
        let news = news(session);
        bus.publish(news.clone());
        until(&mut listener, &news).await;
    }
    proxy.freeze();
    unsure(&there, true).await;
    assert!(!*there.deaf().borrow());
    proxy.open();
    unsure(&there, false).await;

    // Silence is noticed in order: once that of the second is, that of the first would have been.
    leaver.close().await;
    proxy.freeze();
    unsure(&there, true).await;
    proxy.open();
    unsure(&there, false).await;
}

#[tokio::test]
async fn more_than_the_queue_holds_is_lost_and_told() {
    let nats = Nats::start();
    let (one, other) = (connected(&nats.url()).await, connected(&nats.url()).await);
    let (session, quiet) = (SessionId::new(), SessionId::new());
    let mut listener = other.listen(Subject::Session(quiet)).await;
    // Nothing else runs on this thread meanwhile, so nothing leaves the queue.
    for _ in 0..5000 {
        one.publish(news(session));
    }
    assert!(matches!(next(&mut listener).await, Heard::Missed));
}

#[tokio::test]
async fn what_is_too_large_for_nats_is_told_in_short() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("nats.conf");
    std::fs::write(&settings, "max_payload: 2048\n").unwrap();
    let nats = Nats::start_with(&["--config", settings.to_str().unwrap()]);
    let (one, other) = (connected(&nats.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut listener = other.listen(Subject::Session(session)).await;
    one.publish(super::support::text(session, &"long ".repeat(1000)));
    assert_eq!(*notice(&mut listener).await, Notice::Look { session });
}

#[tokio::test]
async fn garbage_and_notices_of_the_future_are_something_missed() {
    let nats = Nats::start();
    let bus = connected(&nats.url()).await;
    let session = SessionId::new();
    let mut listener = bus.listen(Subject::Session(session)).await;
    let stranger = async_nats::connect(nats.url()).await.unwrap();
    let name = format!("parlor.000000000001.session.{}", session.0);
    for payload in [
        &b""[..],
        b"\x00\xff",
        br#"{"v":2,"notice":"reply_waiting"}"#,
        // Of another subject.
        br#"{"v":1,"notice":"reply_waiting"}"#,
    ] {
        let payload = payload.to_vec().into();
        stranger.publish(name.clone(), payload).await.unwrap();
        stranger.flush().await.unwrap();
        assert!(matches!(next(&mut listener).await, Heard::Missed));
    }
    let readable = format!(
        r#"{{"v":1,"notice":{{"look":{{"session":"{}"}}}}}}"#,
        session.0
    );
    stranger.publish(name, readable.into()).await.unwrap();
    assert_eq!(*notice(&mut listener).await, Notice::Look { session });
}

#[tokio::test]
async fn a_bus_that_was_closed_has_sent_everything() {
    let nats = Nats::start();
    let (one, other) = (connected(&nats.url()).await, connected(&nats.url()).await);
    let session = SessionId::new();
    let mut listener = other.listen(Subject::Session(session)).await;
    let last_words = news(session);
    one.publish(last_words.clone());
    one.close().await;
    assert_eq!(*notice(&mut listener).await, last_words);
}
