//! Sends against the logs: what was acknowledged is stored, once and as it was acknowledged; what is stored was
//! sent; and the order of what was sent one after the other is kept.

use std::collections::{HashMap, HashSet};

use super::history::{History, Outcome, Receipt, Tick, Try};
use super::{Faults, Kind, Known, KnownLog};

/// Every acknowledgement, and when it came.
pub(super) fn receipts(history: &History) -> impl Iterator<Item = (Tick, &Receipt)> {
    history
        .tries
        .iter()
        .filter_map(|request| match &request.outcome {
            Outcome::Ok(receipt) => Some((request.returned, receipt)),
            _ => None,
        })
}

/// All tries of one key.
struct Send<'a> {
    first: &'a Try,
    invoked: Tick,
    /// When it was first known to be stored.
    stored: Option<(Tick, &'a Receipt)>,
    is_open: bool,
}

pub(super) fn judge(history: &History, known: &Known<'_>, faults: &mut Faults) {
    let mut sends: HashMap<&str, Send<'_>> = HashMap::new();
    for request in &history.tries {
        let send = sends.entry(&request.key).or_insert_with(|| Send {
            first: request,
            invoked: request.invoked,
            stored: None,
            is_open: false,
        });
        send.invoked = send.invoked.min(request.invoked);
        match &request.outcome {
            Outcome::Ok(receipt) => acknowledged(send, request, receipt, known, faults),
            Outcome::Unknown => send.is_open = true,
            Outcome::Fail(_) => {}
        }
    }
    let mut seen = HashSet::new();
    for known in known.logs.values() {
        stored(known, &sends, &mut seen, faults);
        in_order(known, &sends, faults);
    }
}

fn acknowledged<'a>(
    send: &mut Send<'a>,
    request: &Try,
    receipt: &'a Receipt,
    known: &Known<'_>,
    faults: &mut Faults,
) {
    let key = &request.key;
    match send.stored {
        Some((_, first)) if first != receipt => faults.add(
            Kind::Doubled,
            format!("{key}: one answer is {first:?}, another {receipt:?}"),
        ),
        Some((earlier, _)) if earlier <= request.returned => {}
        _ => send.stored = Some((request.returned, receipt)),
    }
    if request
        .session
        .as_ref()
        .is_some_and(|asked| *asked != receipt.session)
    {
        faults.add(Kind::Lost, format!("{key} was stored in another session"));
    }
    let log = known.logs.get(receipt.session.as_str());
    let Some(stored) = log.and_then(|log| log.by_id.get(receipt.id.as_str())) else {
        faults.add(
            Kind::Lost,
            format!("{key} was acknowledged and is not stored"),
        );
        return;
    };
    let is_it = stored.message.seq == receipt.seq
        && stored.key.as_ref() == Some(key)
        && *stored.message.content == request.content;
    if !is_it {
        faults.add(
            Kind::Lost,
            format!(
                "{key} was acknowledged as {}, stored is {stored:?}",
                receipt.seq
            ),
        );
    }
    let answered = receipt.reply.as_ref().is_none_or(|reply| {
        let reply = log.and_then(|log| log.by_id.get(reply.as_str()));
        reply.is_some_and(|reply| reply.is_reply_to(receipt.seq))
    });
    if !answered {
        faults.add(
            Kind::Lost,
            format!("{key}: the reply that was owed is not stored"),
        );
    }
}

/// What is stored was sent there, and once.
fn stored<'a>(
    known: &KnownLog<'a>,
    sends: &HashMap<&str, Send<'_>>,
    seen: &mut HashSet<&'a str>,
    faults: &mut Faults,
) {
    let session = &known.log.session;
    for stored in &known.log.messages {
        let seq = stored.message.seq;
        if stored.answers.is_some() {
            continue;
        }
        let send = stored
            .key
            .as_deref()
            .and_then(|key| Some((key, sends.get(key)?)));
        let Some((_, send)) = send else {
            faults.add(
                Kind::Phantom,
                format!("{session}: nobody sent message {seq}"),
            );
            continue;
        };
        let request = send.first;
        let goes_there = request
            .session
            .as_ref()
            .is_none_or(|asked| asked == session);
        if !goes_there || request.content != *stored.message.content {
            faults.add(
                Kind::Phantom,
                format!("{session}: message {seq} was sent otherwise"),
            );
        }
        if send.stored.is_none() && !send.is_open {
            faults.add(
                Kind::Phantom,
                format!("{session}: message {seq} was refused every time"),
            );
        }
        if let Some(key) = &stored.key
            && !seen.insert(key)
        {
            faults.add(Kind::Doubled, format!("{session}: {key} is stored twice"));
        }
    }
}

/// Whatever was sent after another was acknowledged stands behind it.
fn in_order(known: &KnownLog<'_>, sends: &HashMap<&str, Send<'_>>, faults: &mut Faults) {
    let mut latest = 0;
    for stored in &known.log.messages {
        let key = stored.key.as_deref();
        let Some(send) = key.and_then(|key| sends.get(key)) else {
            continue;
        };
        // Stored before anything that stands in front of it was even sent.
        if send.stored.is_some_and(|(returned, _)| returned < latest) {
            let (session, seq) = (&known.log.session, stored.message.seq);
            faults.add(
                Kind::Swap,
                format!(
                    "{session}: message {seq} was acknowledged before one in front of it was sent"
                ),
            );
        }
        latest = latest.max(send.invoked);
    }
}
