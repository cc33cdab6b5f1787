//! From here to NATS: a queue with an end, one task that empties it, and the memory of what was lost.
//!
//! Other processes can't know that a notice of this one was lost on the way. So this one tells them, as soon as
//! it can, and they look at the log.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tracing::{info, warn};

use super::carrier::LOSSES;
use super::{Link, PATIENCE};
use crate::bus::{Notice, envelope};

/// How many notices wait for the connection to take them: a burst's worth. Most are well below 1 KiB, none is
/// above NATS's limit.
const CAPACITY: usize = 1024;

/// A connection that was cut silently is noticed within this; what was sent in that time may be lost.
const UNNOTICED: Duration = Duration::from_secs(5);

/// What waits to be sent.
pub(super) enum Outgoing {
    Notice {
        subject: String,
        payload: Vec<u8>,
    },
    /// Everything before it has been sent.
    Emptied(oneshot::Sender<()>),
}

/// The queue's near end.
pub(super) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    /// Something was lost that others have not been told of.
    has_lost: AtomicBool,
    lost: AtomicU64,
    sent_at: Mutex<Option<Instant>>,
    woken: Notify,
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::Receiver<Outgoing>) {
        let (queue, outgoing) = mpsc::channel(CAPACITY);
        let outbox = Self {
            queue,
            has_lost: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            sent_at: Mutex::new(None),
            woken: Notify::new(),
        };
        (outbox, outgoing)
    }

    /// Puts a notice into the queue. What does not fit is lost; what NATS would not take is told in short.
    pub(super) fn put(&self, notice: &Notice, max_payload: usize) {
        let Some(mut payload) = envelope::seal(notice) else {
            return self.lose();
        };
        if payload.len() > max_payload {
            match notice.shortened().as_ref().and_then(envelope::seal) {
                Some(short) => payload = short,
                None => return self.lose(),
            }
        }
        let subject = notice.subject().name();
        if self
            .queue
            .try_send(Outgoing::Notice { subject, payload })
            .is_err()
        {
            self.lose();
        }
    }

    /// Waits until everything in the queue has been sent.
    pub(super) async fn emptied(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Outgoing::Emptied(done)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// The connection broke: what was sent last may not have arrived.
    pub(super) fn note_disconnect(&self) {
        let sent_at = *self.sent_at.lock().unwrap_or_else(PoisonError::into_inner);
        if sent_at.is_some_and(|at| at.elapsed() < UNNOTICED) {
            self.note_loss();
        }
    }

    /// Others should be told that something may have been lost.
    pub(super) fn note_loss(&self) {
        self.has_lost.store(true, Ordering::Release);
        self.wake();
    }

    /// The connection is whole again, or something is to be told.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.has_lost.store(true, Ordering::Release);
    }

    fn has_sent(&self) {
        *self.sent_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Empties the queue until the link is closed. While the connection is down, what comes is lost at once: sent
/// late, it would only hold up what is new.
pub(super) async fn run(link: Link, mut outgoing: mpsc::Receiver<Outgoing>) {
    let outbox = &link.parts.outbox;
    let mut told = 0;
    loop {
        tokio::select! {
            biased;
            next = outgoing.recv() => match next {
                Some(Outgoing::Notice { subject, payload }) if !link.is_deaf() => {
                    send(&link, &subject, payload).await;
                }
                Some(Outgoing::Notice { .. }) => outbox.lose(),
                Some(Outgoing::Emptied(done)) => {
                    let _ = done.send(());
                }
                None => return,
            },
            () = outbox.woken.notified() => {}
        }
        let lost = outbox.lost.load(Ordering::Relaxed);
        if told == 0 && lost > 0 {
            warn!("notices to other processes are being lost: they look at the log instead");
            told = lost;
        }
        if outgoing.is_empty() && !link.is_deaf() && outbox.has_lost.swap(false, Ordering::AcqRel) {
            send(&link, LOSSES, Vec::new()).await;
            if lost > 0 {
                info!(lost, "notices were lost, and other processes told so");
            }
            outbox.lost.fetch_sub(lost, Ordering::Relaxed);
            told = 0;
        }
    }
}

async fn send(link: &Link, subject: &str, payload: Vec<u8>) {
    let outbox = &link.parts.outbox;
    let sending = link
        .parts
        .client
        .publish(link.name(subject), payload.into());
    // It waits only for room in the client's own queue.
    match timeout(PATIENCE, sending).await {
        Ok(Ok(())) => outbox.has_sent(),
        Ok(Err(_)) | Err(_) => outbox.lose(),
    }
}
