//! How processes hear of each other's changes.
//!
//! The bus carries news, never the truth: the truth is the log. Whoever needs every change keeps its own
//! place in the log and uses the bus to know when to look.

mod local;
mod notice;

use std::sync::Arc;

use local::{LocalBus, LocalListener};
pub use notice::{Notice, Subject, TextPiece};

/// Announces and listens. Cheap to clone.
///
/// Guarantees, for every transport:
/// - At most once: a notice may be lost, above all while a connection is down, and is then never repeated.
/// - In order: the notices that one process publishes on one subject arrive in the order of publishing.
///   Those of different processes may arrive in any order.
/// - Never silently: a listener that may have missed something is told so ([`Heard::Missed`]).
/// - From the moment [`listen`](Bus::listen) returns, later notices are heard.
/// - Publishing does not wait and does not fail: what can't be delivered is lost.
#[derive(Clone)]
pub struct Bus {
    local: Arc<LocalBus>,
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
        }
    }

    /// Announces to everyone who listens to the notice's subject.
    pub fn publish(&self, notice: Notice) {
        self.local.publish(notice);
    }

    /// Begins to listen to a subject.
    pub async fn listen(&self, subject: Subject) -> Listener {
        Listener {
            local: LocalBus::listen(&self.local, subject),
        }
    }
}

impl Listener {
    /// Waits for the next notice. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Heard {
        self.local.next().await
    }
}
