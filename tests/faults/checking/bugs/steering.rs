//! Chatbots that do not do as they were told, or what nobody told them.

use fastrand::Rng;

use super::{events, pick, spots};
use crate::checker::history::*;

/// A pause was acknowledged before its commit, which then never came.
pub fn early_ack_of_a_pause(history: &mut History, random: &mut Rng) -> Option<()> {
    let ends_loud = |log: &&Log| {
        let mut journal = log.journal.iter().rev();
        let last = journal.find_map(|change| match change.what {
            What::Paused(is_paused) => Some(is_paused),
            What::Message(..) => None,
        });
        last != Some(true)
    };
    let log = pick(random, history.logs.iter().filter(ends_loud))?;
    let steer = Steer {
        session: log.session.clone(),
        deed: Deed::Pause(true),
        answer: Answer::Ok(log.head, None),
    };
    history.steers.push(steer);
    Some(())
}

/// A reply that was under way was ended only behind the pause.
pub fn reply_ended_in_a_pause(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = history.logs.iter().enumerate().flat_map(|(number, log)| {
        let pairs = log.journal.windows(2).enumerate();
        let fitting = pairs.filter(|(_, pair)| {
            matches!(
                (pair[0].what, pair[1].what),
                (What::Message(_, Status::Cancelled), What::Paused(true))
            )
        });
        fitting.map(move |(at, _)| (number, at)).collect::<Vec<_>>()
    });
    let (log, at) = pick(random, spots.collect::<Vec<_>>())?;
    let journal = &mut history.logs[log].journal;
    let (reply, pause) = (journal[at].what, journal[at + 1].what);
    (journal[at].what, journal[at + 1].what) = (pause, reply);
    Some(())
}

/// A message that was sent while chatbots were paused was answered.
pub fn reply_born_in_a_pause(history: &mut History, random: &mut Rng) -> Option<()> {
    let asked = |log: &Log| {
        let mut messages = log.messages.iter();
        messages.rfind(|stored| stored.answers.is_none()).cloned()
    };
    let ends_paused = |log: &&mut Log| {
        let mut journal = log.journal.iter().rev();
        let last = journal.find_map(|change| match change.what {
            What::Paused(is_paused) => Some(is_paused),
            What::Message(..) => None,
        });
        last == Some(true) && asked(log).is_some()
    };
    let log = pick(random, history.logs.iter_mut().filter(ends_paused))?;
    let (asked, head) = (asked(log)?, log.head);
    let seq = log.messages.len() as i64 + 1;
    for (place, status) in [(head + 1, Status::Pending), (head + 2, Status::Complete)] {
        let what = What::Message(seq, status);
        log.journal.push(Change { place, what });
    }
    log.head = head + 2;
    log.messages.push(Stored {
        message: Message {
            id: "unasked".into(),
            seq,
            status: Status::Complete,
            content: "Let me say this.".into(),
        },
        added: head + 1,
        changed: head + 2,
        finished: Some(head + 2),
        key: None,
        answers: Some(asked.message.seq),
        answers_up_to: None,
    });
    history.feeds.clear();
    Some(())
}

fn take_back_steers(
    history: &mut History,
    random: &mut Rng,
    fits: impl Fn(&Deed) -> bool,
) -> Option<()> {
    let was_done = |steer: &&Steer| fits(&steer.deed) && !matches!(steer.answer, Answer::Fail(_));
    let known = history.steers.iter().filter(was_done);
    let (session, deed) = pick(random, known).map(|its| (its.session.clone(), its.deed.clone()))?;
    let is_it = |steer: &Steer| steer.session == session && steer.deed == deed;
    history.steers.retain(|steer| !is_it(steer));
    Some(())
}

/// Chatbots that a person had paused spoke again by themselves.
pub fn pause_lifted_by_nobody(history: &mut History, random: &mut Rng) -> Option<()> {
    take_back_steers(history, random, |deed| *deed == Deed::Pause(false))
}

/// A reply was written anew, and nobody had asked for it.
pub fn written_anew_by_nobody(history: &mut History, random: &mut Rng) -> Option<()> {
    take_back_steers(history, random, |deed| matches!(deed, Deed::Regenerate(_)))
}

/// A reply was stopped, and nobody had asked for it.
pub fn stopped_by_nobody(history: &mut History, random: &mut Rng) -> Option<()> {
    let stopped = |log: &&Log| {
        let mut changes = log.journal.iter();
        changes.any(|change| matches!(change.what, What::Message(_, Status::Cancelled)))
    };
    let session = pick(random, history.logs.iter().filter(stopped))?
        .session
        .clone();
    history.steers.retain(|steer| steer.session != session);
    Some(())
}

fn acknowledged<'a>(
    history: &'a mut History,
    random: &mut Rng,
    fits: impl Fn(&Deed) -> bool,
) -> Option<&'a mut Steer> {
    let known = history.steers.iter_mut();
    let fitting = known.filter(|steer| fits(&steer.deed) && matches!(steer.answer, Answer::Ok(..)));
    pick(random, fitting)
}

/// A cancellation was acknowledged, and the reply was written to its end.
pub fn cancelled_and_completed(history: &mut History, random: &mut Rng) -> Option<()> {
    let steer = acknowledged(history, random, |deed| matches!(deed, Deed::Cancel(_)))?;
    let Answer::Ok(place, _) = steer.answer else {
        return None;
    };
    let session = steer.session.clone();
    let log = history.logs.iter_mut().find(|log| log.session == session)?;
    let change = log
        .journal
        .iter_mut()
        .find(|change| change.place == place)?;
    let What::Message(seq, _) = change.what else {
        return None;
    };
    change.what = What::Message(seq, Status::Complete);
    let stored = log.messages.get_mut(usize::try_from(seq - 1).ok()?)?;
    if stored.changed == place {
        stored.message.status = Status::Complete;
    }
    history.feeds.clear();
    Some(())
}

/// A reply that was cancelled went on: whoever wrote it ended it a second time.
pub fn cancelled_goes_on(history: &mut History, random: &mut Rng) -> Option<()> {
    let log = pick(random, &mut history.logs)?;
    let cancelled = log
        .messages
        .iter_mut()
        .rfind(|stored| stored.message.status == Status::Cancelled)?;
    log.head += 1;
    (cancelled.changed, cancelled.finished) = (log.head, Some(log.head));
    cancelled.message.status = Status::Complete;
    log.journal.push(Change {
        place: log.head,
        what: What::Message(cancelled.message.seq, Status::Complete),
    });
    history.feeds.clear();
    Some(())
}

/// That a reply is written anew was acknowledged, and it stayed as it was.
pub fn regeneration_lost(history: &mut History, random: &mut Rng) -> Option<()> {
    let steer = acknowledged(history, random, |deed| matches!(deed, Deed::Regenerate(_)))?;
    let again = steer.clone();
    history.steers.push(again);
    Some(())
}

/// A subscriber was not told that chatbots were paused or may speak.
pub fn lost_pause(history: &mut History, random: &mut Rng) -> Option<()> {
    let before = history.clone();
    let spots = spots(history, |event| matches!(event, Event::Session(..)));
    let last = spots.into_iter().filter(|(feed, subscription, event)| {
        let feed = &before.feeds[*feed];
        let place = feed.subscriptions[*subscription].events[*event].place();
        let log = before.logs.iter().find(|log| log.session == feed.session);
        let mut journal = log.into_iter().flat_map(|log| &log.journal).rev();
        let newest = journal.find(|change| matches!(change.what, What::Paused(_)));
        newest.map(|change| change.place) == place
    });
    let (feed, subscription, event) = pick(random, last)?;
    events(history, feed, subscription).remove(event);
    Some(())
}

/// A subscriber was told that chatbots are paused when they were let speak, or the other way round.
pub fn pause_told_otherwise(history: &mut History, random: &mut Rng) -> Option<()> {
    let spots = spots(history, |event| matches!(event, Event::Session(..)));
    let (feed, subscription, event) = pick(random, spots)?;
    if let Event::Session(_, is_paused) = &mut events(history, feed, subscription)[event] {
        *is_paused = !*is_paused;
    }
    Some(())
}
