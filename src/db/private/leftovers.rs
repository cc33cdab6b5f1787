//! What an earlier run has left behind: servers that still run, and files that name servers that
//! don't.
//!
//! Called with the data directory's lock held, so no other Parlor is at work here. Two kinds of
//! file would keep a new server from starting for ever: `postmaster.pid` and the socket's `.lock`,
//! when the process they name is "alive". It may be another process that got the same number, or a
//! zombie that nobody reaps (a container whose first process does not). PostgreSQL can't tell; here
//! it can be told, since every PostgreSQL process has the cluster as its current folder, and a
//! zombie has none.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::PrivateError;
use super::directory::socket_in;
use super::postmaster::{Launch, PidFile, end_by_force, send, wait_until};

/// How long the children of a postmaster that was killed may take to notice and end by themselves.
/// Idle ones do at once.
const ORPHANS_PATIENCE: Duration = Duration::from_secs(2);

/// Ends what still runs on the cluster, and removes the files that would keep a new server from
/// starting.
pub(super) fn clear(launch: &Launch) -> Result<(), PrivateError> {
    let cluster = &launch.cluster;
    if let Some(file) = PidFile::read(cluster)
        && is_server_on(cluster, file.pid)
    {
        end_server(launch, file.pid)?;
    }
    end_orphans(cluster)?;
    let socket = socket_in(&launch.socket_folder);
    let lock = socket.with_added_extension("lock");
    for path in [PidFile::path(cluster), lock, socket] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PrivateError::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ends the server of a Parlor that was killed. On Linux it is shutting down already; elsewhere
/// nobody has told it.
fn end_server(launch: &Launch, pid: i32) -> Result<(), PrivateError> {
    let cluster = &launch.cluster;
    let socket_folder = launch.socket_folder.display();
    if !command_line(pid).contains(&format!("unix_socket_directories={socket_folder}")) {
        // It may have ended while it was looked at; then there is nobody to ask to stop.
        if !is_server_on(cluster, pid) {
            return Ok(());
        }
        // Somebody started it by hand, perhaps to repair something: theirs to stop.
        return Err(PrivateError::ForeignServer {
            cluster: cluster.clone(),
            pid,
        });
    }
    tracing::info!(pid, "Ending the PostgreSQL server of an earlier run.");
    if end_by_force(|signal| send(pid, signal), || !is_server_on(cluster, pid)) {
        return Ok(());
    }
    Err(PrivateError::Lingering {
        cluster: cluster.clone(),
        pids: vec![pid],
    })
}

/// Waits for the children of a postmaster that was killed: a new server refuses to start while one
/// of them still uses the old one's shared memory. One that is busy with a long query notices late
/// and is ended.
fn end_orphans(cluster: &Path) -> Result<(), PrivateError> {
    let none_left = || servers_on(cluster).is_empty();
    if wait_until(ORPHANS_PATIENCE, none_left) {
        return Ok(());
    }
    for signal in [Signal::SIGQUIT, Signal::SIGKILL] {
        for pid in servers_on(cluster) {
            send(pid, signal);
        }
        if wait_until(ORPHANS_PATIENCE, none_left) {
            return Ok(());
        }
    }
    Err(PrivateError::Lingering {
        cluster: cluster.to_owned(),
        pids: servers_on(cluster),
    })
}

/// Whether the process is a PostgreSQL server that works on the cluster.
#[cfg(target_os = "linux")]
fn is_server_on(cluster: &Path, pid: i32) -> bool {
    works_on(cluster, pid).unwrap_or_else(|| {
        // Root without the right to trace (a container's) can't look. A server by its name, with
        // the number that the cluster's own file gives, is believed to be the one. A zombie has no
        // command line.
        name_of(pid) == "postgres" && !command_line(pid).is_empty()
    })
}

/// Whether a PostgreSQL process has the cluster as its current folder; nothing when that may not be
/// seen.
#[cfg(target_os = "linux")]
fn works_on(cluster: &Path, pid: i32) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;

    if name_of(pid) != "postgres" {
        // A person's shell in there harms nothing.
        return Some(false);
    }
    match fs::metadata(format!("/proc/{pid}/cwd")) {
        Ok(folder) => {
            Some(fs::metadata(cluster).is_ok_and(|cluster| {
                (cluster.dev(), cluster.ino()) == (folder.dev(), folder.ino())
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(_) => Some(false),
    }
}

#[cfg(target_os = "linux")]
fn name_of(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

#[cfg(target_os = "linux")]
fn command_line(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).into_owned()
}

/// All PostgreSQL processes that work on the cluster, as far as this process may see.
#[cfg(target_os = "linux")]
fn servers_on(cluster: &Path) -> Vec<i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| works_on(cluster, pid) == Some(true))
        .collect()
}

/// Whether the process is a PostgreSQL server. Which folder it works on only Linux tells; the name
/// keeps a stranger that got the number from being taken for one.
#[cfg(not(target_os = "linux"))]
fn is_server_on(_cluster: &Path, pid: i32) -> bool {
    // A zombie's command is its name in brackets.
    let line = command_line(pid);
    let program = line.split_whitespace().next().unwrap_or_default();
    program.ends_with("postgres")
}

#[cfg(not(target_os = "linux"))]
fn command_line(pid: i32) -> String {
    std::process::Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

/// Nothing tells them. A new server that is refused because of them is started again a little
/// later.
#[cfg(not(target_os = "linux"))]
fn servers_on(_cluster: &Path) -> Vec<i32> {
    Vec::new()
}
