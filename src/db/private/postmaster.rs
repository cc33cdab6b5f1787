//! One run of the PostgreSQL server: its first process, the postmaster, from spawn to end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::Account;
use super::binaries::Binaries;
use super::log::ServerLog;
use super::{PORT, PrivateError};

/// How long a server may take until it takes connections. After a crash it replays its log first,
/// of which the default settings let about a gigabyte pile up.
const START_DEADLINE: Duration = Duration::from_secs(300);

/// All that it takes to run the server, again and again.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) binaries: Binaries,
    pub(super) account: Account,
    pub(super) cluster: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) settings: Vec<(String, String)>,
}

impl Launch {
    /// Parlor's settings, then the caller's: of two for one name PostgreSQL takes the later. They
    /// stand on the command line, where no edit of `postgresql.conf` undoes them.
    fn settings(&self) -> impl Iterator<Item = String> {
        let port = PORT.to_string();
        let socket_folder = self.socket_folder.display().to_string();
        let own = [
            // Reached through the socket's folder, and not at all from the network.
            ("listen_addresses", ""),
            ("unix_socket_directories", &socket_folder),
            ("unix_socket_permissions", "0700"),
            ("port", &port),
            // What is acknowledged is on the disk.
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
            // Room for the pools of a server and a few workers beside it, and for a person with
            // psql. An unused place costs some kilobytes.
            ("max_connections", "200"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            // The log is Parlor's, which holds no content: no statements, no rows in details.
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
            ("log_line_prefix", ""),
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "panic"),
            ("log_statement", "none"),
        ];
        own.map(|(name, value)| format!("{name}={value}"))
            .into_iter()
            .chain(
                self.settings
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
    }
}

/// A running postmaster. It is this process's child and is only ever signalled before it is reaped,
/// so no signal reaches a stranger that got its number.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    log: ServerLog,
    cluster: PathBuf,
    spawned: Instant,
}

impl Postmaster {
    /// Spawns the server. Call it from a thread that outlives the server: it is stopped when that
    /// thread ends.
    pub(super) fn spawn(
        launch: &Launch,
        at_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, PrivateError> {
        let mut command = launch
            .account
            .command(&launch.binaries.postgres(), &launch.cluster);
        command.arg("-D").arg(&launch.cluster);
        for setting in launch.settings() {
            command.arg("-c").arg(setting);
        }
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                launch
                    .account
                    .explain(error, "run PostgreSQL on", &launch.cluster)
            })?;
        let log = child
            .stderr
            .take()
            .ok_or(PrivateError::SupervisorDied)
            .and_then(|stderr| {
                ServerLog::follow(stderr, at_end)
                    .map_err(PrivateError::io("read the log of", &launch.cluster))
            });
        match log {
            Ok(log) => Ok(Self {
                child,
                log,
                cluster: launch.cluster.clone(),
                spawned: Instant::now(),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Whether the server takes connections by now; an error when it never will.
    pub(super) fn is_ready(&mut self) -> Result<bool, PrivateError> {
        let status = PidFile::read(&self.cluster);
        if status.is_some_and(|file| file.pid == self.pid() && file.ready) {
            return Ok(true);
        }
        if let Some(status) = self.ended() {
            return Err(PrivateError::Ended {
                cluster: self.cluster.clone(),
                status: describe(status),
                output: self.log.last_words(),
            });
        }
        if self.age() > START_DEADLINE {
            self.stop();
            return Err(PrivateError::TooSlow {
                cluster: self.cluster.clone(),
                seconds: START_DEADLINE.as_secs(),
                output: self.log.last_words(),
            });
        }
        Ok(false)
    }

    /// How the server ended, once it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        // An error means that there is no such child to wait for any more.
        self.child
            .try_wait()
            .unwrap_or_else(|_| Some(ExitStatus::from_raw(0)))
    }

    /// The postmaster's process number.
    pub(super) fn pid(&self) -> i32 {
        // A process number fits: the system's type for it is i32.
        self.child.id().cast_signed()
    }

    /// How long ago it was spawned.
    pub(super) fn age(&self) -> Duration {
        self.spawned.elapsed()
    }

    /// Ends the server, and returns when it has ended.
    pub(super) fn stop(&mut self) {
        let pid = self.pid();
        if self.ended().is_none() {
            // Not reaped yet, so the number is still the child's own, even if it has just died.
            end_by_force(|signal| send(pid, signal), || self.ended().is_some());
        }
    }
}

/// What the postmaster writes about itself into `postmaster.pid`, one fact on each line.
#[derive(Debug)]
pub(super) struct PidFile {
    /// Line 1.
    pub(super) pid: i32,
    /// Line 5: the folder of its socket.
    pub(super) socket_folder: PathBuf,
    /// Line 8 says "ready": it takes connections. No client is needed to know.
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads the file; nothing when there is none or it has not been written yet.
    pub(super) fn read(cluster: &Path) -> Option<Self> {
        let text = fs::read_to_string(Self::path(cluster)).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            socket_folder: PathBuf::from(lines.get(4)?),
            ready: lines.get(7) == Some(&"ready"),
        })
    }

    /// Where the file lies in a cluster.
    pub(super) fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }
}

/// How a process ended, for a message.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Sends a signal to a process, which may have ended in between: that is what is wanted.
pub(super) fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Asks a server to end: politely, then firmly, then without asking. Tells whether it has.
pub(super) fn end_by_force(mut signal: impl FnMut(Signal), mut gone: impl FnMut() -> bool) -> bool {
    let steps = [
        // Fast shutdown: ends all connections and writes everything out, so that the next start is
        // quick.
        (Signal::SIGINT, Duration::from_secs(30)),
        // Immediate shutdown: the next start replays the log.
        (Signal::SIGQUIT, Duration::from_secs(5)),
        (Signal::SIGKILL, Duration::from_secs(5)),
    ];
    steps.into_iter().any(|(step, patience)| {
        signal(step);
        wait_until(patience, &mut gone)
    })
}

/// Waits until `condition` holds, looking every few milliseconds; tells whether it did in time.
pub(super) fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
