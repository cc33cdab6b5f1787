//! NATS killed, restarted, cut off: sends go on as if nothing were, and feeds find out from the log.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Play;
use crate::load::{Load, Shape};
use crate::world::World;

const FAULTS: u64 = 10;

/// Within this every subscriber is told, with the bus gone and when it is back.
const HEALED: Duration = Duration::from_secs(5);

const SHAPE: Shape = Shape {
    quiet: 4,
    chats: 2,
    senders: 1,
    pause: 60,
    chat_pause: 500,
    subscribers: 2,
    cuts: None,
};

/// What is done to it.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Kill,
    Restart,
    Cut,
}

/// Three rows at once, each in a world of its own: most of their time is waiting.
pub async fn play(play: Play) {
    tokio::join!(
        go(play, "NATS killed", Fault::Kill),
        go(play, "NATS restarted", Fault::Restart),
        go(play, "NATS cut off", Fault::Cut),
    );
}

async fn go(play: Play, name: &'static str, fault: Fault) {
    let (mut row, mut random) = play.row(name);
    let mut world = World::of_servers(2).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    let faults = play.times(FAULTS);
    for number in 0..faults {
        let before = load.recorder.acknowledged();
        load.acknowledged(before + random.u64(5..30)).await;
        // A partition that nobody is told of, or one that closes connections.
        let is_silent = number % 2 == 0;
        match fault {
            Fault::Kill => world.nats.kill(),
            Fault::Restart => world.nats.stop(),
            Fault::Cut if is_silent => world.proxy.freeze(),
            Fault::Cut => world.proxy.cut(),
        }
        if fault != Fault::Restart {
            let began = Instant::now();
            load.everyone_goes_on().await;
            row.recovered(began.elapsed(), HEALED);
            sleep(Duration::from_millis(random.u64(..500))).await;
        }
        match fault {
            Fault::Kill | Fault::Restart => world.nats.restart(),
            Fault::Cut => world.proxy.open(),
        }
        let began = Instant::now();
        load.everyone_goes_on().await;
        row.recovered(began.elapsed(), HEALED);
    }
    let rested = load.rest(&world).await;
    row.done(format!("{faults} faults"));
    // The bus is no part of a send.
    let unknown = rested.recorder.unknown();
    row.must(unknown.is_empty(), || {
        format!("sends were not answered: {unknown:?}")
    });
    row.judge(&rested);
    row.end();
}
