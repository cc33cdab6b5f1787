//! The thread that looks after the server: starts it, starts it again when it dies, stops it.
//!
//! It is one long-lived thread because the kernel ends the server when the *thread* that spawned it
//! dies: a thread of a pool, which comes and goes, would take the database with it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::account::Account;
use super::binaries::Binaries;
use super::directory::DataDirectory;
use super::postmaster::{Launch, Postmaster, describe, wait_until};
use super::{Options, PrivateError, cluster, leftovers, url_at};

/// How often a starting server is looked at.
const READY_TICK: Duration = Duration::from_millis(10);

/// How often a running server is looked at, should its end go unheard: a child that outlives it
/// keeps its log open.
const ALIVE_TICK: Duration = Duration::from_secs(1);

/// The wait before the second start in a row; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest wait before a start. It never gives up: a full disk may have room again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A server that ran this long was well: its end is a new story, and the waits begin anew.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// How long a first start goes on trying while remains of a killed server use its shared memory.
const REMAINS_PATIENCE: Duration = Duration::from_secs(10);

/// What the thread hears.
#[derive(Debug)]
enum Event {
    /// The last process that wrote to the server's log is gone.
    LogEnded,
    /// Parlor wants no PostgreSQL any more.
    Stop,
}

/// The thread's owner. Dropping it stops the server, without waiting.
#[derive(Debug)]
pub(super) struct Supervisor {
    events: Sender<Event>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Supervisor {
    /// Starts the thread. The receiver gets the URL as soon as the server takes connections, or why
    /// it never will.
    pub(super) fn spawn(
        options: Options,
    ) -> Result<(Self, oneshot::Receiver<Result<String, PrivateError>>), PrivateError> {
        let (events, inbox) = mpsc::channel();
        let (tell_started, started) = oneshot::channel();
        let (tell_ended, ended) = oneshot::channel();
        let inbox = Inbox {
            events: inbox,
            sender: events.clone(),
        };
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || {
                // Dropped last, after the lock on the data directory: who waits for the end may
                // start anew.
                let _tell_ended: oneshot::Sender<()> = tell_ended;
                supervise(&options, &inbox, tell_started);
            })
            .map_err(|_| PrivateError::SupervisorDied)?;
        let ended = Some(ended);
        Ok((Self { events, ended }, started))
    }

    /// Stops the server, and returns when it has ended and the data directory is free.
    pub(super) async fn stop(mut self) {
        let _ = self.events.send(Event::Stop);
        if let Some(ended) = self.ended.take() {
            // Nothing is ever sent: that the other end is dropped is the news.
            let _ = ended.await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Nobody hears it when the thread has ended.
        let _ = self.events.send(Event::Stop);
    }
}

/// The thread's side of the channel. It holds a sender too, for the readers of the server's log.
struct Inbox {
    events: Receiver<Event>,
    sender: Sender<Event>,
}

impl Inbox {
    /// Waits for an event; nothing when none came in time.
    fn wait(&self, patience: Duration) -> Option<Event> {
        match self.events.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // Can't be, as a sender is held here.
            Err(RecvTimeoutError::Disconnected) => Some(Event::Stop),
        }
    }

    /// Waits for the whole time unless Parlor wants no PostgreSQL any more; tells whether that is
    /// so.
    fn told_to_stop_within(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            match self.wait(end.saturating_duration_since(Instant::now())) {
                Some(Event::Stop) => return true,
                Some(Event::LogEnded) => {}
                None => return false,
            }
        }
    }
}

/// The thread's whole life.
fn supervise(
    options: &Options,
    inbox: &Inbox,
    started: oneshot::Sender<Result<String, PrivateError>>,
) {
    let prepared = prepare(options)
        .and_then(|(directory, launch)| Ok((first_start(&launch, inbox)?, directory, launch)));
    let (mut postmaster, directory, launch) = match prepared {
        Ok((Some(postmaster), directory, launch)) => (postmaster, directory, launch),
        // Whoever asked for it has gone away.
        Ok((None, ..)) => return,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let url = url_at(&launch.socket_folder);
    tracing::info!(
        cluster = %launch.cluster.display(),
        "The private PostgreSQL {} is ready.", launch.binaries.major
    );
    let _ = started.send(Ok(url));
    let mut pauses = Pauses::default();
    while watch(&mut postmaster, inbox) {
        if postmaster.age() > WELL_AFTER {
            pauses = Pauses::default();
        }
        match start_again(&launch, inbox, &mut pauses) {
            Some(next) => postmaster = next,
            None => break,
        }
    }
    postmaster.stop();
    directory.leave(&launch.socket_folder);
    tracing::info!("The private PostgreSQL has stopped.");
}

/// Takes the data directory, finds programs that suit it, and makes the cluster if there is none.
fn prepare(options: &Options) -> Result<(DataDirectory, Launch), PrivateError> {
    let directory = DataDirectory::open(&options.data_dir)?;
    let cluster = directory.cluster();
    let version = cluster::version(&cluster)?;
    // An empty folder of the cluster's name says nothing about whose the cluster should be.
    let owner = version.and_then(|_| directory.cluster_owner());
    let account = Account::choose(&cluster, owner)?;
    let binaries = Binaries::find(options.pg_bin.as_deref(), &account, &cluster, version)?;
    if version.is_none() {
        cluster::create(&directory, &binaries, &account, &options.settings)?;
    }
    let socket_folder = directory.socket_folder(&account)?;
    let launch = Launch {
        binaries,
        account,
        cluster,
        socket_folder,
        settings: options.settings.clone(),
    };
    Ok((directory, launch))
}

/// Starts the server for the first time; nothing when it was told to stop before it was ready.
fn first_start(launch: &Launch, inbox: &Inbox) -> Result<Option<Postmaster>, PrivateError> {
    let deadline = Instant::now() + REMAINS_PATIENCE;
    loop {
        match start(launch, inbox) {
            // Where processes can't be seen (see `leftovers`), the server itself tells of remains.
            Err(PrivateError::Ended { output, .. })
                if output.contains("shared memory block") && Instant::now() < deadline =>
            {
                if inbox.told_to_stop_within(FIRST_PAUSE) {
                    return Ok(None);
                }
            }
            outcome => return outcome,
        }
    }
}

/// Clears the way, spawns a server and waits until it takes connections.
fn start(launch: &Launch, inbox: &Inbox) -> Result<Option<Postmaster>, PrivateError> {
    leftovers::clear(launch)?;
    let sender = inbox.sender.clone();
    let mut postmaster = Postmaster::spawn(launch, move || drop(sender.send(Event::LogEnded)))?;
    while !postmaster.is_ready()? {
        if inbox.told_to_stop_within(READY_TICK) {
            postmaster.stop();
            return Ok(None);
        }
    }
    Ok(Some(postmaster))
}

/// Returns when the server has died (true) or shall be stopped (false).
fn watch(postmaster: &mut Postmaster, inbox: &Inbox) -> bool {
    loop {
        let event = inbox.wait(ALIVE_TICK);
        if matches!(event, Some(Event::Stop)) {
            return false;
        }
        if matches!(event, Some(Event::LogEnded)) {
            // A process closes its files a moment before it can be seen to have ended.
            wait_until(ALIVE_TICK, || postmaster.ended().is_some());
        }
        if let Some(status) = postmaster.ended() {
            tracing::warn!(
                pid = postmaster.pid(),
                "The private PostgreSQL ended with {}; starting it again.",
                describe(status)
            );
            return true;
        }
    }
}

/// Starts a server in place of one that died, however often it takes; nothing when told to stop.
fn start_again(launch: &Launch, inbox: &Inbox, pauses: &mut Pauses) -> Option<Postmaster> {
    loop {
        if inbox.told_to_stop_within(pauses.next()) {
            return None;
        }
        match start(launch, inbox) {
            Ok(started) => {
                if started.is_some() {
                    tracing::info!("The private PostgreSQL is ready again.");
                }
                return started;
            }
            Err(error) => {
                tracing::error!("The private PostgreSQL can't be started again for now. {error}");
            }
        }
    }
}

/// How long to wait before each of several starts in a row: not at all, then ever longer.
#[derive(Default)]
struct Pauses {
    next: Duration,
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_later_ones_wait_ever_longer_up_to_a_limit() {
        let mut pauses = Pauses::default();
        let waited: Vec<u128> = (0..10).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(
            waited,
            [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000]
        );
    }
}
