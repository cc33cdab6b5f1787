//! PostgreSQL killed, and restarted: nothing is acknowledged that was not committed, and everyone goes on.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Play;
use super::stage::{Stage, TWO_SERVERS};
use crate::load::Shape;

const FAULTS: u64 = 10;

/// Within this everyone sends and is told again.
const HEALED: Duration = Duration::from_secs(10);

const SHAPE: Shape = Shape {
    quiet: 4,
    chats: 2,
    senders: 2,
    pause: 30,
    chat_pause: 300,
    steered: 1,
    ..Shape::NONE
};

pub async fn play(play: Play) {
    let fault = "PostgreSQL killed or restarted";
    let mut stage = Stage::set(play, fault, TWO_SERVERS, SHAPE).await;
    let faults = play.times(FAULTS);
    for fault in 0..faults {
        stage.a_while(20..80).await;
        let began = Instant::now();
        // In turn, because the launcher waits longer before each further start of one that goes on dying.
        if fault % 2 == 0 {
            stage.world.postgres.kill();
        } else {
            stage.world.postgres.restart().await;
        }
        // Until nothing was acknowledged for a moment, acknowledgements may be from before.
        sleep(Duration::from_millis(50)).await;
        stage.load.everyone_goes_on().await;
        stage.row.recovered(began.elapsed(), HEALED);
        stage.row.progress(fault + 1, faults);
    }
    stage.rest().await.end(format!("{faults} faults"));
}
