//! However close a removal and what is said at the same time, nothing of a session is told behind its loss.

use std::net::IpAddr;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use parlor::app::App;
use parlor::domain::{ClientAddress, SessionId, SessionKind, Username, Viewer};
use parlor::inbox::Item;
use parlor::services::inbox::{self, Sight};
use parlor::services::messages::Draft;
use parlor::services::sessions::SessionPlan;
use parlor::services::{logins, members, messages, sessions};
use tokio::task::yield_now;

use super::quiet_app;
use crate::helpers::TestApp;

const ROUNDS: usize = 1_000;
/// Many, since a session that was just told is told of again half a second later.
const LANES: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_is_told_of_the_removal_and_nothing_behind_it() {
    let app = quiet_app().await;
    let lanes = join_all((0..LANES).map(|lane| race(&app, lane))).await;
    // Something was told before the removal now and then.
    let told: usize = lanes.iter().sum();
    println!("told before {told} of {ROUNDS} removals");
    assert!(told > ROUNDS / 20, "{lanes:?}");
}

/// Removes somebody again and again while others speak; how much they were told before.
async fn race(test: &TestApp, lane: usize) -> usize {
    let names = [format!("ada-{lane}"), format!("bob-{lane}")];
    let (ada, bob) = (test.person(&names[0]).await, test.person(&names[1]).await);
    let app = test.app();
    let ada = logins::identify(app, ada.token()).await.unwrap();
    let bob = logins::identify(app, bob.token()).await.unwrap();
    let name = Username::parse(&names[1], "username").unwrap();
    let mut told = 0;
    for round in 0..ROUNDS / LANES {
        let plan = SessionPlan {
            kind: SessionKind::Room,
            title: Some("Tea".to_owned()),
            chatbots: None,
            usernames: vec![names[1].clone()],
        };
        let room = sessions::start(app, &ada, plan).await.unwrap().id;
        let sights = inbox::open(app, &bob, app.epoch(), None).unwrap();
        let mut sights = Box::pin(sights);
        let caught_up = sights.next().await;
        assert!(
            matches!(caught_up, Some(Sight::Item(Item::CaughtUp(_)))),
            "{caught_up:?}"
        );
        let talk = async {
            for n in 0..3 {
                hesitate((round + n) % 7).await;
                say(app, &ada, room, "with bob").await;
            }
        };
        let remove = async {
            // As long as what is told takes to be read, more or less.
            for _ in 0..(round + lane) % 8 {
                app.db().ping().await.unwrap();
            }
            let removed = members::remove(app, &ada, room, &name).await.unwrap();
            say(app, &ada, room, "without bob").await;
            removed.details_rev
        };
        let listen = async {
            let mut seen = Vec::new();
            loop {
                match sights.next().await.unwrap() {
                    Sight::Item(Item::Removed(_, session)) if session == room => return seen,
                    Sight::Item(Item::Added(_, session) | Item::Updated(_, session)) => {
                        assert_eq!(session.id, room);
                        seen.push(session.rev);
                    }
                    // Of a round before, told again.
                    Sight::Item(Item::Removed(..)) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        let ((), removed, seen) = tokio::join!(talk, remove, listen);
        told += seen.len();
        for rev in seen {
            assert!(
                rev < removed,
                "round {round}: {rev:?} told, removed at {removed:?}"
            );
        }
    }
    told
}

async fn say(app: &App, who: &Viewer, room: SessionId, content: &str) {
    let draft = Draft {
        session: Some(room),
        content: content.to_owned(),
        client_key: None,
    };
    let from = ClientAddress::of(IpAddr::from([127, 0, 0, 1]));
    messages::send(app, from, who, draft).await.unwrap();
}

async fn hesitate(steps: usize) {
    for _ in 0..steps * 8 {
        yield_now().await;
    }
}
