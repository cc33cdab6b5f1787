//! Rows whose time is mostly waiting, played at once, each in a world of its own.

use super::{Play, frozen, nats};

pub async fn play(play: Play) {
    tokio::join!(nats::play(play), frozen::play(play));
}
