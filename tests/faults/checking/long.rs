//! A long run is judged in a time that grows with its length, not with the square of it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::simulation::Simulation;
use crate::checker::judge;

/// How long this thread has worked, whatever else the machine does.
fn worked() -> Duration {
    let worked = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    worked.expect("the kernel counts").into()
}

/// What it takes to judge a history, the least of three.
fn cost(steps: usize) -> Duration {
    let history = Simulation::run(7, steps);
    let judged = (0..3).map(|_| {
        let began = worked();
        assert_eq!(judge(&history), vec![]);
        worked() - began
    });
    let least = judged.min().unwrap_or_default();
    let events: usize = history
        .feeds
        .iter()
        .flat_map(|feed| &feed.subscriptions)
        .map(|subscription| subscription.events.len())
        .sum();
    println!("{steps} steps, {events} events: judged in {least:.1?}");
    least
}

#[test]
fn eight_times_the_history_takes_about_eight_times_as_long() {
    let (short, long) = (cost(4_000), cost(32_000));
    // With a square in it, it would be 64 times.
    assert!(long < short * 24, "{short:?}, then {long:?}");
}
