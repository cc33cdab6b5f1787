//! Bugs to plant: ways in which a history goes wrong when the product breaks its promise.
//!
//! Each alters a good history in one spot, chosen by chance among those where it can strike. `None`: nowhere.

mod feeds;
mod finished;
mod replies;
mod sends;
mod steering;

use fastrand::Rng;

pub use feeds::*;
pub use finished::*;
pub use replies::*;
pub use sends::*;
pub use steering::*;

use crate::checker::history::*;

/// Plants a bug.
pub type Plant = fn(&mut History, &mut Rng) -> Option<()>;

/// All of them, for planting one by chance.
pub const ALL: [Plant; 45] = [
    early_ack,
    wrong_seq,
    wrong_session,
    two_answers,
    owed_reply_missing,
    phantom_message,
    stored_though_refused,
    key_stored_twice,
    hole_in_seqs,
    two_changes_in_one_place,
    order_of_sends_lost,
    lost_birth,
    lost_change,
    repeated_event,
    repeated_after_coming_back,
    swapped_events,
    event_before_cursor,
    event_of_nothing,
    other_content_told,
    stuck_reply,
    second_reply,
    reply_ended_twice,
    text_hole,
    text_repeat,
    text_of_other_words,
    text_after_end,
    text_stored_twice,
    caught_up_too_early,
    event_after_the_end,
    skipped_finish,
    repeated_finish,
    unfinished_told,
    swapped_finishes,
    finished_otherwise,
    early_ack_of_a_pause,
    reply_ended_in_a_pause,
    reply_born_in_a_pause,
    pause_lifted_by_nobody,
    written_anew_by_nobody,
    stopped_by_nobody,
    cancelled_and_completed,
    cancelled_goes_on,
    regeneration_lost,
    lost_pause,
    pause_told_otherwise,
];

/// The spots in subscriptions that a bug may strike: feed, subscription, event.
fn spots(history: &History, fits: impl Fn(&Event) -> bool) -> Vec<(usize, usize, usize)> {
    let mut spots = Vec::new();
    for (feed, its) in history.feeds.iter().enumerate() {
        for (subscription, its) in its.subscriptions.iter().enumerate() {
            let events = its.events.iter().enumerate();
            let fitting = events.filter(|(_, event)| fits(event));
            spots.extend(fitting.map(|(event, _)| (feed, subscription, event)));
        }
    }
    spots
}

/// One of them, by chance.
fn pick<T>(random: &mut Rng, of: impl IntoIterator<Item = T>) -> Option<T> {
    random.choice(of.into_iter().collect::<Vec<_>>())
}

fn events(history: &mut History, feed: usize, subscription: usize) -> &mut Vec<Event> {
    &mut history.feeds[feed].subscriptions[subscription].events
}

fn stored<'a>(
    history: &'a mut History,
    random: &mut Rng,
    fits: impl Fn(&Stored) -> bool,
) -> Option<&'a mut Stored> {
    let all = history.logs.iter_mut().flat_map(|log| &mut log.messages);
    let fitting: Vec<_> = all.filter(|stored| fits(stored)).collect();
    pick(random, fitting)
}

/// A log in which something was said, by chance.
fn talked_in<'a>(history: &'a mut History, random: &mut Rng) -> Option<&'a mut Log> {
    let talked = |log: &&mut Log| !log.messages.is_empty();
    pick(random, history.logs.iter_mut().filter(talked))
}

/// Two of these spots that follow one another in one subscription.
fn neighbours(spots: &[(usize, usize, usize)], random: &mut Rng) -> Option<(usize, usize, usize)> {
    let pairs = spots.windows(2).filter(|pair| {
        pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1 && pair[0].2 + 1 == pair[1].2
    });
    Some(pick(random, pairs)?[0])
}
