//! What most faults need: a world, a load on it, and a row that tells how it went.

use fastrand::Rng;

use super::Play;
use crate::load::{Load, Rested, Shape};
use crate::report::Row;
use crate::world::World;

/// Which processes there are.
#[derive(Clone, Copy)]
pub struct Cast {
    pub servers: usize,
    /// Without any, the servers write replies.
    pub workers: usize,
}

/// Two servers that do everything.
pub const TWO_SERVERS: Cast = Cast {
    servers: 2,
    workers: 0,
};

/// A fault being played.
pub struct Stage {
    pub row: Row,
    pub random: Rng,
    pub world: World,
    pub load: Load,
}

impl Stage {
    /// Starts a world, and sets a stage in it.
    pub async fn set(play: Play, fault: &'static str, cast: Cast, shape: Shape) -> Self {
        let world = World::start(cast.servers, cast.workers).await;
        Self::set_in(world, play, fault, shape).await
    }

    /// Begins the row, and puts the load on a world.
    pub async fn set_in(world: World, play: Play, fault: &'static str, shape: Shape) -> Self {
        let (row, mut random) = play.row(fault);
        let load = Load::start(&world, shape, random.fork()).await;
        Self {
            row,
            random,
            world,
            load,
        }
    }

    /// Waits until some more sends are acknowledged: so many at least, and fewer than so many.
    pub async fn a_while(&mut self, acks: std::ops::Range<u64>) {
        let before = self.load.recorder.acknowledged();
        let count = before + self.random.u64(acks);
        self.load.acknowledged(count).await;
    }

    /// Lets everything come to rest, and judges it.
    pub async fn rest(self) -> Rest {
        let Self {
            mut row,
            world,
            load,
            ..
        } = self;
        let rested = load.rest(&world).await;
        row.judge(&rested);
        Rest { row, world, rested }
    }
}

/// A fault that was played.
pub struct Rest {
    pub row: Row,
    pub world: World,
    pub rested: Rested,
}

impl Rest {
    /// Ends the row.
    pub fn end(mut self, done: impl Into<String>) {
        self.row.done(done);
        self.row.end();
    }
}
