//! NATS killed, restarted, cut off from everyone or from one process alone: sends go on as if nothing were, and feeds
//! find out from the log.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Play;
use super::stage::{Stage, TWO_SERVERS};
use crate::load::Shape;
use crate::processes::Proxy;
use crate::world::World;

const FAULTS: u64 = 10;

/// Within this every subscriber is told, with the bus gone and when it is back.
const HEALED: Duration = Duration::from_secs(5);

const SHAPE: Shape = Shape {
    quiet: 4,
    chats: 2,
    pause: 80,
    chat_pause: 500,
    steered: 1,
    ..Shape::NONE
};

/// What is done to it.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Kill,
    Restart,
    /// From all processes.
    Cut,
    /// From one process, while the others go on hearing each other.
    Part,
}

/// Four rows at once, each in a world of its own.
pub async fn play(play: Play) {
    tokio::join!(
        go(play, "NATS killed", Fault::Kill),
        go(play, "NATS restarted", Fault::Restart),
        go(play, "NATS cut off", Fault::Cut),
        go(play, "NATS cut off from one process", Fault::Part),
    );
}

async fn go(play: Play, name: &'static str, fault: Fault) {
    let mut stage = Stage::set(play, name, TWO_SERVERS, SHAPE).await;
    let faults = play.times(FAULTS);
    for number in 0..faults {
        stage.a_while(5..30).await;
        fault.strike(&mut stage.world, number);
        if fault != Fault::Restart {
            everyone_heals(&mut stage).await;
            sleep(Duration::from_millis(stage.random.u64(..500))).await;
        }
        fault.mend(&mut stage.world);
        everyone_heals(&mut stage).await;
        stage.row.progress(number + 1, faults);
    }
    let mut rest = stage.rest().await;
    // The bus is no part of a send, nor of steering.
    let unknown = rest.rested.recorder.unknown();
    rest.row.must(unknown.is_empty(), || {
        format!("requests were not answered: {unknown:?}")
    });
    rest.end(format!("{faults} faults"));
}

/// A send to every server is acknowledged, and everyone at either is told.
async fn everyone_heals(stage: &mut Stage) {
    let began = Instant::now();
    stage.load.everyone_goes_on().await;
    stage.row.recovered(began.elapsed(), HEALED);
}

impl Fault {
    fn strike(self, world: &mut World, number: u64) {
        // A partition that nobody is told of, or one that closes connections.
        let cut = |way: &Proxy, is_silent: bool| {
            if is_silent {
                way.freeze();
            } else {
                way.cut();
            }
        };
        match self {
            Self::Kill => world.nats.kill(),
            Self::Restart => world.nats.stop(),
            Self::Cut => world
                .ways
                .iter()
                .for_each(|way| cut(way, number.is_multiple_of(2))),
            // Each process in turn, either way.
            Self::Part => {
                let alone = number as usize % world.ways.len();
                cut(&world.ways[alone], (number / 2).is_multiple_of(2));
            }
        }
    }

    fn mend(self, world: &mut World) {
        match self {
            Self::Kill | Self::Restart => world.nats.restart(),
            Self::Cut | Self::Part => world.ways.iter().for_each(Proxy::open),
        }
    }
}
