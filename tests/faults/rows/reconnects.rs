//! Clients that are cut off and come back at random, to either server.

use super::Play;
use crate::clients::Cuts;
use crate::load::{Load, Shape};
use crate::world::World;

const RECONNECTS: u64 = 3_000;

const SHAPE: Shape = Shape {
    quiet: 6,
    chats: 6,
    senders: 1,
    pause: 20,
    chat_pause: 300,
    subscribers: 4,
    cuts: Some(Cuts {
        events: 40,
        milliseconds: 800,
        away: 150,
    }),
};

pub async fn play(play: Play) {
    let (mut row, mut random) = play.row("clients cut and come back");
    let world = World::of_servers(2).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    let first = (SHAPE.quiet + SHAPE.chats) * SHAPE.subscribers;
    let reconnects = play.times(RECONNECTS);
    load.connected(reconnects + first as u64).await;
    let rested = load.rest(&world).await;
    row.judge(&rested);
    row.done(format!("{} reconnects", row.reconnects()));
    row.end();
}
