//! However close a removal and what happens at the same time, nothing of the one lands behind the other.

use std::net::IpAddr;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use parlor::app::App;
use parlor::domain::{ClientAddress, Rev, SessionId, SessionKind, Username, Viewer};
use parlor::error::{AppError, AppResult};
use parlor::feed::{Item, View};
use parlor::services::messages::{Delivery, Draft, Sent};
use parlor::services::sessions::SessionPlan;
use parlor::services::watch::{EndReason, Sight};
use parlor::services::{logins, members, messages, sessions, watch};
use tokio::task::yield_now;

use crate::helpers::{TestApp, TestDatabase};

const ROUNDS: usize = 1_000;
const LANES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_sends_and_sees_nothing_behind_their_removal() {
    let lanes = join_all((0..LANES).map(race)).await;
    // Both ends were seen: some sends were before the removal, some came too late.
    let accepted: usize = lanes.iter().sum();
    assert!((1..ROUNDS).contains(&accepted), "{lanes:?}");
}

/// Removes somebody again and again while they send and watch; how many of their sends were accepted.
async fn race(lane: usize) -> usize {
    let test = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    let app = test.app();
    let ada = logins::identify(app, ada.token()).await.unwrap();
    let bob = logins::identify(app, bob.token()).await.unwrap();
    let name = Username::parse("bob", "username").unwrap();
    let plan = SessionPlan {
        kind: SessionKind::Room,
        title: Some("Tea".to_owned()),
        chatbots: None,
        usernames: vec!["bob".to_owned()],
    };
    let room = sessions::start(app, &ada, plan).await.unwrap().id;
    let mut accepted = 0;
    for round in 0..ROUNDS / LANES {
        let view = match round % 2 {
            0 => View::Everything,
            _ => View::Finished,
        };
        let sights = watch::session(app, &bob, app.epoch(), room, None, view)
            .await
            .unwrap();
        let send = async {
            hesitate(round % 7).await;
            say(app, &bob, room, "mine").await
        };
        let remove = async {
            hesitate((round + lane) % 11).await;
            let removed = members::remove(app, &ada, room, &name).await.unwrap();
            say(app, &ada, room, "without bob").await.unwrap();
            removed.details_rev
        };
        let (seen, sent, removed) = tokio::join!(sights.collect::<Vec<_>>(), send, remove);
        match sent {
            Ok(sent) => {
                assert!(sent.message.rev < removed, "round {round}");
                accepted += 1;
            }
            Err(AppError::NotFound("session")) => {}
            Err(error) => panic!("round {round}: {error:?}"),
        }
        expect_nothing_behind(&seen, removed);
        if round % 10 == 0 {
            let late = say(app, &bob, room, "late").await;
            assert!(matches!(late, Err(AppError::NotFound("session"))));
        }
        members::add(app, &ada, room, &name).await.unwrap();
    }
    let stored =
        "select count(*) from messages join users on users.id = user_id where username = 'bob'";
    assert_eq!(test.database().value(stored).await, accepted);
    accepted
}

/// All that was seen lies before the removal, and it ended with that.
fn expect_nothing_behind(seen: &[Sight], removed: Rev) {
    let (last, before) = seen.split_last().unwrap();
    assert!(matches!(last, Sight::End(EndReason::Removed)), "{last:?}");
    for sight in before {
        let Sight::Item(seen) = sight else {
            panic!("{sight:?}");
        };
        let place = match &seen.item {
            Item::Added(seen) | Item::Changed(seen) => {
                assert_eq!(seen.message.content, "mine");
                seen.place
            }
            Item::SessionChanged { place, .. } => *place,
            Item::CaughtUp(place) => *place,
            other => panic!("{other:?}"),
        };
        assert!(place < removed, "{sight:?}");
    }
}

async fn say(app: &App, who: &Viewer, room: SessionId, content: &str) -> AppResult<Sent> {
    let draft = Draft {
        session: Some(room),
        content: content.to_owned(),
        client_key: None,
    };
    let from = ClientAddress::of(IpAddr::from([127, 0, 0, 1]));
    match messages::send(app, from, who, draft).await? {
        Delivery::Message(sent) => Ok(*sent),
        Delivery::Command(_) => panic!("not a command"),
    }
}

async fn hesitate(steps: usize) {
    for _ in 0..steps * 8 {
        yield_now().await;
    }
}
