//! One session's log as it is in the end: numbers without holes, and replies that ended.

use std::collections::{HashMap, HashSet};

use super::history::{Log, Place, Status, Stored};
use super::{Faults, Kind, KnownLog};

pub(super) fn judge(known: &KnownLog<'_>, faults: &mut Faults) {
    let log = known.log;
    let mut places = HashSet::new();
    let mut before = 0;
    for (stored, seq) in log.messages.iter().zip(1..) {
        let name = name(log, stored);
        if stored.message.seq != seq {
            faults.add(Kind::Hole, format!("{name} stands where {seq} should"));
        }
        if stored.added <= before {
            faults.add(
                Kind::Swap,
                format!("{name} was born before its predecessor"),
            );
        }
        before = stored.added;
        let mut own = vec![stored.added];
        if stored.changed != stored.added {
            own.push(stored.changed);
        }
        for place in own {
            if place < stored.added || place > log.head || !places.insert(place) {
                faults.add(
                    Kind::Swap,
                    format!("{name} stands at {place}, where it can't"),
                );
            }
        }
    }
    replies(known, faults);
    same_words(log, faults);
}

/// Each message has one reply, unless chatbots were paused, and a reply answers one message, or several that came while
/// it waited.
fn replies(known: &KnownLog<'_>, faults: &mut Faults) {
    let log = known.log;
    let asked = |stored: &&Stored| stored.answers.is_none();
    let mut owed: HashMap<i64, (Place, usize)> = log
        .messages
        .iter()
        .filter(asked)
        .map(|stored| (stored.message.seq, (stored.added, 0)))
        .collect();
    for stored in &log.messages {
        let Some(prompt) = stored.answers else {
            continue;
        };
        if prompt >= stored.message.seq || !owed.contains_key(&prompt) {
            faults.add(
                Kind::Phantom,
                format!("{} answers nothing", name(log, stored)),
            );
        }
        for seq in prompt..=stored.answers_up_to.unwrap_or(prompt) {
            if let Some((_, count)) = owed.get_mut(&seq) {
                *count += 1;
            }
        }
        ending(log, stored, faults);
    }
    for (prompt, (place, count)) in owed {
        let due = usize::from(log.is_answered && !known.is_paused_at(place));
        if count != due {
            faults.add(
                Kind::Reply,
                format!(
                    "{}: message {prompt} has {count} replies, not {due}",
                    log.session
                ),
            );
        }
    }
}

fn ending(log: &Log, stored: &Stored, faults: &mut Faults) {
    let message = &stored.message;
    let name = name(log, stored);
    if message.status.is_under_way() {
        faults.add(
            Kind::Reply,
            format!("{name} is stuck: {:?}", message.status),
        );
    } else if stored.changed == stored.added {
        faults.add(Kind::Reply, format!("{name} was born ended"));
    }
}

/// The chatbot of these runs follows rules: to the same words it says the same, whole or up to where it was interrupted.
fn same_words(log: &Log, faults: &mut Faults) {
    let replies = || {
        let to_one = |stored: &&Stored| stored.answers_up_to.is_none();
        log.messages.iter().filter(to_one).filter_map(|stored| {
            let prompt = usize::try_from(stored.answers? - 1).ok()?;
            Some((log.messages.get(prompt)?.message.content.as_ref(), stored))
        })
    };
    let mut whole: HashMap<&str, &str> = HashMap::new();
    for (prompt, reply) in replies().filter(|(_, reply)| reply.message.status == Status::Complete) {
        whole
            .entry(prompt)
            .or_insert(reply.message.content.as_ref());
    }
    for (prompt, reply) in replies() {
        let Some(whole) = whole.get(prompt) else {
            continue;
        };
        let content = &reply.message.content;
        let fits = match reply.message.status {
            Status::Complete => content.as_ref() == *whole,
            Status::Deleted => true,
            _ => whole.starts_with(content.as_ref()),
        };
        if !fits {
            faults.add(
                Kind::Text,
                format!("{} says {content:?}, others {whole:?}", name(log, reply)),
            );
        }
    }
}

fn name(log: &Log, stored: &Stored) -> String {
    format!("{}: message {}", log.session, stored.message.seq)
}
