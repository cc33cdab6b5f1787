//! Sends that are stored otherwise than they were acknowledged, or not at all.

use fastrand::Rng;

use super::{pick, stored, talked_in};
use crate::checker::history::*;

fn acknowledged<'a>(history: &'a mut History, random: &mut Rng) -> Option<&'a mut Receipt> {
    let receipts = history
        .tries
        .iter_mut()
        .filter_map(|request| match &mut request.outcome {
            Outcome::Ok(receipt) => Some(receipt),
            _ => None,
        });
    pick(random, receipts)
}

/// Acknowledged before the commit, which then never came.
pub fn early_ack(history: &mut History, random: &mut Rng) -> Option<()> {
    let log = talked_in(history, random)?;
    // The newest, so that nothing else shows it but the acknowledgement.
    let last = log
        .messages
        .iter()
        .rposition(|stored| stored.answers.is_none())?;
    let gone: Vec<_> = log
        .messages
        .drain(last..)
        .map(|stored| stored.message.id)
        .collect();
    let places = log.messages.iter().map(|stored| stored.changed);
    log.head = places.max().unwrap_or(0);
    let was_acknowledged = |request: &Try| match &request.outcome {
        Outcome::Ok(receipt) => gone.iter().any(|id| **id == *receipt.id),
        _ => false,
    };
    history.tries.iter().any(was_acknowledged).then_some(())?;
    // Nobody was told either.
    history.feeds.clear();
    Some(())
}

/// Acknowledged with the number of another message.
pub fn wrong_seq(history: &mut History, random: &mut Rng) -> Option<()> {
    acknowledged(history, random)?.seq += 2;
    Some(())
}

/// Acknowledged in a session that it is not in.
pub fn wrong_session(history: &mut History, random: &mut Rng) -> Option<()> {
    let others: Vec<_> = history.logs.iter().map(|log| log.session.clone()).collect();
    let receipt = acknowledged(history, random)?;
    receipt.session = others.into_iter().find(|other| *other != receipt.session)?;
    Some(())
}

/// A retry gets another answer than the first try got.
pub fn two_answers(history: &mut History, random: &mut Rng) -> Option<()> {
    let ok = |request: &&Try| matches!(request.outcome, Outcome::Ok(_));
    let mut again = pick(random, history.tries.iter().filter(ok))?.clone();
    let Outcome::Ok(receipt) = &mut again.outcome else {
        return None;
    };
    receipt.reply = Some("another".into());
    again.invoked += 1_000_000;
    again.returned += 1_000_000;
    history.tries.push(again);
    Some(())
}

/// The reply that was acknowledged with the message was not stored with it.
pub fn owed_reply_missing(history: &mut History, random: &mut Rng) -> Option<()> {
    let receipt = acknowledged(history, random)?.clone();
    let log = history
        .logs
        .iter_mut()
        .find(|log| log.session == receipt.session)?;
    let reply = log
        .messages
        .iter()
        .position(|stored| Some(stored.message.id.as_ref()) == receipt.reply.as_deref())?;
    log.messages.remove(reply);
    Some(())
}

/// Stored, though nobody sent it.
pub fn phantom_message(history: &mut History, random: &mut Rng) -> Option<()> {
    let own = stored(history, random, |stored| stored.key.is_some())?;
    own.key = Some("a key that nobody used".into());
    let id = own.message.id.clone();
    // The tries that would complain of a loss are gone too: only the phantom is left.
    history.tries.retain(|request| match &request.outcome {
        Outcome::Ok(receipt) => *receipt.id != *id,
        _ => true,
    });
    Some(())
}

/// Refused, and stored nevertheless.
pub fn stored_though_refused(history: &mut History, random: &mut Rng) -> Option<()> {
    let key = stored(history, random, |stored| stored.key.is_some())?
        .key
        .clone()?;
    for request in history
        .tries
        .iter_mut()
        .filter(|request| request.key == key)
    {
        request.outcome = Outcome::Fail("BAD_USER_INPUT".into());
    }
    Some(())
}

/// A retry was stored a second time.
pub fn key_stored_twice(history: &mut History, random: &mut Rng) -> Option<()> {
    let log = talked_in(history, random)?;
    let own = log.messages.iter().filter(|stored| stored.key.is_some());
    let mut twin = pick(random, own)?.clone();
    log.head += 1;
    twin.message.seq = log.messages.len() as i64 + 1;
    twin.message.id = "twin".into();
    twin.message.status = Status::Complete;
    (twin.added, twin.changed) = (log.head, log.head);
    log.messages.push(twin);
    log.is_answered = false;
    Some(())
}

/// Numbers were given out that no message has.
pub fn hole_in_seqs(history: &mut History, random: &mut Rng) -> Option<()> {
    let from = stored(history, random, |_| true)?.message.id.clone();
    let log = history
        .logs
        .iter_mut()
        .find(|log| log.messages.iter().any(|stored| stored.message.id == from))?;
    let at = log
        .messages
        .iter()
        .position(|stored| stored.message.id == from)?;
    for stored in &mut log.messages[at..] {
        stored.message.seq += 1;
        stored.answers = stored
            .answers
            .map(|prompt| prompt + i64::from(prompt > at as i64));
    }
    history.feeds.clear();
    history.tries.clear();
    Some(())
}

/// Two changes got the same place, so a cursor between them leaves one out.
pub fn two_changes_in_one_place(history: &mut History, random: &mut Rng) -> Option<()> {
    let changed = stored(history, random, |stored| stored.changed > stored.added + 1)?;
    changed.changed = changed.added + 1;
    Some(())
}

/// Of two sends, one made when the other was acknowledged, the second stands in front.
pub fn order_of_sends_lost(history: &mut History, random: &mut Rng) -> Option<()> {
    let receipt = acknowledged(history, random)?.clone();
    let log = history
        .logs
        .iter()
        .find(|log| log.session == receipt.session)?;
    let in_front = log
        .messages
        .iter()
        .take_while(|stored| stored.message.seq < receipt.seq);
    let keys: Vec<_> = in_front.filter_map(|stored| stored.key.clone()).collect();
    let tries = history
        .tries
        .iter()
        .filter(|request| keys.contains(&request.key));
    let moment = tries.map(|request| request.invoked).min()?;
    for request in &mut history.tries {
        if request.outcome == Outcome::Ok(receipt.clone()) {
            // It was over before the others were sent.
            request.returned = moment.checked_sub(1)?;
            request.invoked = request.returned;
        }
    }
    history.feeds.clear();
    Some(())
}
