//! How processes hear of each other's changes.
//!
//! The bus carries news, never the truth: the truth is the log. Whoever needs every change keeps its own
//! place in the log and uses the bus to know when to look.

mod envelope;
mod local;
mod nats;
mod notice;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

pub use envelope::Travels;
use local::{LocalBus, LocalListener};
use nats::Link;
pub use nats::{NatsError, look_at_nats};
pub use notice::{Notice, Subject, TextPiece, WantedText};

use crate::config::NatsUrl;

/// How long a listener waits for the way from other processes to it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Announces and listens. Cheap to clone.
///
/// Guarantees, for every transport:
/// - At most once: a notice may be lost, above all while a connection is down, and is then never repeated.
/// - In order: the notices that one process publishes on one subject arrive in the order of publishing.
///   Those of different processes may arrive in any order.
/// - Never silently: a listener that may have missed something is told so ([`Heard::Missed`]), at the latest
///   when the way to other processes is whole again. Until then the bus is [deaf](Bus::deaf).
/// - From the moment [`listen`](Bus::listen) returns, later notices are heard; those of other processes unless
///   the bus is deaf, and then [`Heard::Missed`] follows.
/// - One's own notices are heard at once and once, whatever becomes of the way to other processes.
/// - Publishing does not wait and does not fail: what can't be delivered is lost.
///
/// [`Subject::Replies`] is work rather than news: a notice there reaches the listeners of the process that
/// publishes it, and those of one other. [`Subject::Commands`] are errands: a notice there reaches the listeners
/// of the process that publishes it; if there are none, those of one other.
#[derive(Clone)]
pub struct Bus {
    local: Arc<LocalBus>,
    link: Option<Link>,
    deaf: watch::Receiver<bool>,
    unsure: watch::Receiver<bool>,
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// This was announced.
    Notice(Arc<Notice>),
    /// Something may have been announced that this listener did not hear: look at the log.
    Missed,
}

/// Hears what is announced on one subject, until dropped.
pub struct Listener {
    local: LocalListener,
}

impl Bus {
    /// A bus within this process.
    pub fn in_process() -> Self {
        Self {
            local: Arc::default(),
            link: None,
            deaf: watch::Sender::new(false).subscribe(),
            unsure: watch::Sender::new(false).subscribe(),
        }
    }

    /// A bus to every process that uses the same NATS and names the same `deployment`, which may be any
    /// number. It is connected in the background, again and again if need be: a NATS that is not there delays
    /// nothing. Must be called on a runtime; [`close`](Self::close) ends its tasks.
    ///
    /// # Errors
    ///
    /// An address that is none.
    pub fn over_nats(url: &NatsUrl, deployment: i64) -> Result<Self, NatsError> {
        let local = Arc::<LocalBus>::default();
        let link = Link::open(url, deployment, local.clone())?;
        Ok(Self {
            local,
            deaf: link.deaf(),
            unsure: link.unsure(),
            link: Some(link),
        })
    }

    /// Announces to everyone who listens to the notice's subject; that a session has changed, to inboxes too.
    pub fn publish(&self, notice: Notice) {
        let stir = notice.stir();
        self.put(notice);
        if let Some(stir) = stir {
            self.put(stir);
        }
    }

    fn put(&self, notice: Notice) {
        let subject = notice.subject();
        let stays_here = subject.is_errand() && self.local.has_listeners(subject);
        if let Some(link) = &self.link
            && !stays_here
        {
            link.send(&notice);
        }
        self.local.publish(notice);
    }

    /// Tells those who listen in this process, and nobody else: what every process finds out by itself.
    pub fn tell_here(&self, notice: Notice) {
        self.local.publish(notice);
    }

    /// Begins to listen to a subject. Takes a round trip to the transport, two seconds at most.
    pub async fn listen(&self, subject: Subject) -> Listener {
        let mut local = LocalBus::listen(&self.local, subject, |topic| {
            if let Some(link) = &self.link {
                link.carry(subject, topic.clone());
            }
        });
        if self.link.is_some() {
            let mut is_carried = local.topic.is_carried.subscribe();
            let mut deaf = self.deaf.clone();
            let carried = timeout(PATIENCE, async {
                tokio::select! {
                    biased;
                    _ = deaf.wait_for(|deaf| *deaf) => false,
                    carried = is_carried.wait_for(|carried| *carried) => carried.is_ok(),
                }
            });
            // What it heard so far was for those who listened before. If the way is not there yet, it hears
            // that it missed something once it is.
            if carried.await == Ok(true) {
                local.begin_anew();
            }
        }
        Listener { local }
    }

    /// Whether the way to other processes is broken: nothing of theirs is heard. Never within one process.
    pub fn deaf(&self) -> watch::Receiver<bool> {
        self.deaf.clone()
    }

    /// Whether notices of other processes may be lost at the moment: this one is deaf, or another one, which may be
    /// cut off, has fallen silent. Those who need every change should look at the log often. Never within one
    /// process.
    pub fn unsure(&self) -> watch::Receiver<bool> {
        self.unsure.clone()
    }

    /// Goes over to the processes that name this deployment. Every listener hears that it may have missed
    /// something.
    pub fn move_to(&self, deployment: i64) {
        if let Some(link) = &self.link {
            link.move_to(deployment);
        }
    }

    /// Waits, a second at most, until what was published is on its way, and ends. What is published afterwards
    /// stays in this process.
    pub async fn close(&self) {
        if let Some(link) = &self.link {
            link.close().await;
        }
    }
}

impl Listener {
    /// Waits for the next notice. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Heard {
        self.local.next().await
    }
}
