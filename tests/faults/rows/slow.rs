//! A hundred subscribers that never read, beside a hundred that do: the slow ones are closed, and cost the server and
//! the healthy ones little.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::task::JoinSet;

use super::Play;
use super::stage::{Cast, Stage};
use crate::checker::history::{Outcome, View};
use crate::clients::{Send, Wire};
use crate::load::{Load, Shape};
use crate::processes::Parlor;
use crate::processes::tcp::{self, Connection};
use crate::report::SLACK;

const SUBSCRIBERS: usize = 100;

/// How many messages make the baseline.
const MESSAGES: u64 = 40;

/// What the slow ones may cost the server at most, in bytes.
const MEMORY: u64 = 100 * 1024 * 1024;

/// How long a socket may take nothing.
const STALLED: Duration = Duration::from_secs(10);

/// How much later the end of one may be seen from here: it is looked for after each message.
const NOTICED: Duration = Duration::from_secs(2);

/// So much that the buffers between a server and a client that reads nothing are soon full.
const BYTES: usize = 24 * 1024;

/// What the system may keep for a slow client.
const BUFFER: u32 = 4096;

const SHAPE: Shape = Shape {
    quiet: 1,
    senders: 0,
    subscribers: SUBSCRIBERS,
    ..Shape::NONE
};

/// How long all of it may take before those that are left count as kept.
const PATIENCE: Duration = Duration::from_secs(150);

pub async fn play(play: Play) {
    let cast = Cast {
        servers: 1,
        workers: 0,
    };
    let fault = "100 subscribers that never read";
    let stage = Stage::set(play, fault, cast, SHAPE).await;
    let Stage {
        mut row,
        mut random,
        world,
        mut load,
    } = stage;
    load.everyone_goes_on().await;
    load.recorder.take_arrivals();
    let server = &world.servers[0];
    let messages = play.times(MESSAGES);
    let mut talk = Talk::default();
    for number in 0..messages {
        talk.say(&load, server, &mut random).await;
        row.progress(number, 2 * messages);
    }
    let before = talk.percentile(&load);
    let memory = talk.memory;

    let slow = never_reading(&load, server).await;
    let mut stalls: Vec<Stall> = slow.iter().map(|wire| Stall::of(wire.port())).collect();
    let began = Instant::now();
    let mut kept = Duration::ZERO;
    let mut count = 0;
    while (!stalls.is_empty() || count < messages) && began.elapsed() < PATIENCE {
        talk.say(&load, server, &mut random).await;
        count += 1;
        row.progress((messages + count).min(2 * messages), 2 * messages);
        let connections = tcp::connections_of(server.address());
        stalls.retain_mut(|stall| {
            let closed_after = stall.look(&connections);
            kept = kept.max(closed_after.unwrap_or_default());
            closed_after.is_none()
        });
    }
    let with = talk.percentile(&load);
    let cost = talk.memory.saturating_sub(memory);
    row.must(stalls.is_empty(), || {
        format!("{} slow ones were never closed", stalls.len())
    });
    row.must(kept <= (STALLED + NOTICED) * SLACK, || {
        format!("a slow one was kept for {kept:.1?}")
    });
    row.must(cost <= MEMORY, || {
        format!("the slow ones cost {cost} bytes")
    });
    row.must(with <= before * 3 / 2 * SLACK, || {
        format!("p99 went from {before:.0?} to {with:.0?}")
    });
    row.note(format!(
        "p99 of {SUBSCRIBERS} healthy ones: {before:.0?} before, {with:.0?} beside the slow ones; these cost {} MiB \
         and were kept for {kept:.1?} at most",
        cost / 1024 / 1024
    ));
    drop(slow);
    let stage = Stage {
        row,
        random,
        world,
        load,
    };
    stage.rest().await.end(format!("{SUBSCRIBERS} slow"));
}

/// Subscribers that are held, and never read.
async fn never_reading(load: &Load, server: &Parlor) -> Vec<Wire> {
    let token = load.account.token(&server.url()).await;
    let mut slow = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let (url, token, session) = (server.url(), token.clone(), load.sessions[0].clone());
        slow.spawn(async move {
            let mut wire = Wire::open(&url, &token, Some(BUFFER))
                .await
                .expect("it opens");
            wire.begin(&session, View::Everything, None)
                .await
                .expect("it begins");
            wire
        });
    }
    slow.join_all().await
}

/// Large messages, one after the other, and how it went.
#[derive(Default)]
struct Talk {
    number: usize,
    sent: HashMap<i64, Instant>,
    /// The most that the server had.
    memory: u64,
}

impl Talk {
    /// Says something, and waits until every healthy subscriber was told.
    async fn say(&mut self, load: &Load, server: &Parlor, random: &mut Rng) {
        self.number += 1;
        let send = Send {
            session: Some(load.sessions[0].clone()),
            key: format!("large-{}", self.number),
            content: "x".repeat(BYTES),
        };
        let began = Instant::now();
        let outcome = load.sender().send(&send, random).await;
        let Outcome::Ok(receipt) = outcome else {
            panic!("it was refused: {outcome:?}");
        };
        self.sent.insert(receipt.seq, began);
        load.told(receipt.seq).await;
        self.memory = self.memory.max(server.memory());
    }

    /// From a send to the moment when a healthy subscriber was told: 99 of 100 were told faster.
    fn percentile(&self, load: &Load) -> Duration {
        let arrivals = load.recorder.take_arrivals().into_iter();
        let mut took: Vec<Duration> = arrivals
            .filter_map(|(seq, at)| Some(at - *self.sent.get(&seq)?))
            .collect();
        took.sort_unstable();
        took.get(took.len() * 99 / 100).copied().unwrap_or_default()
    }
}

/// One slow subscriber, as the kernel sees it.
struct Stall {
    peer: u16,
    queued: u64,
    /// When something was last put into its queue.
    since: Instant,
}

impl Stall {
    fn of(peer: u16) -> Self {
        Self {
            peer,
            queued: 0,
            since: Instant::now(),
        }
    }

    /// Looks again: if the server has closed it, how long after it had taken anything.
    fn look(&mut self, connections: &[Connection]) -> Option<Duration> {
        let Some(connection) = connections.iter().find(|its| its.peer == self.peer) else {
            return Some(self.since.elapsed());
        };
        if connection.queued != self.queued {
            self.queued = connection.queued;
            self.since = Instant::now();
        }
        None
    }
}
