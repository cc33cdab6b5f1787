//! The fault suite: what `docs/GUARANTEES.md` promises, under everything that may go wrong.
//!
//! Real processes, started, killed and cut off by chance (`SEED`), a load of real clients that write down what they
//! do and what they are told, and a checker that judges it. It ends with a table. `ROUNDS` says how many times as
//! much it does: 1 in CI, 10 in a soak, 0.1 for a quick look.

mod checker;
mod clients;
mod load;
mod processes;
mod report;
mod rows;
mod stored;
mod world;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::{Arguments, Trial};
use rows::Play;

fn main() {
    let mut arguments = Arguments::from_args();
    // Each row has the machine for itself: they measure recoveries and memory.
    arguments.test_threads = Some(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let by_clock = now.map_or(0, |now| now.as_secs());
    let play = Play {
        seed: number("SEED").unwrap_or(by_clock),
        rounds: number("ROUNDS").unwrap_or(1.0),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = Arc::new(runtime.expect("a runtime"));
    let trial = |test: &rows::Test| {
        let (runtime, run) = (runtime.clone(), test.run);
        Trial::test(test.name, move || {
            run(&runtime, play);
            Ok(())
        })
    };
    let conclusion = libtest_mimic::run(&arguments, rows::ALL.iter().map(trial).collect());
    report::print();
    conclusion.exit();
}

/// A number from the environment.
fn number<N: FromStr>(name: &str) -> Option<N> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    let number = text.parse().ok();
    assert!(number.is_some(), "{name} is no number: {text}");
    number
}
