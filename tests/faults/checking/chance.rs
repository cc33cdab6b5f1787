//! Histories made by chance: good ones pass, one bug in a good one is caught.

use fastrand::Rng;
use proptest::prelude::*;

use super::bugs;
use super::simulation::Simulation;
use crate::checker::judge;

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn good_histories_pass(seed: u64, steps in 0..200_usize) {
        let history = Simulation::run(seed, steps);
        prop_assert_eq!(judge(&history), vec![]);
    }

    #[test]
    fn one_bug_in_a_good_history_is_caught(seed: u64, steps in 20..200_usize, bug in 0..bugs::ALL.len()) {
        let mut history = Simulation::run(seed, steps);
        let planted = bugs::ALL[bug](&mut history, &mut Rng::with_seed(seed));
        prop_assume!(planted.is_some());
        prop_assert!(!judge(&history).is_empty());
    }
}
