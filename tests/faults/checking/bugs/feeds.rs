//! Feeds with holes, repeats and swaps.

use fastrand::Rng;

use super::{events, neighbours, pick, spots};
use crate::checker::history::*;

/// A subscriber was not told of a message.
pub fn lost_birth(history: &mut History, random: &mut Rng) -> Option<()> {
    lose(history, random, |event| matches!(event, Event::Added(..)))
}

/// A subscriber was not told of an edit or an end.
pub fn lost_change(history: &mut History, random: &mut Rng) -> Option<()> {
    let is_last_change = |history: &History, event: &Event| match event {
        Event::Changed(place, message) => history.logs.iter().any(|log| {
            let mut all = log.messages.iter();
            all.any(|stored| stored.message.id == message.id && stored.changed == *place)
        }),
        _ => false,
    };
    let before = history.clone();
    lose(history, random, |event| is_last_change(&before, event))
}

fn lose(history: &mut History, random: &mut Rng, fits: impl Fn(&Event) -> bool) -> Option<()> {
    let (feed, subscription, event) = pick(random, spots(history, fits))?;
    events(history, feed, subscription).remove(event);
    Some(())
}

/// A subscriber was told the same twice, one right after the other.
pub fn repeated_event(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| event.place().is_some());
    let (feed, subscription, event) = pick(random, spots)?;
    let events = events(history, feed, subscription);
    events.insert(event, events[event].clone());
    Some(())
}

/// A subscriber that came back was told again what it had.
pub fn repeated_after_coming_back(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| event.place().is_some());
    let again = spots.into_iter().filter(|(feed, subscription, _)| {
        history.feeds[*feed].subscriptions.len() > subscription + 1
    });
    let (feed, subscription, event) = pick(random, again)?;
    let event = events(history, feed, subscription)[event].clone();
    events(history, feed, subscription + 1).insert(0, event);
    Some(())
}

/// Two neighbouring changes were told in the wrong order.
pub fn swapped_events(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| event.place().is_some());
    let (feed, subscription, event) = neighbours(&spots, random)?;
    events(history, feed, subscription).swap(event, event + 1);
    Some(())
}

/// A subscriber was told of what came before its cursor.
pub fn event_before_cursor(history: &mut History, random: &mut Rng) -> Option<()> {
    let late = |feed: &&mut Feed| {
        let first = feed.subscriptions.first();
        first.is_some_and(|first| first.events.iter().any(|event| event.place() > Some(1)))
    };
    let feed = pick(random, history.feeds.iter_mut().filter(late))?;
    let first = &mut feed.subscriptions[0];
    // It had asked for what follows on its own first event.
    let at = first
        .events
        .iter()
        .position(|event| event.place().is_some())?;
    first.after = first.events[at].place();
    Some(())
}

/// A subscriber was told of a message that nobody has.
pub fn event_of_nothing(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| matches!(event, Event::Added(..)));
    let (feed, subscription, event) = pick(random, spots)?;
    if let Event::Added(_, message) = &mut events(history, feed, subscription)[event] {
        message.id = "nothing".into();
    }
    Some(())
}

/// A subscriber was shown other words than those that are stored.
pub fn other_content_told(history: &mut History, random: &mut Rng) -> Option<()> {
    let last_of = |history: &History, feed: usize, id: &str| {
        let its = history.feeds[feed]
            .subscriptions
            .iter()
            .flat_map(|its| &its.events);
        its.rev().find_map(|event| match event {
            Event::Added(place, message) | Event::Changed(place, message) if *message.id == *id => {
                Some(*place)
            }
            _ => None,
        })
    };
    let spots = spots(history, |event| event.place().is_some());
    let last = spots.into_iter().filter(|(feed, subscription, event)| {
        match &history.feeds[*feed].subscriptions[*subscription].events[*event] {
            Event::Added(place, message) | Event::Changed(place, message) => {
                !message.status.is_under_way()
                    && last_of(history, *feed, &message.id) == Some(*place)
            }
            _ => false,
        }
    });
    let (feed, subscription, event) = pick(random, last)?;
    match &mut events(history, feed, subscription)[event] {
        Event::Added(_, message) | Event::Changed(_, message) => {
            message.content = format!("{}!", message.content).into();
        }
        _ => return None,
    }
    Some(())
}

/// A subscriber was told that it had seen everything, before it had.
pub fn caught_up_too_early(history: &mut History, random: &mut Rng) -> Option<()> {
    let replays = |(feed, subscription, event): &(usize, usize, usize)| {
        let its = &history.feeds[*feed].subscriptions[*subscription];
        // What it replays was acknowledged long before.
        let told = its.events[..*event]
            .iter()
            .rev()
            .find_map(|event| match event {
                Event::Added(_, message) => Some(message.id.as_ref()),
                _ => None,
            });
        let acknowledged = |request: &Try| match &request.outcome {
            Outcome::Ok(receipt) => {
                told == Some(receipt.id.as_str()) || receipt.reply.as_deref() == told
            }
            _ => false,
        };
        let mut before = history
            .tries
            .iter()
            .filter(|request| request.returned < its.began);
        told.is_some() && before.any(acknowledged)
    };
    let ends = spots(history, |event| matches!(event, Event::CaughtUp(_)));
    let ends: Vec<_> = ends.into_iter().filter(replays).collect();
    let (feed, subscription, event) = pick(random, ends)?;
    let its = &mut history.feeds[feed].subscriptions[subscription];
    its.events.remove(event);
    its.events
        .insert(0, Event::CaughtUp(its.after.unwrap_or(0)));
    Some(())
}

/// Something was told after the last event.
pub fn event_after_the_end(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| event.place().is_some());
    let (feed, subscription, event) = pick(random, spots)?;
    let end = Event::Ended("SERVER_STOPPING".into(), true);
    events(history, feed, subscription).insert(event, end);
    Some(())
}
