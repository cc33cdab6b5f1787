//! `kill -9` of a server under load, and its restart: what was acknowledged stays, and everyone goes on.

use std::time::Duration;

use super::Play;
use super::stage::{Stage, TWO_SERVERS};
use crate::load::Shape;

const KILLS: u64 = 20;
const ACKS: u64 = 20_000;

/// Within this a server that was started again takes requests.
const READY: Duration = Duration::from_secs(2);

const SHAPE: Shape = Shape {
    quiet: 12,
    chats: 4,
    senders: 2,
    chat_pause: 2_000,
    steered: 4,
    ..Shape::NONE
};

pub async fn play(play: Play) {
    let mut stage = Stage::set(play, "kill -9 of a server", TWO_SERVERS, SHAPE).await;
    let (kills, acks) = (play.times(KILLS), play.times(ACKS));
    for kill in 1..=kills {
        // Spread over the whole load, at moments that nothing announces.
        let spread = acks * kill / (kills + 1) + stage.random.u64(..50);
        stage.load.acknowledged(spread).await;
        let server = stage.random.usize(..stage.world.servers.len());
        let server = &mut stage.world.servers[server];
        server.kill();
        server.launch();
        stage.row.recovered(server.ready().await, READY);
        stage.row.progress(kill, kills);
    }
    stage.load.acknowledged(acks).await;
    stage.rest().await.end(format!("{kills} kills"));
}
