//! However much happens, a session is told twice a second at most, and the last is how it stays.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::quiet_app;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_messages_are_few_updates_and_the_last_shows_them_all() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let busy = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    let calm = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    let (_, mut watch) = bob.inbox().await;
    let began = Instant::now();
    let say = async |lane: usize| {
        for n in 0..25 {
            ada.say(Some(&busy), &format!("{lane} {n}")).await;
        }
    };
    let listen = async {
        let (mut updates, mut calm_after) = (Vec::new(), None);
        loop {
            let event = watch.expect("SessionUpdated").await;
            let session = &event["session"];
            if session["id"] == *calm {
                calm_after = Some(updates.len());
                continue;
            }
            updates.push(Instant::now());
            if session["lastMessage"]["seq"] == 100 {
                assert_eq!(session["unreadCount"], 100);
                return (updates, calm_after);
            }
        }
    };
    let once = async {
        ada.say(Some(&calm), "hello").await;
    };
    let lanes = join_all((0..4).map(say));
    let (_, (), (updates, calm_after)) = tokio::join!(lanes, once, listen);
    let most = 1 + began.elapsed().as_millis() / 500;
    println!("{} updates in {:?}", updates.len(), began.elapsed());
    assert!((1..=most).contains(&(updates.len() as u128)), "{updates:?}");
    // One session does not hold up another.
    assert!(calm_after.is_some());
    // Told at intervals, but for what a busy machine delays.
    for pair in updates.windows(2) {
        assert!(
            pair[1] - pair[0] > Duration::from_millis(250),
            "{updates:?}"
        );
    }
}
