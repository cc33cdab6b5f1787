//! A server asked to stop under load, while the other one stays: its clients are told to come back, and go on at the
//! other.

use std::time::Duration;

use super::Play;
use super::stage::{Stage, TWO_SERVERS};
use crate::checker::history::{Event, Feed};
use crate::load::Shape;

const TERMINATIONS: u64 = 10;

/// A load balancer stops sending to a server that ends; these clients find out for themselves.
const READY: Duration = Duration::from_secs(2);

const SHAPE: Shape = Shape {
    quiet: 6,
    chats: 3,
    pause: 50,
    chat_pause: 400,
    steered: 1,
    subscribers: 4,
    ..Shape::NONE
};

pub async fn play(play: Play) {
    let mut stage = Stage::set(play, "SIGTERM of a server", TWO_SERVERS, SHAPE).await;
    let terminations = play.times(TERMINATIONS);
    let mut longest = Duration::ZERO;
    for number in 0..terminations {
        stage.a_while(20..60).await;
        // In turn, so that subscribers have gathered at the one that is to end.
        let servers = stage.world.servers.len();
        let server = &mut stage.world.servers[number as usize % servers];
        let (status, took) = server.terminate().await;
        let told = || format!("it ended with {status}");
        stage.row.must(status.success(), told);
        longest = longest.max(took);
        stage.load.everyone_goes_on().await;
        server.launch();
        stage.row.recovered(server.ready().await, READY);
        stage.row.progress(number + 1, terminations);
    }
    let mut rest = stage.rest().await;
    let untold: usize = rest.rested.history.feeds.iter().map(untold).sum();
    rest.row.must(untold == 0, || {
        format!("{untold} subscriptions ended without a word")
    });
    let longest = format!("the longest way to the end took {longest:.1?}");
    rest.row.note(longest);
    rest.end(format!("{terminations} stops"));
}

/// How many of its subscriptions ended otherwise than with the word to come back. Nobody cuts them here.
fn untold(feed: &Feed) -> usize {
    let before_last = feed.subscriptions.len().saturating_sub(1);
    let ended = feed.subscriptions.iter().take(before_last);
    // One that was refused at the door was told nothing, and is no loss.
    let begun = ended.filter(|its| !its.events.is_empty());
    begun
        .filter(|its| !matches!(its.events.last(), Some(Event::Ended(_, true))))
        .count()
}
