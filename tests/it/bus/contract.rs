//! What holds on every transport: each test runs on all of them.

use parlor::bus::{Heard, Notice, Subject};
use parlor::domain::{LoginId, SessionId};

use super::support::{Transport, news, next, notice, text, until};

/// Makes a test of each of these for each transport.
macro_rules! on_every_transport {
    ($($behaviour:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Transport::in_process()).await;
            })+
        }

        mod over_nats {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Transport::nats()).await;
            })+
        }
    };
}

on_every_transport! {
    processes_hear_each_other,
    what_one_process_publishes_arrives_in_order,
    one_hears_what_one_publishes_oneself_once,
    from_the_moment_listen_returns_nothing_is_missed,
    a_listener_hears_its_subject_only,
    a_listener_that_fell_behind_is_told,
    who_listens_again_hears_what_comes_then,
    text_arrives_letter_by_letter,
    work_reaches_its_own_process_and_another,
}

async fn processes_hear_each_other(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    let mut on_one = one.listen(Subject::Session(session)).await;
    let mut on_other = other.listen(Subject::Session(session)).await;
    for bus in [&one, &other] {
        let news = news(session);
        bus.publish(news.clone());
        assert_eq!(*notice(&mut on_one).await, news);
        assert_eq!(*notice(&mut on_other).await, news);
    }
}

async fn what_one_process_publishes_arrives_in_order(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    let mut listener = other.listen(Subject::Session(session)).await;
    // In rounds, so that the listener is not left behind: that is another test's.
    for _ in 0..20 {
        let round: Vec<Notice> = (0..100).map(|_| news(session)).collect();
        for news in &round {
            one.publish(news.clone());
        }
        for news in &round {
            assert_eq!(*notice(&mut listener).await, *news);
        }
    }
}

async fn one_hears_what_one_publishes_oneself_once(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    let mut listener = one.listen(Subject::Session(session)).await;
    let mut echo = other.listen(Subject::Session(session)).await;
    let own = news(session);
    one.publish(own.clone());
    assert_eq!(*notice(&mut listener).await, own);
    assert_eq!(*notice(&mut echo).await, own);
    // What came back would come before this, which is sent after the other process heard it.
    let last = news(session);
    other.publish(last.clone());
    assert_eq!(*notice(&mut listener).await, last);
}

async fn from_the_moment_listen_returns_nothing_is_missed(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    for _ in 0..50 {
        let session = SessionId::new();
        let mut listener = other.listen(Subject::Session(session)).await;
        let news = news(session);
        one.publish(news.clone());
        assert_eq!(*notice(&mut listener).await, news);
    }
}

async fn a_listener_hears_its_subject_only(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let (session, login) = (SessionId::new(), LoginId::new());
    let mut on_session = other.listen(Subject::Session(session)).await;
    let mut on_login = other.listen(Subject::Login(login)).await;
    one.publish(news(SessionId::new()));
    let ended = Notice::LoginEnded { login };
    one.publish(Notice::LoginEnded {
        login: LoginId::new(),
    });
    one.publish(ended.clone());
    let last = news(session);
    one.publish(last.clone());
    assert_eq!(*notice(&mut on_login).await, ended);
    assert_eq!(*notice(&mut on_session).await, last);
}

async fn a_listener_that_fell_behind_is_told(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    let mut slow = other.listen(Subject::Session(session)).await;
    let mut quick = other.listen(Subject::Session(session)).await;
    for _ in 0..300 {
        let news = news(session);
        one.publish(news.clone());
        until(&mut quick, &news).await;
    }
    assert!(matches!(next(&mut slow).await, Heard::Missed));
    assert!(matches!(next(&mut slow).await, Heard::Notice(_)));
}

async fn who_listens_again_hears_what_comes_then(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    for _ in 0..10 {
        let first = other.listen(Subject::Session(session)).await;
        let mut second = other.listen(Subject::Session(session)).await;
        drop(first);
        let heard = news(session);
        one.publish(heard.clone());
        // What was published while nobody listened may be on its way still.
        until(&mut second, &heard).await;
        drop(second);
        one.publish(news(session));
    }
}

async fn text_arrives_letter_by_letter(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let session = SessionId::new();
    let mut listener = other.listen(Subject::Session(session)).await;
    let large = "ü".repeat(16 * 1024);
    for said in ["", "\"quoted\\\"\n\u{0}\u{7f}", "👩‍👩‍👧 é e\u{301}", &large] {
        let piece = text(session, said);
        one.publish(piece.clone());
        assert_eq!(*notice(&mut listener).await, piece);
    }
}

async fn work_reaches_its_own_process_and_another(transport: Transport) {
    let (one, other) = (transport.bus().await, transport.bus().await);
    let mut here = one.listen(Subject::Replies).await;
    let mut there = other.listen(Subject::Replies).await;
    one.publish(Notice::ReplyWaiting);
    assert_eq!(*notice(&mut here).await, Notice::ReplyWaiting);
    assert_eq!(*notice(&mut there).await, Notice::ReplyWaiting);
}
