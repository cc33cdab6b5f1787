//! The faults, a file each. Each builds a world, puts a load on it, does its worst, and has the run judged.

mod keys;
mod kills;
mod nats;
mod postgres;
mod reconnects;
mod slow;
mod terminations;
mod workers;

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::report::Row;

/// How a row is played.
#[derive(Clone, Copy)]
pub struct Play {
    /// Drives every choice.
    pub seed: u64,
    /// How many times as much as in CI: 1 there, 10 in a soak, 0.1 for a quick look.
    pub rounds: f64,
}

impl Play {
    /// What CI does so often, for this play; once at least.
    fn times(self, in_ci: u64) -> u64 {
        ((in_ci as f64 * self.rounds) as u64).max(1)
    }

    /// Begins this fault's row, with chance of its own.
    fn row(self, fault: &'static str) -> (Row, fastrand::Rng) {
        let mut hasher = DefaultHasher::new();
        (self.seed, fault).hash(&mut hasher);
        (
            Row::begin(fault, self.seed),
            fastrand::Rng::with_seed(hasher.finish()),
        )
    }
}

/// A row, as the list of tests names it.
pub struct Test {
    pub name: &'static str,
    pub run: fn(&tokio::runtime::Runtime, Play),
}

/// All rows, in the order of the table.
pub const ALL: [Test; 8] = [
    Test {
        name: "servers_killed_under_load",
        run: |runtime, play| runtime.block_on(kills::play(play)),
    },
    Test {
        name: "clients_cut_and_come_back",
        run: |runtime, play| runtime.block_on(reconnects::play(play)),
    },
    Test {
        name: "one_key_sent_many_times_at_once",
        run: |runtime, play| runtime.block_on(keys::play(play)),
    },
    Test {
        name: "postgres_killed_and_restarted",
        run: |runtime, play| runtime.block_on(postgres::play(play)),
    },
    Test {
        name: "nats_killed_restarted_and_cut_off",
        run: |runtime, play| runtime.block_on(nats::play(play)),
    },
    Test {
        name: "workers_killed_and_frozen_in_replies",
        run: |runtime, play| runtime.block_on(workers::play(play)),
    },
    Test {
        name: "subscribers_that_never_read",
        run: |runtime, play| runtime.block_on(slow::play(play)),
    },
    Test {
        name: "servers_asked_to_stop_under_load",
        run: |runtime, play| runtime.block_on(terminations::play(play)),
    },
];
