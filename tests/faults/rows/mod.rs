//! The faults, a file each. Each builds a world, puts a load on it, does its worst, and has the run judged.

mod frozen;
mod keys;
mod kills;
mod nats;
mod postgres;
mod reconnects;
mod slow;
mod stage;
mod terminations;
mod waiting;
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

/// A test that plays one file's rows.
macro_rules! test {
    ($name:literal, $row:ident) => {
        Test {
            name: $name,
            run: |runtime, play| runtime.block_on($row::play(play)),
        }
    };
}

/// All rows, in the order of the table.
pub const ALL: [Test; 8] = [
    test!("servers_killed_under_load", kills),
    test!("clients_cut_and_come_back", reconnects),
    test!("one_key_sent_many_times_at_once", keys),
    test!("postgres_killed_and_restarted", postgres),
    test!("nats_cut_off_and_servers_frozen", waiting),
    test!("workers_killed_and_frozen_in_replies", workers),
    test!("subscribers_that_never_read", slow),
    test!("servers_asked_to_stop_under_load", terminations),
];
