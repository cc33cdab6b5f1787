//! `kill -9` of a server under load, and its restart: what was acknowledged stays, and everyone goes on.

use std::time::Duration;

use super::Play;
use crate::load::{Load, Shape};
use crate::world::World;

const KILLS: u64 = 20;
const ACKS: u64 = 20_000;

/// Within this a server that was started again takes requests.
const READY: Duration = Duration::from_secs(2);

const SHAPE: Shape = Shape {
    quiet: 12,
    chats: 4,
    senders: 2,
    pause: 0,
    chat_pause: 2_000,
    subscribers: 1,
    cuts: None,
};

pub async fn play(play: Play) {
    let (mut row, mut random) = play.row("kill -9 of a server");
    let mut world = World::of_servers(2).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    let (kills, acks) = (play.times(KILLS), play.times(ACKS));
    for kill in 1..=kills {
        // Spread over the whole load, at moments that nothing announces.
        let spread = acks * kill / (kills + 1);
        load.acknowledged(spread + random.u64(..50)).await;
        let server = random.usize(..world.servers.len());
        let server = &mut world.servers[server];
        server.kill();
        server.launch();
        row.recovered(server.ready().await, READY);
    }
    load.acknowledged(acks).await;
    let rested = load.rest(&world).await;
    row.done(format!("{kills} kills"));
    row.judge(&rested);
    row.end();
}
