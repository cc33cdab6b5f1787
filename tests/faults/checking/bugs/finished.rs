//! Feeds of finished messages that tell one not at all, twice, too early, or out of turn.

use fastrand::Rng;

use super::{events, neighbours, pick, spots};
use crate::checker::history::*;

fn finishes(history: &History) -> Vec<(usize, usize, usize)> {
    spots(history, |event| matches!(event, Event::Finished(..)))
}

/// A message became final, and a subscriber was not told.
pub fn skipped_finish(history: &mut History, random: &mut Rng) -> Option<()> {
    let before = history.clone();
    let is_last = |(feed, subscription, event): &(usize, usize, usize)| {
        let feed = &before.feeds[*feed];
        let event = &feed.subscriptions[*subscription].events[*event];
        let log = before.logs.iter().find(|log| log.session == feed.session);
        let mut all = log.into_iter().flat_map(|log| &log.messages);
        // One that was written anew since need not be told of before.
        all.any(|stored| stored.finished == event.place())
    };
    let lasting = finishes(history).into_iter().filter(is_last);
    let (feed, subscription, event) = pick(random, lasting)?;
    events(history, feed, subscription).remove(event);
    Some(())
}

/// A message was told twice, the second time after coming back or at once.
pub fn repeated_finish(history: &mut History, random: &mut Rng) -> Option<()> {
    let (feed, subscription, event) = pick(random, finishes(history))?;
    let again = events(history, feed, subscription)[event].clone();
    let later = history.feeds[feed].subscriptions.len() - 1;
    if later > subscription {
        events(history, feed, later).insert(0, again);
    } else {
        events(history, feed, subscription).insert(event + 1, again);
    }
    Some(())
}

/// A reply was told of when it was born, as if it were all there.
pub fn unfinished_told(history: &mut History, random: &mut Rng) -> Option<()> {
    let before = history.clone();
    let reply_of = |(feed, subscription, event): &(usize, usize, usize)| {
        let feed = &before.feeds[*feed];
        let Event::Finished(_, message) = &feed.subscriptions[*subscription].events[*event] else {
            return None;
        };
        let log = before.logs.iter().find(|log| log.session == feed.session)?;
        let mut all = log.messages.iter();
        let mut replies = all
            .by_ref()
            .filter(|stored| stored.answers == Some(message.seq));
        replies.next().cloned()
    };
    let spots = finishes(history);
    let asked = spots
        .into_iter()
        .filter_map(|spot| Some((spot, reply_of(&spot)?)));
    // Right behind the question, where its reply was born.
    let ((feed, subscription, event), reply) = pick(random, asked)?;
    let mut message = reply.message;
    message.status = Status::Complete;
    let told = Event::Finished(reply.added, message);
    events(history, feed, subscription).insert(event + 1, told);
    Some(())
}

/// Two messages were told in the order of their numbers, not of their ends.
pub fn swapped_finishes(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = finishes(history);
    let (feed, subscription, event) = neighbours(&spots, random)?;
    events(history, feed, subscription).swap(event, event + 1);
    Some(())
}

/// A reply was told with the status of a whole one, and was stopped.
pub fn finished_otherwise(history: &mut History, random: &mut Rng) -> Option<()> {
    let stopped = spots(history, |event| {
        matches!(event, Event::Finished(_, message)
            if matches!(message.status, Status::Cancelled | Status::Failed))
    });
    let (feed, subscription, event) = pick(random, stopped)?;
    if let Event::Finished(_, message) = &mut events(history, feed, subscription)[event] {
        message.status = Status::Complete;
    }
    Some(())
}
