//! The way between processes: NATS, at most once.
//!
//! Names on it: `parlor.<deployment>.<subject>`, the deployment as 12 hexadecimal digits. Deployments that share
//! a NATS do not hear each other. Notices are wrapped in an envelope with a version. The connection asks NATS not
//! to echo, so that a process hears its own notices from its own bus only.

mod carrier;
mod keeper;
mod others;
mod outbox;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::local::{LocalBus, Topic};
use super::{Notice, Subject};
use crate::config::NatsUrl;
use others::Others;
use outbox::Outbox;

/// Silence for three of these counts as a connection that is gone, though nobody has closed it.
const PING: Duration = Duration::from_secs(1);

/// How long connecting, and a round trip, may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest pause between two tries to connect.
const RETRY: Duration = Duration::from_secs(1);

/// Why there is no way to other processes.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// Not an address of NATS. It is not repeated: it may hold a password.
    #[error("PARLOR_NATS_URL is not an address of NATS")]
    Address,
    /// The server can't be reached, or does not let us in.
    #[error("NATS does not answer: {0}")]
    Connection(String),
}

/// A connection to NATS that is made again whenever it breaks, and what goes over it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    parts: Arc<Parts>,
}

struct Parts {
    client: Client,
    local: Arc<LocalBus>,
    outbox: Outbox,
    /// What names begin with.
    prefix: watch::Sender<String>,
    deaf: watch::Sender<bool>,
    unsure: watch::Sender<bool>,
    others: Others,
    /// Something happened to the connection.
    stirred: Arc<Notify>,
    /// How often NATS was faster than a listener of ours.
    overruns: Arc<AtomicU64>,
    /// Another process has told that notices of its were lost.
    others_lost: Notify,
    tasks: TaskTracker,
    closed: CancellationToken,
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(
        url: &NatsUrl,
        deployment: i64,
        local: Arc<LocalBus>,
    ) -> Result<Self, NatsError> {
        let stirred = Arc::new(Notify::new());
        let overruns = Arc::new(AtomicU64::new(0));
        let (stir, overrun) = (stirred.clone(), overruns.clone());
        let options = options(url)
            .retry_on_initial_connect()
            .event_callback(move |event| {
                if matches!(event, Event::SlowConsumer(_)) {
                    overrun.fetch_add(1, Ordering::Relaxed);
                }
                stir.notify_one();
                async {}
            });
        // With the option above this makes tasks and waits for nothing.
        let client = futures_util::FutureExt::now_or_never(options.connect(servers(url)?))
            .ok_or(NatsError::Address)?
            .map_err(|_| NatsError::Address)?;
        let (outbox, outgoing) = Outbox::new();
        let link = Self {
            parts: Arc::new(Parts {
                client,
                local,
                outbox,
                prefix: watch::Sender::new(prefix(deployment)),
                deaf: watch::Sender::new(true),
                unsure: watch::Sender::new(true),
                others: Others::new(),
                stirred,
                overruns,
                others_lost: Notify::new(),
                tasks: TaskTracker::new(),
                closed: CancellationToken::new(),
            }),
        };
        link.spawn(keeper::run(link.clone()));
        link.spawn(carrier::hear_of_losses(link.clone()));
        link.spawn(carrier::hear_others(link.clone()));
        link.spawn(outbox::run(link.clone(), outgoing));
        Ok(link)
    }

    /// Whether notices of other processes may be lost at the moment.
    pub(super) fn deaf(&self) -> watch::Receiver<bool> {
        self.parts.deaf.subscribe()
    }

    /// Whether that is so, or another process has fallen silent.
    pub(super) fn unsure(&self) -> watch::Receiver<bool> {
        self.parts.unsure.subscribe()
    }

    /// Puts a notice on its way, without waiting.
    pub(super) fn send(&self, notice: &Notice) {
        self.parts
            .outbox
            .put(notice, self.parts.client.max_payload());
    }

    /// Brings what other processes announce to a topic, until nobody listens to it any more.
    pub(super) fn carry(&self, subject: Subject, topic: Arc<Topic>) {
        let ended = topic.ended.clone();
        let carried = carrier::carry(self.clone(), subject, topic);
        self.spawn(async move {
            ended.run_until_cancelled(carried).await;
        });
    }

    /// Uses other names from now on.
    pub(super) fn move_to(&self, deployment: i64) {
        self.parts.prefix.send_if_modified(|now| {
            let next = prefix(deployment);
            let moves = *now != next;
            *now = next;
            moves
        });
        self.parts.others.forget();
        // What was sent under the old names since the others moved, nobody has heard.
        self.parts.outbox.note_loss();
    }

    /// Waits until what was sent has left, and ends.
    pub(super) async fn close(&self) {
        let left = async {
            self.parts.outbox.emptied().await;
            self.make_heard(false).await;
            // An error means that there is no connection, and nothing more to wait for.
            let _ = self.parts.client.flush().await;
        };
        let _ = timeout(Duration::from_secs(1), left).await;
        self.parts.closed.cancel();
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let closed = self.parts.closed.clone();
        self.parts.tasks.spawn(async move {
            closed.run_until_cancelled(task).await;
        });
    }

    /// Tells the others that this process is there, or goes.
    async fn make_heard(&self, stays: bool) {
        let sign = self.parts.others.sign(stays).into();
        let sent = self.parts.client.publish(self.name(carrier::OTHERS), sign);
        // Lost, it is only silence for a second.
        let _ = timeout(PATIENCE, sent).await;
    }

    fn is_deaf(&self) -> bool {
        *self.parts.deaf.borrow()
    }

    /// The whole name of a subject.
    fn name(&self, subject: &str) -> String {
        format!("{}.{subject}", *self.parts.prefix.borrow())
    }

    /// Whether NATS has taken note of everything asked of it before: it answers, in order, that nobody listens
    /// to a subject on which nobody does.
    async fn is_whole(&self) -> bool {
        let asked = self
            .parts
            .client
            .request(self.name("nobody"), Vec::new().into());
        match timeout(PATIENCE, asked).await {
            Ok(Err(error)) => error.kind() == RequestErrorKind::NoResponders,
            Ok(Ok(_)) | Err(_) => false,
        }
    }
}

/// Connects once and says what answered, for whoever wants to know whether it would work.
///
/// # Errors
///
/// An address that is none, a server that can't be reached within two seconds or does not let us in.
pub async fn look_at_nats(url: &NatsUrl) -> Result<String, NatsError> {
    let connecting = options(url).connect(servers(url)?);
    let client = match timeout(PATIENCE + PATIENCE, connecting).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Err(NatsError::Connection(error.kind().to_string())),
        Err(_) => return Err(NatsError::Connection("timed out".to_owned())),
    };
    Ok(client.server_info().version)
}

fn options(url: &NatsUrl) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("parlor")
        .no_echo()
        .ping_interval(PING)
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .subscription_capacity(1024)
        .reconnect_delay_callback(|attempts| {
            let doubled = Duration::from_millis(20).checked_mul(1 << attempts.min(10));
            doubled.unwrap_or(RETRY).min(RETRY)
        });
    match url.credentials() {
        Some((user, Some(password))) => {
            options.user_and_password(user.to_owned(), password.to_owned())
        }
        Some((token, None)) => options.token(token.to_owned()),
        None => options,
    }
}

fn servers(url: &NatsUrl) -> Result<Vec<ServerAddr>, NatsError> {
    let parsed: Result<_, _> = url.servers().iter().map(|server| server.parse()).collect();
    parsed.map_err(|_| NatsError::Address)
}

fn prefix(deployment: i64) -> String {
    format!("parlor.{deployment:012x}")
}
