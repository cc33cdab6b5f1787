//! Who PostgreSQL runs as, and the commands that run as them.
//!
//! PostgreSQL refuses to be root. When Parlor is root (a container, a fresh machine), it hands
//! PostgreSQL to an ordinary account; otherwise PostgreSQL is the user that Parlor is.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, Gid, Uid, User, access, getegid, geteuid};

use super::PrivateError;

/// The operating-system account that PostgreSQL's processes and files belong to.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    /// Whether Parlor is somebody else (root), and each command changes to this account.
    switch: bool,
}

impl Account {
    /// Chooses the account: the one that `owner` of the cluster names, or for a new cluster
    /// Parlor's own, or `postgres` or else `nobody` in place of root.
    pub(super) fn choose(cluster: &Path, owner: Option<Uid>) -> Result<Self, PrivateError> {
        let current = geteuid();
        if !current.is_root() {
            let account = Self {
                name: name_of(current),
                uid: current,
                gid: getegid(),
                switch: false,
            };
            return match owner {
                Some(owner) if owner != current => Err(account.not_ours(cluster, owner)),
                _ => Ok(account),
            };
        }
        let account = ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(Self::in_place_of_root);
        match owner {
            // Copied there by root, from a backup perhaps.
            Some(owner) if owner.is_root() => Err(account
                .map_or(PrivateError::NoAccount, |account| {
                    account.not_ours(cluster, owner)
                })),
            // Somebody made the cluster without being root: it stays theirs, so that they can run
            // it again.
            Some(owner) => Ok(match User::from_uid(owner).ok().flatten() {
                Some(user) => Self::in_place_of_root(user),
                None => Self {
                    name: owner.to_string(),
                    uid: owner,
                    gid: Gid::from_raw(owner.as_raw()),
                    switch: true,
                },
            }),
            None => account.ok_or(PrivateError::NoAccount),
        }
    }

    fn in_place_of_root(user: User) -> Self {
        Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            switch: true,
        }
    }

    fn not_ours(&self, cluster: &Path, owner: Uid) -> PrivateError {
        PrivateError::NotOurs {
            cluster: cluster.to_owned(),
            owner: name_of(owner),
            account: self.name.clone(),
        }
    }

    /// The account's name, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The account's number, as files carry it.
    pub(super) fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    /// A command that runs as this account, in `folder`, and ends when Parlor does.
    ///
    /// It stands in a process group of its own, so that Ctrl-C in a terminal reaches Parlor alone,
    /// which then stops PostgreSQL in its own time. It inherits no environment: Parlor's holds
    /// secrets, PostgreSQL's processes may belong to another account, and a stray `PGDATA` or
    /// `LC_ALL` would change what they do.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .process_group(0);
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.switch {
            // The supplementary groups of root go with it: std clears them.
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        end_with_parent(&mut command);
        command
    }

    /// Makes `path` the account's own.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        if !self.switch {
            return Ok(());
        }
        chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Says which folder on the way to `target` is shut to the account, when `error` is about
    /// permissions.
    ///
    /// Asked after something failed, never before: mode bits do not tell all (there are access
    /// lists), so they may explain a refusal but must not make one.
    pub(super) fn explain(
        &self,
        error: io::Error,
        action: &'static str,
        target: &Path,
    ) -> PrivateError {
        if error.kind() == io::ErrorKind::PermissionDenied
            && let Some(folder) = self.shut_folder(target)
        {
            return PrivateError::CannotEnter {
                account: self.name.clone(),
                folder,
                target: target.to_owned(),
            };
        }
        PrivateError::io(action, target)(error)
    }

    /// The first folder on the way to `target` that the account can't enter.
    pub(super) fn shut_folder(&self, target: &Path) -> Option<PathBuf> {
        let target = target.canonicalize().unwrap_or_else(|_| target.to_owned());
        let mut way: Vec<&Path> = target.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|folder| {
                folder
                    .metadata()
                    .is_ok_and(|found| found.is_dir() && !self.may_enter(folder, &found))
            })
            .map(Path::to_owned)
    }

    fn may_enter(&self, folder: &Path, found: &Metadata) -> bool {
        if !self.switch {
            return access(folder, AccessFlags::X_OK).is_ok();
        }
        let mode = found.permissions().mode();
        let bit = if found.uid() == self.uid.as_raw() {
            0o100
        } else if found.gid() == self.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}

/// Has the kernel ask the command to stop (SIGINT: PostgreSQL's fast, clean shutdown) when the
/// thread that spawned it dies.
///
/// The thread, not the process: only a thread that lives as long as the command may spawn it.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "`pre_exec` is unsafe: between fork and exec only async-signal-safe calls are allowed. The \
              closure makes two system calls and does not allocate."
)]
fn end_with_parent(command: &mut Command) {
    use nix::sys::prctl::set_pdeathsig;
    use nix::sys::signal::Signal;
    use nix::unistd::{getpid, getppid};

    let parent = getpid();
    // SAFETY: prctl and getppid are plain system calls, and the closure captures a number.
    unsafe {
        // std runs this after the change of account, which would take the setting away again.
        command.pre_exec(move || {
            set_pdeathsig(Signal::SIGINT)?;
            // The parent may have died before the setting was made.
            if getppid() != parent {
                return Err(io::Error::from(nix::errno::Errno::ECANCELED));
            }
            Ok(())
        });
    }
}

/// No other system can tell a child that its parent died: the next start ends what is left.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}
