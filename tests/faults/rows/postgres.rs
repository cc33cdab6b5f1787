//! PostgreSQL killed, and restarted: nothing is acknowledged that was not committed, and everyone goes on.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Play;
use crate::load::{Load, Shape};
use crate::world::World;

const FAULTS: u64 = 10;

/// Within this everyone sends and is told again.
const HEALED: Duration = Duration::from_secs(10);

const SHAPE: Shape = Shape {
    quiet: 4,
    chats: 2,
    senders: 2,
    pause: 30,
    chat_pause: 300,
    subscribers: 2,
    cuts: None,
};

pub async fn play(play: Play) {
    let (mut row, mut random) = play.row("PostgreSQL killed or restarted");
    let mut world = World::of_servers(2).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    let faults = play.times(FAULTS);
    for fault in 0..faults {
        let before = load.recorder.acknowledged();
        load.acknowledged(before + random.u64(20..80)).await;
        let began = Instant::now();
        // In turn, because the launcher waits longer before each further start of one that goes on dying.
        if fault % 2 == 0 {
            world.postgres.kill();
        } else {
            world.postgres.restart().await;
        }
        // Until nothing was acknowledged for a moment, acknowledgements may be from before.
        sleep(Duration::from_millis(50)).await;
        load.everyone_goes_on().await;
        row.recovered(began.elapsed(), HEALED);
    }
    let rested = load.rest(&world).await;
    row.done(format!("{faults} faults"));
    row.judge(&rested);
    row.end();
}
