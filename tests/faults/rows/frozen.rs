//! Servers frozen under load, and continued: clients that hear nothing from them go to another, and what a frozen one
//! still had to do is done once when it wakes up.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::Play;
use super::stage::{Cast, Stage};
use crate::load::Shape;

const FREEZES: u64 = 10;

/// So many of the servers at a time.
const AT_ONCE: usize = 2;

/// Longer than any lease, and shorter than PostgreSQL waits for one that holds a lock and does nothing.
const LONGEST: u64 = 12_000;
const SHORTEST: u64 = 2_000;

/// A client that hears nothing for this long goes elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);

/// Within this everyone sends and is told, once all servers go on.
const HEALED: Duration = Duration::from_secs(5);

const SHAPE: Shape = Shape {
    quiet: 4,
    chats: 4,
    pause: 60,
    chat_pause: 500,
    steered: 2,
    subscribers: 4,
    silence: PATIENCE,
    patience: PATIENCE,
    ..Shape::NONE
};

pub async fn play(play: Play) {
    let cast = Cast {
        servers: AT_ONCE + 1,
        workers: 0,
    };
    let mut stage = Stage::set(play, "servers frozen and continued", cast, SHAPE).await;
    let freezes = play.times(FREEZES);
    let (mut frozen, mut meanwhile) = (0, 0);
    while frozen < freezes {
        stage.a_while(10..40).await;
        let mut order: Vec<usize> = (0..cast.servers).collect();
        stage.random.shuffle(&mut order);
        // Short ones more often, so that many fit into little time.
        let chance = stage.random.f64();
        let length = SHORTEST + ((LONGEST - SHORTEST) as f64 * chance * chance) as u64;
        for server in &order[..AT_ONCE] {
            stage.world.servers[*server].signal(Signal::SIGSTOP);
            frozen += 1;
        }
        let before = stage.load.recorder.acknowledged();
        sleep(Duration::from_millis(length)).await;
        meanwhile += stage.load.recorder.acknowledged() - before;
        for server in &order[..AT_ONCE] {
            stage.world.servers[*server].signal(Signal::SIGCONT);
        }
        let began = Instant::now();
        stage.load.everyone_goes_on().await;
        stage.row.recovered(began.elapsed(), HEALED);
        stage.row.progress(frozen, freezes);
    }
    stage.row.must(meanwhile > 0, || {
        "nobody went to the server that was not frozen".to_owned()
    });
    let note = format!("{meanwhile} sends were acknowledged while servers were frozen");
    stage.row.note(note);
    stage.rest().await.end(format!("{frozen} freezes"));
}
