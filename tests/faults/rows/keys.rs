//! The same client key, sixteen times at once over two servers: one message, one session, sixteen equal answers.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Play;
use crate::checker::history::{History, Outcome};
use crate::clients::{Account, Recorder, Send, Sender};
use crate::load::Shape;
use crate::stored;
use crate::world::World;

const KEYS: u64 = 1_000;
const AT_ONCE: usize = 16;

/// How long all replies together may take.
const REPLIES: Duration = Duration::from_secs(60);

/// How many keys are under way at a time.
const WIDTH: usize = 4;

pub async fn play(play: Play) {
    let (mut row, _) = play.row("one key, 16 sends at once");
    let world = World::start(2, 0).await;
    let urls = world.urls();
    let account = Account::register(&urls[0], "ada", Shape::NONE.patience).await;
    let (session, _) = account.start_session(&urls[0], false).await;
    let sender = Sender {
        account,
        recorder: Recorder::new(),
        urls,
    };
    let keys = play.times(KEYS);
    let mut under_way = JoinSet::new();
    for number in 0..keys {
        if under_way.len() >= WIDTH {
            join(&mut under_way).await;
        }
        row.progress(number, keys);
        // Every second one starts its session.
        let starts_session = number % 2 == 1;
        let send = Send {
            session: (!starts_session).then(|| session.clone()),
            key: format!("key-{number}"),
            content: format!("said once: {number}"),
        };
        under_way.spawn(at_once(sender.clone(), send));
    }
    while !under_way.is_empty() {
        join(&mut under_way).await;
    }
    // The same key with other content is refused, and changes nothing.
    let other = Send {
        session: Some(session.clone()),
        key: "key-0".to_owned(),
        content: "something else".to_owned(),
    };
    let refused = sender.attempt(&sender.urls[0], &other).await;
    row.must(refused == Outcome::Fail("CONFLICT".to_owned()), || {
        format!("other content under a known key: {refused:?}")
    });

    // Each new session has a reply to come, many at a time.
    let stuck = stored::replies_end(world.postgres.url(), REPLIES).await;
    row.must(stuck == 0, || format!("{stuck} replies were stuck"));
    let logs = stored::logs(world.postgres.url()).await;
    let sessions = logs.len() as u64;
    let due = keys / 2 + 1;
    row.must(sessions == due, || {
        format!("{sessions} sessions, not {due}")
    });
    let messages = logs.iter().flat_map(|log| &log.messages);
    let own = messages.filter(|stored| stored.key.is_some()).count() as u64;
    row.must(own == keys, || format!("{own} messages, not {keys}"));
    let tries = sender.recorder.take_tries();
    row.judge_history(&History {
        tries,
        logs,
        ..History::default()
    });
    row.done(format!("{keys} keys x {AT_ONCE}"));
    row.end();
}

async fn join(under_way: &mut JoinSet<()>) {
    if let Some(ended) = under_way.join_next().await {
        ended.expect("every send is answered");
    }
}

/// Sends sixteen times at once, one half to each server.
async fn at_once(sender: Sender, send: Send) {
    let sends = (0..AT_ONCE).map(|number| {
        let url = sender.urls[number % sender.urls.len()].clone();
        let (sender, send) = (sender.clone(), send.clone());
        async move {
            let outcome = sender.attempt(&url, &send).await;
            assert!(outcome != Outcome::Unknown, "{} was not answered", send.key);
        }
    });
    futures_util::future::join_all(sends).await;
}
