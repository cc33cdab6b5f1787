//! A server asked to stop under load, while the other one stays: its clients are told to come back, and go on at the
//! other.

use std::time::Duration;

use super::Play;
use crate::checker::history::{Event, Feed};
use crate::load::{Load, Shape};
use crate::world::World;

const TERMINATIONS: u64 = 10;

/// A load balancer stops sending to a server that ends; these clients find out for themselves.
const READY: Duration = Duration::from_secs(2);

const SHAPE: Shape = Shape {
    quiet: 6,
    chats: 3,
    senders: 1,
    pause: 50,
    chat_pause: 400,
    subscribers: 4,
    cuts: None,
};

pub async fn play(play: Play) {
    let (mut row, mut random) = play.row("SIGTERM of a server");
    let mut world = World::of_servers(2).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    let terminations = play.times(TERMINATIONS);
    let mut longest = Duration::ZERO;
    for number in 0..terminations {
        let before = load.recorder.acknowledged();
        load.acknowledged(before + random.u64(20..60)).await;
        // In turn, so that subscribers have gathered at the one that is to end.
        let servers = world.servers.len();
        let server = &mut world.servers[number as usize % servers];
        let (status, took) = server.terminate().await;
        row.must(status.success(), || format!("it ended with {status}"));
        longest = longest.max(took);
        load.everyone_goes_on().await;
        server.launch();
        row.recovered(server.ready().await, READY);
    }
    let rested = load.rest(&world).await;
    let untold = rested.history.feeds.iter().map(untold).sum::<usize>();
    row.must(untold == 0, || {
        format!("{untold} subscriptions ended without a word")
    });
    row.done(format!("{terminations} stops"));
    row.note(format!("the longest way to the end took {longest:.1?}"));
    row.judge(&rested);
    row.end();
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
