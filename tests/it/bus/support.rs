//! Buses of several processes, as far as they can tell, and waiting for what they say.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parlor::bus::{Bus, Heard, Listener, Notice, TextPiece};
use parlor::config::NatsUrl;
use parlor::domain::{Rev, Seq, SessionId};
use tokio::time::timeout;

use crate::helpers::nats::Nats;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// How processes are connected.
pub enum Transport {
    /// Not at all: there is one.
    InProcess(Bus),
    Nats(Nats),
}

impl Transport {
    pub fn in_process() -> Self {
        Self::InProcess(Bus::in_process())
    }

    pub fn nats() -> Self {
        Self::Nats(Nats::start())
    }

    /// The bus of one more process.
    pub async fn bus(&self) -> Bus {
        match self {
            Self::InProcess(bus) => bus.clone(),
            Self::Nats(nats) => connected(&nats.url()).await,
        }
    }
}

/// A bus over the NATS at this address.
pub fn over(url: &str) -> Bus {
    Bus::over_nats(&NatsUrl::parse(url).unwrap(), 1).unwrap()
}

/// The same once it is connected.
pub async fn connected(url: &str) -> Bus {
    let bus = over(url);
    hears(&bus).await;
    bus
}

/// Waits until a bus is not deaf.
pub async fn hears(bus: &Bus) {
    within(bus.deaf().wait_for(|deaf| !deaf)).await.unwrap();
}

/// Waits until a bus is deaf.
pub async fn is_deaf(bus: &Bus) {
    within(bus.deaf().wait_for(|deaf| *deaf)).await.unwrap();
}

/// Waits until a bus is unsure, or no longer.
pub async fn unsure(bus: &Bus, wanted: bool) {
    within(bus.unsure().wait_for(|unsure| *unsure == wanted))
        .await
        .unwrap();
}

pub async fn within<T>(wait: impl Future<Output = T>) -> T {
    timeout(DEADLINE, wait).await.expect("it comes in time")
}

/// What a listener hears next.
pub async fn next(listener: &mut Listener) -> Heard {
    within(listener.next()).await
}

/// The notice that a listener hears next.
pub async fn notice(listener: &mut Listener) -> Arc<Notice> {
    match next(listener).await {
        Heard::Notice(notice) => notice,
        Heard::Missed => panic!("it missed something"),
    }
}

/// Reads on until a listener is told that it missed something.
pub async fn missed(listener: &mut Listener) {
    while let Heard::Notice(_) = next(listener).await {}
}

/// Reads on until this notice.
pub async fn until(listener: &mut Listener, wanted: &Notice) {
    loop {
        if let Heard::Notice(notice) = next(listener).await
            && *notice == *wanted
        {
            return;
        }
    }
}

/// A notice that is unlike every other.
pub fn news(session: SessionId) -> Notice {
    static COUNT: AtomicI64 = AtomicI64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    text(session, &format!("number {number}"))
}

pub fn text(session: SessionId, text: &str) -> Notice {
    Notice::Text {
        session,
        piece: TextPiece {
            seq: Seq(2),
            begun_rev: Rev(2),
            attempt: 1,
            offset: 0,
            text: text.to_owned(),
        },
    }
}
