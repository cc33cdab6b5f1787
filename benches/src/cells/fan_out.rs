//! Messages to everybody who watches: at a steady pace, and as fast as they are taken.
//!
//! "As fast as they are taken" is a window: a session's next message is sent while fewer than so many are on their way to
//! any of its subscribers. So nobody falls behind, and what is measured is delivering, not catching up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::gather::{self, Progress};
use super::{Bench, Figure, Measure, Outcome, Watched, each};
use crate::check::{Verdict, Watch};
use crate::load::{Event, Line, Socket, Target, content, event, number};
use crate::names::Kind;

/// Messages on their way in one session.
const WINDOW: u64 = 8;

/// How many send at a time, each to sessions of their own.
const SENDERS: usize = 8;

/// A session under load.
struct Room {
    session: Uuid,
    watchers: u64,
    sent: Mutex<Vec<Instant>>,
    progress: Progress,
}

impl Room {
    /// Sends the next.
    async fn say(&self, target: &Target, line: &mut Line) -> Result<()> {
        let n = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(Instant::now());
            sent.len() as u64
        };
        target.say(line, self.session, &content(n)).await.map(drop)
    }

    fn sent(&self) -> u64 {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.len() as u64
    }

    /// How long ago message `n` was sent; nothing if it never was.
    fn age(&self, n: u64) -> Option<Duration> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(n).ok()?.checked_sub(1)?;
        sent.get(at).map(Instant::elapsed)
    }
}

/// Measures both paces with the same subscribers, one after the other.
pub async fn run(
    bench: &Bench<'_>,
    target: &Target,
    sessions: u32,
    watchers: u32,
) -> Result<Vec<Outcome>> {
    let rooms: Vec<Arc<Room>> = (0..sessions)
        .map(|n| {
            Arc::new(Room {
                session: Kind::Session.id(n),
                watchers: watchers.into(),
                sent: Mutex::default(),
                progress: Progress::default(),
            })
        })
        .collect();
    let sockets = gather::all(0..sessions * watchers, |n| {
        let room = &rooms[(n % sessions) as usize];
        async move { Ok((room.clone(), target.watch(room.session).await?)) }
    });
    // Dropped at the end, which ends them.
    let mut tasks = JoinSet::new();
    let mut seen = Vec::new();
    for (room, socket) in sockets.await? {
        let watch = Arc::new(Mutex::new(Watch::new()));
        seen.push((room.clone(), watch.clone()));
        tasks.spawn(listen(socket, room, watch));
    }

    let name = format!("fan-out {sessions} x {watchers}");
    let mut outcomes = Vec::new();
    let mut judged = Verdict::default();
    // 20 a second in one session; 2 a second in each of a hundred.
    let pace = Duration::from_millis(if sessions == 1 { 50 } else { 5 });
    for (paced, work) in [
        (true, format!("{name}, {}/s", 1000 / pace.as_millis())),
        (false, format!("{name}, flat out")),
    ] {
        let watched = Watched::start(Some(target.server), target.database).await?;
        let before: u64 = rooms.iter().map(|room| room.progress.come()).sum();
        if paced {
            say_steadily(target, &rooms, pace, bench.plan.spell).await?;
        } else {
            say_flat_out(target, &rooms, bench.plan.spell).await?;
        }
        for room in &rooms {
            // What does not come is told by the watches.
            room.progress.wait_for(room.sent() * room.watchers).await;
        }
        let (server, _) = watched.stop()?;
        let after: u64 = rooms.iter().map(|room| room.progress.come()).sum();
        let figure = Figure {
            work,
            measure: Measure::ServerCpu("delivery"),
            value: each(server, after - before),
        };
        // Of all that came so far, what came at this pace.
        let mut so_far = Verdict::default();
        for (room, watch) in &seen {
            let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            so_far += watch.close(room.sent());
        }
        outcomes.push(Outcome {
            figures: vec![figure],
            verdict: so_far.since(judged),
        });
        judged = so_far;
    }
    tasks.shutdown().await;
    Ok(outcomes)
}

/// One subscriber, until it is ended.
async fn listen(mut socket: Socket, room: Arc<Room>, watch: Arc<Mutex<Watch>>) {
    while let Some(frame) = socket.next().await {
        let frame = frame.as_bytes();
        let is_new = event(frame) == Event::Added;
        let found = number(frame).filter(|_| is_new);
        let found = found.and_then(|n| Some((n, room.age(n)?)));
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some((n, age)) => watch.see(n, age),
            None => watch.see_wrong(),
        }
        drop(watch);
        room.progress.add();
    }
}

async fn say_steadily(
    target: &Target,
    rooms: &[Arc<Room>],
    pace: Duration,
    spell: Duration,
) -> Result<()> {
    let mut line = target.line(0).await?;
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    for room in rooms.iter().cycle() {
        if began.elapsed() >= spell {
            return Ok(());
        }
        ticks.tick().await;
        room.say(target, &mut line).await?;
    }
    Ok(())
}

async fn say_flat_out(target: &Target, rooms: &[Arc<Room>], spell: Duration) -> Result<()> {
    let began = Instant::now();
    let senders = SENDERS.min(rooms.len());
    let send = |sender: usize| async move {
        let mut line = target.line(0).await?;
        for room in rooms.iter().skip(sender).step_by(senders).cycle() {
            if began.elapsed() >= spell {
                break;
            }
            let taken = (room.sent() + 1).saturating_sub(WINDOW) * room.watchers;
            if !room.progress.wait_for(taken).await {
                // Somebody gets nothing any more: the watches tell of it.
                break;
            }
            room.say(target, &mut line).await?;
        }
        anyhow::Ok(())
    };
    try_join_all((0..senders).map(send)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_has_an_age() {
        let room = Room {
            session: Kind::Session.id(0),
            watchers: 1,
            sent: Mutex::new(vec![Instant::now()]),
            progress: Progress::default(),
        };
        assert_eq!(room.sent(), 1);
        assert!(room.age(1).is_some());
        assert!(room.age(0).is_none() && room.age(2).is_none());
    }
}
