//! Clients that are cut off and come back at random, to either server.

use super::Play;
use super::stage::{Stage, TWO_SERVERS};
use crate::clients::Cuts;
use crate::load::Shape;

const RECONNECTS: u64 = 3_000;

/// How many of them are waited for at a time.
const STEP: u64 = 500;

const SHAPE: Shape = Shape {
    quiet: 6,
    chats: 6,
    pause: 20,
    chat_pause: 300,
    steered: 3,
    subscribers: 4,
    cuts: Some(Cuts {
        events: 40,
        milliseconds: 800,
        away: 150,
    }),
    ..Shape::NONE
};

pub async fn play(play: Play) {
    let mut stage = Stage::set(play, "clients cut and come back", TWO_SERVERS, SHAPE).await;
    let first = ((SHAPE.quiet + SHAPE.chats) * SHAPE.subscribers) as u64;
    let reconnects = play.times(RECONNECTS);
    let mut due = 0;
    while due < reconnects {
        due = reconnects.min(due + STEP);
        stage.load.connected(due + first).await;
        stage.row.progress(due, reconnects);
    }
    let rest = stage.rest().await;
    let done = format!("{} reconnects", rest.row.reconnects());
    rest.end(done);
}
