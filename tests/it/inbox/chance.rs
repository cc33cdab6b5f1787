//! Whatever people do, and however often a client is cut off, in the end its inbox says what its lists say.

use serde_json::json;

use super::View;
use crate::helpers::{Person, TwoServers};

const SEEDS: u64 = 6;
const PHASES: usize = 14;

/// What may be wrong, for a checker that must see it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Moving a session's log leaves no stamp.
    NoStamp,
    /// Losing a seat leaves no departure.
    NoDeparture,
    /// The client loses what it was told before it was cut off, and keeps the cursor.
    LosesEvents,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folded_inbox_is_the_list() {
    for seed in 0..SEEDS {
        let (view, listed) = play(seed, Fault::None).await;
        assert_eq!(view.sessions, listed, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_seen() {
    for fault in [Fault::NoStamp, Fault::NoDeparture, Fault::LosesEvents] {
        let mut is_seen = false;
        for seed in 0..SEEDS {
            let (view, listed) = play(seed, fault).await;
            is_seen = view.sessions != listed;
            if is_seen {
                break;
            }
        }
        assert!(is_seen, "{fault:?}");
    }
}

/// Ada, Bob and Carol do this and that at two servers, while Bob's client comes and goes. What it makes of his inbox in
/// the end, and what his lists say.
async fn play(
    seed: u64,
    fault: Fault,
) -> (View, std::collections::BTreeMap<String, serde_json::Value>) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let two = TwoServers::start().await;
    let mut people = Vec::new();
    for name in NAMES {
        people.push(two.one.person(name).await);
    }
    let bob = &people[1];
    let mut sessions = Vec::new();
    let (mut view, watch) = bob.inbox().await;
    drop(watch);
    let disabled = match fault {
        Fault::NoStamp => "alter table sessions disable trigger sessions_stamped",
        Fault::NoDeparture => "alter table members disable trigger members_departed",
        Fault::None | Fault::LosesEvents => "select",
    };
    two.one.database().execute(disabled).await;
    for _ in 0..PHASES {
        for _ in 0..chance.usize(0..8) {
            act(&mut chance, &two, &people, &mut sessions).await;
        }
        let at = [&two.one, &two.other][chance.usize(0..2)];
        let mut watch = bob.at(at).watch_inbox(view.cursor.as_deref()).await;
        let mut patience = chance.usize(1..30);
        let caught_up = loop {
            let event = watch.next().await;
            if fault == Fault::LosesEvents && chance.bool() {
                let cursor = event["cursor"].as_str().map(str::to_owned);
                view.cursor = cursor;
            } else if view.take(&event) {
                break true;
            }
            patience -= 1;
            if patience == 0 || event["__typename"] == "CaughtUp" {
                break false;
            }
        };
        // With a fault in it, it might never come to what the lists say.
        if caught_up && fault == Fault::None {
            for _ in 0..chance.usize(0..6) {
                act(&mut chance, &two, &people, &mut sessions).await;
            }
            let listed = bob.listed().await;
            if chance.bool() {
                view.becomes(&mut watch, &listed).await;
            }
        }
    }
    drop(bob.at(&two.other).back_in(&mut view).await);
    (view, bob.listed().await)
}

const NAMES: [&str; 3] = ["ada", "bob", "carol"];

/// Somebody does something, which may be refused.
async fn act(
    chance: &mut fastrand::Rng,
    two: &TwoServers,
    people: &[Person],
    sessions: &mut Vec<String>,
) {
    let at = [&two.one, &two.other][chance.usize(0..2)];
    let who = people[chance.usize(0..people.len())].at(at);
    let other = NAMES[chance.usize(0..NAMES.len())];
    let deed = chance.usize(0..20);
    if sessions.is_empty() || deed < 3 {
        let kind = ["ROOM", "PRIVATE"][chance.usize(0..2)];
        let others: Vec<&str> = NAMES.into_iter().filter(|_| chance.bool()).collect();
        let input = json!({"kind": kind, "title": "new", "usernames": others, "chatbots": []});
        sessions.push(who.start(input).await);
        return;
    }
    let session = sessions[chance.usize(0..sessions.len())].as_str();
    let answer = match deed {
        3 => who.erase(session).await,
        4 | 5 => who.leave(session).await,
        6 | 7 => who.remove(session, other).await,
        8 | 9 => who.add(session, other).await,
        10 => who.join(session).await,
        11 => {
            who.change(session, json!({"archived": chance.bool()}))
                .await
        }
        12 => {
            who.change(
                session,
                json!({"title": format!("title {}", chance.u8(..))}),
            )
            .await
        }
        13 | 14 => who.read(session, 1).await,
        _ => {
            who.send(json!({"sessionId": session, "content": "hello"}))
                .await
        }
    };
    // Whatever is refused is refused because of what somebody else did.
    if let Some(errors) = answer.0["errors"].as_array() {
        let code = errors[0]["extensions"]["code"].as_str().unwrap_or_default();
        let known = ["NOT_FOUND", "FORBIDDEN", "BAD_USER_INPUT", "CONFLICT"];
        assert!(known.contains(&code), "{}", answer.0);
    }
}
