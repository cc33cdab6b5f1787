//! A test for each planted bug: it strikes, and the checker calls it by its name.

use fastrand::Rng;

use super::bugs::{self, Plant};
use super::simulation::Simulation;
use crate::checker::{Kind, judge};

/// Plants the bug in many good histories; every time the checker must name it, whatever else it sees.
fn caught(bug: Plant, kind: Kind) {
    let mut planted = 0;
    for seed in 0..100 {
        let mut history = Simulation::run(seed, 120);
        if bug(&mut history, &mut Rng::with_seed(seed)).is_none() {
            continue;
        }
        planted += 1;
        let faults = judge(&history);
        let is_named = faults.iter().any(|fault| fault.kind == kind);
        assert!(
            is_named,
            "seed {seed}: expected {kind:?}, found {faults:#?}"
        );
    }
    assert!(planted >= 20, "it struck only {planted} times");
}

#[test]
fn an_acknowledgement_without_a_commit() {
    caught(bugs::early_ack, Kind::Lost);
}

#[test]
fn an_acknowledgement_with_a_wrong_seq() {
    caught(bugs::wrong_seq, Kind::Lost);
}

#[test]
fn an_acknowledgement_in_another_session() {
    caught(bugs::wrong_session, Kind::Lost);
}

#[test]
fn a_retry_that_is_answered_otherwise() {
    caught(bugs::two_answers, Kind::Doubled);
}

#[test]
fn a_reply_that_was_acknowledged_and_is_not_owed() {
    caught(bugs::owed_reply_missing, Kind::Lost);
}

#[test]
fn a_message_that_nobody_sent() {
    caught(bugs::phantom_message, Kind::Phantom);
}

#[test]
fn a_message_that_was_refused_and_stored() {
    caught(bugs::stored_though_refused, Kind::Phantom);
}

#[test]
fn a_retry_that_was_stored_again() {
    caught(bugs::key_stored_twice, Kind::Doubled);
}

#[test]
fn a_hole_in_the_numbers_of_messages() {
    caught(bugs::hole_in_seqs, Kind::Hole);
}

#[test]
fn two_changes_in_one_place() {
    caught(bugs::two_changes_in_one_place, Kind::Swap);
}

#[test]
fn sends_that_changed_their_order() {
    caught(bugs::order_of_sends_lost, Kind::Swap);
}

#[test]
fn a_message_that_a_subscriber_never_got() {
    caught(bugs::lost_birth, Kind::Hole);
}

#[test]
fn a_change_that_a_subscriber_never_got() {
    caught(bugs::lost_change, Kind::Hole);
}

#[test]
fn an_event_told_twice() {
    caught(bugs::repeated_event, Kind::Repeat);
}

#[test]
fn an_event_told_again_after_coming_back() {
    caught(bugs::repeated_after_coming_back, Kind::Repeat);
}

#[test]
fn events_that_swapped_places() {
    caught(bugs::swapped_events, Kind::Swap);
}

#[test]
fn an_event_from_before_the_cursor() {
    caught(bugs::event_before_cursor, Kind::Repeat);
}

#[test]
fn an_event_of_a_message_that_is_not_stored() {
    caught(bugs::event_of_nothing, Kind::Phantom);
}

#[test]
fn a_message_told_in_other_words() {
    caught(bugs::other_content_told, Kind::View);
}

#[test]
fn a_reply_that_never_ends() {
    caught(bugs::stuck_reply, Kind::Reply);
}

#[test]
fn a_second_reply() {
    caught(bugs::second_reply, Kind::Reply);
}

#[test]
fn a_reply_that_ended_twice() {
    caught(bugs::reply_ended_twice, Kind::Reply);
}

#[test]
fn a_hole_in_the_text_of_a_reply() {
    caught(bugs::text_hole, Kind::Text);
}

#[test]
fn text_of_a_reply_told_twice() {
    caught(bugs::text_repeat, Kind::Text);
}

#[test]
fn text_that_contradicts_the_reply() {
    caught(bugs::text_of_other_words, Kind::Text);
}

#[test]
fn text_after_the_end_of_a_reply() {
    caught(bugs::text_after_end, Kind::Text);
}

#[test]
fn caught_up_before_it_was_true() {
    caught(bugs::caught_up_too_early, Kind::CaughtUp);
}

#[test]
fn an_event_after_the_last_one() {
    caught(bugs::event_after_the_end, Kind::End);
}

#[test]
fn text_of_a_reply_stored_twice() {
    caught(bugs::text_stored_twice, Kind::Text);
}

#[test]
fn a_finished_message_that_a_subscriber_never_got() {
    caught(bugs::skipped_finish, Kind::Hole);
}

#[test]
fn a_finished_message_told_twice() {
    caught(bugs::repeated_finish, Kind::Repeat);
}

#[test]
fn an_unfinished_message_told_as_finished() {
    caught(bugs::unfinished_told, Kind::Unfinished);
}

#[test]
fn finished_messages_that_swapped_places() {
    caught(bugs::swapped_finishes, Kind::Swap);
}

#[test]
fn a_stopped_reply_told_as_whole() {
    caught(bugs::finished_otherwise, Kind::View);
}

#[test]
fn an_acknowledged_pause_without_a_commit() {
    caught(bugs::early_ack_of_a_pause, Kind::Lost);
}

#[test]
fn a_reply_that_ended_while_chatbots_were_paused() {
    caught(bugs::reply_ended_in_a_pause, Kind::Silence);
}

#[test]
fn a_reply_born_while_chatbots_were_paused() {
    caught(bugs::reply_born_in_a_pause, Kind::Silence);
}

#[test]
fn a_pause_that_nobody_lifted() {
    caught(bugs::pause_lifted_by_nobody, Kind::Phantom);
}

#[test]
fn a_reply_written_anew_that_nobody_asked_for() {
    caught(bugs::written_anew_by_nobody, Kind::Phantom);
}

#[test]
fn a_reply_stopped_that_nobody_stopped() {
    caught(bugs::stopped_by_nobody, Kind::Phantom);
}

#[test]
fn an_acknowledged_cancellation_of_a_reply_that_went_on_to_its_end() {
    caught(bugs::cancelled_and_completed, Kind::Lost);
}

#[test]
fn a_cancelled_reply_that_ended_again() {
    caught(bugs::cancelled_goes_on, Kind::Reply);
}

#[test]
fn an_acknowledged_writing_anew_that_was_lost() {
    caught(bugs::regeneration_lost, Kind::Lost);
}

#[test]
fn a_pause_that_a_subscriber_never_got() {
    caught(bugs::lost_pause, Kind::Hole);
}

#[test]
fn a_pause_told_otherwise() {
    caught(bugs::pause_told_otherwise, Kind::View);
}
