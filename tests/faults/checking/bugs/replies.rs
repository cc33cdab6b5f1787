//! Replies that end not at all or twice, and text that is not theirs.

use fastrand::Rng;

use super::{events, pick, spots, stored, talked_in};
use crate::checker::history::*;

/// A reply goes on for ever.
pub fn stuck_reply(history: &mut History, random: &mut Rng) -> Option<()> {
    let reply = stored(history, random, |stored| stored.answers.is_some())?;
    reply.message.status = Status::Streaming;
    Some(())
}

/// A message was answered twice.
pub fn second_reply(history: &mut History, random: &mut Rng) -> Option<()> {
    let log = talked_in(history, random)?;
    let mut second = log
        .messages
        .iter()
        .rfind(|stored| stored.answers.is_some())?
        .clone();
    second.message.seq = log.messages.len() as i64 + 1;
    second.message.id = "second".into();
    (second.added, second.changed) = (log.head + 1, log.head + 2);
    log.head += 2;
    log.messages.push(second);
    history.feeds.clear();
    Some(())
}

/// The end of a reply was written a second time, by somebody who should have stopped.
pub fn reply_ended_twice(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| {
        matches!(event, Event::Changed(_, message)
            if matches!(message.status, Status::Complete | Status::Failed))
    });
    let is_reply = |history: &History, id: &str| {
        let mut all = history.logs.iter().flat_map(|log| &log.messages);
        all.any(|stored| *stored.message.id == *id && stored.answers.is_some())
    };
    let replies = spots.into_iter().filter(|(feed, subscription, event)| {
        match &history.feeds[*feed].subscriptions[*subscription].events[*event] {
            Event::Changed(_, message) => is_reply(history, &message.id),
            _ => false,
        }
    });
    let (feed, subscription, event) = pick(random, replies)?;
    let Event::Changed(_, message) = events(history, feed, subscription)[event].clone() else {
        return None;
    };
    // The second end moved the log, and was told like the first.
    let session = history.feeds[feed].session.clone();
    let log = history.logs.iter_mut().find(|log| log.session == session)?;
    log.head += 1;
    let stored = log
        .messages
        .iter_mut()
        .find(|stored| stored.message.id == message.id)?;
    stored.changed = log.head;
    stored.finished = Some(log.head);
    let head = log.head;
    log.journal.push(Change {
        place: head,
        what: What::Message(message.seq, message.status),
    });
    for feed in history
        .feeds
        .iter_mut()
        .filter(|feed| feed.session == session)
    {
        let last = feed.subscriptions.last_mut()?;
        last.events.push(match feed.view {
            View::Everything => Event::Changed(head, message.clone()),
            View::Finished => Event::Finished(head, message.clone()),
        });
    }
    Some(())
}

fn texts(history: &History) -> Vec<(usize, usize, usize)> {
    spots(history, |event| matches!(event, Event::Text(..)))
}

/// Text in the middle of a reply was not told.
pub fn text_hole(history: &mut History, random: &mut Rng) -> Option<()> {
    let is_between = |(feed, subscription, event): &(usize, usize, usize)| {
        let events = &history.feeds[*feed].subscriptions[*subscription].events;
        let Event::Text(id, ..) = &events[*event] else {
            return false;
        };
        let is_same = |event: &Event| matches!(event, Event::Text(other, ..) if other == id);
        // Not the last of a writing, behind which another begins.
        let goes_on = |event: &&Event| match event {
            Event::Text(..) => is_same(event),
            Event::Changed(_, message) => message.id == *id,
            _ => false,
        };
        let next = events[event + 1..].iter().find(goes_on);
        events[..*event].iter().any(is_same) && next.is_some_and(is_same)
    };
    let between: Vec<_> = texts(history).into_iter().filter(is_between).collect();
    let (feed, subscription, event) = pick(random, between)?;
    events(history, feed, subscription).remove(event);
    Some(())
}

/// Text was told twice.
pub fn text_repeat(history: &mut History, random: &mut Rng) -> Option<()> {
    let (feed, subscription, event) = pick(random, texts(history))?;
    let events = events(history, feed, subscription);
    events.insert(event, events[event].clone());
    Some(())
}

/// Text was told that contradicts the reply.
pub fn text_of_other_words(history: &mut History, random: &mut Rng) -> Option<()> {
    let followed_to_its_end = |(feed, subscription, event): &(usize, usize, usize)| {
        let events = &history.feeds[*feed].subscriptions[*subscription].events;
        let Event::Text(id, ..) = &events[*event] else {
            return false;
        };
        // The end of this writing, not of one behind it.
        let mut changes = events[event + 1..].iter().filter_map(|event| match event {
            Event::Changed(_, message) if message.id == *id => Some(message.status),
            _ => None,
        });
        changes.next() == Some(Status::Complete)
    };
    let spots: Vec<_> = texts(history)
        .into_iter()
        .filter(followed_to_its_end)
        .collect();
    let (feed, subscription, event) = pick(random, spots)?;
    if let Event::Text(_, _, text) = &mut events(history, feed, subscription)[event] {
        *text = text.chars().map(|_| '?').collect();
    }
    Some(())
}

/// Text was told of a reply that had ended.
pub fn text_after_end(history: &mut History, random: &mut Rng) -> Option<()> {
    let before = history.clone();
    let is_reply = |id: &str| {
        let mut all = before.logs.iter().flat_map(|log| &log.messages);
        all.any(|stored| *stored.message.id == *id && stored.answers.is_some())
    };
    let spots = spots(history, |event| {
        matches!(event, Event::Changed(_, message)
                if is_reply(&message.id) && !message.status.is_under_way())
    });
    let (feed, subscription, event) = pick(random, spots)?;
    let events = events(history, feed, subscription);
    let Event::Changed(_, message) = &events[event] else {
        return None;
    };
    let text = Event::Text(
        message.id.clone(),
        message.content.chars().count(),
        "more".into(),
    );
    events.insert(event + 1, text);
    Some(())
}

/// Who took a reply over began anew behind what was there: its text is stored twice.
pub fn text_stored_twice(history: &mut History, random: &mut Rng) -> Option<()> {
    let is_whole = |stored: &Stored| {
        let message = &stored.message;
        let is_reply = stored.answers.is_some() && !message.content.is_empty();
        is_reply && message.status == Status::Complete
    };
    let talks = |log: &&mut Log| {
        log.messages
            .iter()
            .filter(|stored| is_whole(stored))
            .count()
            >= 2
    };
    let log = pick(random, history.logs.iter_mut().filter(talks))?;
    let whole: Vec<_> = log
        .messages
        .iter()
        .filter(|stored| is_whole(stored))
        .collect();
    let (one, other) = (whole[0].clone(), whole[1].clone());
    // Both answer the same words.
    let prompt = |reply: &Stored| reply.answers.and_then(|seq| usize::try_from(seq - 1).ok());
    let words = log.messages[prompt(&one)?].message.content.clone();
    log.messages[prompt(&other)?].message.content = words;
    let twice = one.message.content.repeat(2).into();
    log.messages[usize::try_from(other.message.seq - 1).ok()?]
        .message
        .content = twice;
    // Only what is stored is left to judge.
    history.tries.clear();
    history.feeds.clear();
    Some(())
}
