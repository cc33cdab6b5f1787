//! Who hears whom on one NATS: those of one deployment, with the right credentials.

use parlor::bus::{Bus, Notice, Subject};
use parlor::config::NatsUrl;
use parlor::domain::{ChatbotId, CommandId, CommandLine, CommandReply, SessionId};

use super::support::{connected, hears, missed, news, next, notice, until, within};
use crate::helpers::nats::Nats;

#[tokio::test]
async fn deployments_that_share_a_nats_do_not_hear_each_other() {
    let nats = Nats::start();
    let url = NatsUrl::parse(&nats.url()).unwrap();
    let buses = [7, 7, 8].map(|deployment| Bus::over_nats(&url, deployment).unwrap());
    for bus in &buses {
        hears(bus).await;
    }
    let [one, same, stranger] = &buses;
    let session = SessionId::new();
    let mut on_same = same.listen(Subject::Session(session)).await;
    let mut on_stranger = stranger.listen(Subject::Session(session)).await;
    let ours = news(session);
    one.publish(ours.clone());
    assert_eq!(*notice(&mut on_same).await, ours);

    // Until one goes over to the others.
    one.move_to(8);
    let heard_there = async {
        loop {
            let theirs = news(session);
            one.publish(theirs.clone());
            match next(&mut on_stranger).await {
                parlor::bus::Heard::Notice(heard) if *heard == ours => panic!("heard a stranger"),
                parlor::bus::Heard::Notice(heard) if *heard == theirs => return,
                _ => {}
            }
        }
    };
    within(heard_there).await;
}

#[tokio::test]
async fn who_moves_hears_the_new_ones_and_is_told_that_it_may_have_missed_something() {
    let nats = Nats::start();
    let url = NatsUrl::parse(&nats.url()).unwrap();
    let mover = Bus::over_nats(&url, 7).unwrap();
    let other = Bus::over_nats(&url, 8).unwrap();
    hears(&mover).await;
    hears(&other).await;
    let session = SessionId::new();
    let mut listener = mover.listen(Subject::Session(session)).await;
    mover.move_to(8);
    missed(&mut listener).await;
    let news = news(session);
    other.publish(news.clone());
    until(&mut listener, &news).await;
}

#[tokio::test]
async fn of_two_other_processes_one_is_given_the_work() {
    let nats = Nats::start();
    let buses = [
        connected(&nats.url()).await,
        connected(&nats.url()).await,
        connected(&nats.url()).await,
    ];
    let mut first = buses[1].listen(Subject::Replies).await;
    let mut second = buses[2].listen(Subject::Replies).await;
    for _ in 0..20 {
        buses[0].publish(Notice::ReplyWaiting);
        tokio::select! {
            heard = notice(&mut first) => assert_eq!(*heard, Notice::ReplyWaiting),
            heard = notice(&mut second) => assert_eq!(*heard, Notice::ReplyWaiting),
        }
    }
}

#[tokio::test]
async fn an_errand_is_run_where_it_is_announced_if_it_can_be_and_by_one_other_if_not() {
    let nats = Nats::start();
    let buses = [
        connected(&nats.url()).await,
        connected(&nats.url()).await,
        connected(&nats.url()).await,
    ];
    let mut others = [
        buses[1].listen(Subject::Commands).await,
        buses[2].listen(Subject::Commands).await,
    ];
    let given = |text: &str| {
        let line = CommandLine::parse(text).unwrap().unwrap();
        let (id, session) = (CommandId::new(), SessionId::new());
        let command = CommandReply::pending(id, session, line, ChatbotId::HOUSE);
        Notice::CommandGiven { command }
    };
    for round in 0..20 {
        let errand = given(&format!("/errand {round}"));
        buses[0].publish(errand.clone());
        let [first, second] = &mut others;
        tokio::select! {
            heard = notice(first) => assert_eq!(*heard, errand),
            heard = notice(second) => assert_eq!(*heard, errand),
        }
    }
    // From here on there is somebody where it is announced, and the others hear of none but the last.
    let mut here = buses[0].listen(Subject::Commands).await;
    for round in 0..20 {
        let errand = given(&format!("/own {round}"));
        buses[0].publish(errand.clone());
        assert_eq!(*notice(&mut here).await, errand);
    }
    drop(here);
    let last = given("/last");
    buses[0].publish(last.clone());
    let [first, second] = &mut others;
    tokio::select! {
        heard = notice(first) => assert_eq!(*heard, last),
        heard = notice(second) => assert_eq!(*heard, last),
    }
}

#[tokio::test]
async fn credentials_are_those_of_the_address() {
    let nats = Nats::start_with(&["--user", "ada", "--pass", "p@ss/word"]);
    let url = nats.url().replace("//", "//ada:p%40ss%2Fword@");
    let bus = connected(&url).await;
    let session = SessionId::new();
    let mut listener = bus.listen(Subject::Session(session)).await;
    let other = connected(&url).await;
    let news = news(session);
    other.publish(news.clone());
    assert_eq!(*notice(&mut listener).await, news);
}
