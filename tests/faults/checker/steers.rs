//! What people asked of chatbots against what the logs went through: done as it was acknowledged, and nothing that nobody
//! asked for.

use std::collections::{HashMap, HashSet};

use super::history::{Answer, Deed, History, Place, Status, Steer, What};
use super::{Faults, Kind, Known, KnownLog};

/// How often something may have been done.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// Tries that were not refused.
    at_most: usize,
    /// Tries that were acknowledged.
    at_least: usize,
}

pub(super) fn judge(history: &History, known: &Known<'_>, faults: &mut Faults) {
    let mut asked: HashMap<(&str, &Deed), Asked> = HashMap::new();
    let mut begun = HashSet::new();
    for steer in &history.steers {
        let Some(log) = known.logs.get(steer.session.as_str()) else {
            faults.add(Kind::Phantom, format!("{steer:?} in no session"));
            continue;
        };
        if let Answer::Ok(place, status) = steer.answer {
            acknowledged(log, steer, place, status, faults);
            let is_anew = matches!(steer.deed, Deed::Regenerate(_));
            if is_anew && !begun.insert((&steer.session, place)) {
                let told = format!("{steer:?}, as another was acknowledged");
                faults.add(Kind::Lost, told);
            }
        }
        let count = asked.entry((&steer.session, &steer.deed)).or_default();
        count.at_most += usize::from(!matches!(steer.answer, Answer::Fail(_)));
        count.at_least += usize::from(matches!(steer.answer, Answer::Ok(..)));
    }
    for log in known.logs.values() {
        done(log, &asked, faults);
    }
}

/// What was acknowledged is in the log, where the answer says.
fn acknowledged(
    log: &KnownLog<'_>,
    steer: &Steer,
    place: Place,
    status: Option<Status>,
    faults: &mut Faults,
) {
    let is_so = match &steer.deed {
        Deed::Pause(is_paused) => place <= log.log.head && log.is_paused_at(place) == *is_paused,
        Deed::Cancel(id) => {
            let ended = status.filter(|status| !status.is_under_way());
            ended.is_some_and(|ended| log.became(place, id, ended))
        }
        Deed::Regenerate(id) => {
            let begun = status.is_some_and(Status::is_under_way);
            begun && log.became(place, id, Status::Pending)
        }
    };
    if !is_so {
        let there = log.journal.get(&place);
        faults.add(Kind::Lost, format!("{steer:?}, but there is {there:?}"));
    }
}

/// What the log went through was asked for: chatbots are paused, let speak, stopped and made to write anew by people
/// only.
fn done(log: &KnownLog<'_>, asked: &HashMap<(&str, &Deed), Asked>, faults: &mut Faults) {
    let session = log.log.session.as_str();
    let asked = |deed: &Deed| asked.get(&(session, deed)).copied().unwrap_or_default();
    let mut check = |deed: &Deed, count: usize, at_least: usize| {
        let at_most = asked(deed).at_most;
        if count > at_most {
            let told = format!("{session}: {deed:?} was done {count} times, asked {at_most} times");
            faults.add(Kind::Phantom, told);
        }
        if count < at_least {
            let told = format!(
                "{session}: {deed:?} was done {count} times, acknowledged {at_least} times"
            );
            faults.add(Kind::Lost, told);
        }
    };
    for deed in [Deed::Pause(true), Deed::Pause(false)] {
        let is_it = |(_, is_paused): &&(Place, bool)| deed == Deed::Pause(*is_paused);
        // Again is no change.
        check(&deed, log.pauses.iter().filter(is_it).count(), 0);
    }
    let may_be_paused = asked(&Deed::Pause(true)).at_most > 0;
    for stored in log
        .log
        .messages
        .iter()
        .filter(|stored| stored.answers.is_some())
    {
        let message = &stored.message;
        let anew = Deed::Regenerate(message.id.to_string());
        let begun = log.begun_anew.get(&message.seq).map_or(0, Vec::len);
        check(&anew, begun, asked(&anew).at_least);
    }
    for change in &log.log.journal {
        let What::Message(seq, Status::Cancelled) = change.what else {
            continue;
        };
        let id = usize::try_from(seq - 1).ok();
        let id = id.and_then(|at| log.log.messages.get(at));
        let is_asked = id
            .is_some_and(|stored| asked(&Deed::Cancel(stored.message.id.to_string())).at_most > 0);
        if !is_asked && !may_be_paused {
            let told = format!("{session}: reply {seq} was stopped, and nobody asked for it");
            faults.add(Kind::Phantom, told);
        }
    }
}
