//! The data directory: who holds it, and where things lie in it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf, absolute};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, geteuid};

use super::account::Account;
use super::{PORT, PrivateError};

/// How long a held lock is asked for again.
///
/// The lock of a server that was killed a moment ago is held until the kernel has cleaned up after
/// it, and one that is being restarted lets go when it has stopped.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// What fits a socket's address everywhere: 104 bytes on macOS, 108 on Linux, with the closing
/// zero.
const SOCKET_PATH_LIMIT: usize = 103;

/// Parlor's data directory, held by this process for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDirectory {
    root: PathBuf,
    /// Closing the file lets go of the lock; so does the end of the process, however it comes.
    _lock: File,
}

impl DataDirectory {
    /// Makes the data directory if need be, and takes it for this process alone.
    pub(super) fn open(data_dir: &Path) -> Result<Self, PrivateError> {
        make(data_dir)?;
        let root = data_dir
            .canonicalize()
            .map_err(PrivateError::io("open", data_dir))?;
        let lock = take_lock(&root)?;
        Ok(Self { root, _lock: lock })
    }

    /// The folder itself, as an absolute path without symbolic links.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the cluster lies or will lie.
    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Whose the cluster is; nothing when there is none.
    pub(super) fn cluster_owner(&self) -> Option<Uid> {
        let found = fs::metadata(self.cluster()).ok()?;
        Some(Uid::from_raw(found.uid()))
    }

    /// Makes the folder for the socket, which only `account` can enter: that is all that guards the
    /// server.
    ///
    /// It lies in the data directory, unless its path is too long for a socket's address or holds
    /// characters that a connection URL or PostgreSQL's list of socket folders would have to quote.
    /// Then it lies in /tmp: short, there on every Unix, and unlike `$TMPDIR` open to every
    /// account.
    pub(super) fn socket_folder(&self, account: &Account) -> Result<PathBuf, PrivateError> {
        let inside = self.root.join("run");
        if is_plain(&inside) && socket_in(&inside).as_os_str().len() <= SOCKET_PATH_LIMIT {
            match DirBuilder::new().mode(0o700).create(&inside) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(account.explain(error, "create", &inside));
                }
                _ => {}
            }
            account
                .give(&inside)
                .and_then(|()| fs::set_permissions(&inside, Permissions::from_mode(0o700)))
                .map_err(PrivateError::io("protect", &inside))?;
            return Ok(inside);
        }
        let found = fs::metadata(&self.root).map_err(PrivateError::io("look at", &self.root))?;
        // The same name at each start, so that a killed server leaves nothing behind for good.
        let outside = PathBuf::from(format!("/tmp/parlor-{:x}-{:x}", found.dev(), found.ino()));
        match DirBuilder::new().mode(0o700).create(&outside) {
            Ok(()) => account
                .give(&outside)
                .map_err(PrivateError::io("protect", &outside))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Anybody may make a folder of this name in /tmp. One that is not a folder of the
                // account's own could let its maker read what goes through the socket.
                let found = fs::symlink_metadata(&outside)
                    .map_err(PrivateError::io("look at", &outside))?;
                let private = found.is_dir() && found.mode() & 0o077 == 0;
                if !private || found.uid() != account.uid() {
                    return Err(PrivateError::SocketFolder { folder: outside });
                }
            }
            Err(error) => return Err(PrivateError::io("create", &outside)(error)),
        }
        Ok(outside)
    }

    /// Removes the socket's folder if it lies outside the data directory. PostgreSQL must have
    /// stopped.
    pub(super) fn leave(&self, socket_folder: &Path) {
        if !socket_folder.starts_with(&self.root) {
            // At worst an empty folder stays in /tmp, and the next start takes it.
            let _ = fs::remove_dir(socket_folder);
        }
    }
}

/// The socket PostgreSQL makes in its folder.
pub(super) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

fn is_plain(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    path.as_os_str().as_bytes().iter().all(plain)
}

/// Makes the data directory with a mode that suits it; one that is there is left as it is.
fn make(data_dir: &Path) -> Result<(), PrivateError> {
    if data_dir.is_dir() {
        return Ok(());
    }
    let path = absolute(data_dir).map_err(PrivateError::io("resolve", data_dir))?;
    fs::create_dir_all(&path).map_err(PrivateError::io("create", &path))?;
    // In place of root, PostgreSQL must pass through on the way to its cluster, whatever the umask
    // says. What is secret in there protects itself.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    fs::set_permissions(&path, Permissions::from_mode(mode))
        .map_err(PrivateError::io("protect", &path))
}

/// Takes the lock, or says who holds it.
fn take_lock(root: &Path) -> Result<File, PrivateError> {
    let path = root.join("postgres.lock");
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(PrivateError::io("open", &path))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut waited = false;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                if !waited {
                    tracing::info!("Waiting for another Parlor to let go of the data directory.");
                    waited = true;
                }
                thread::sleep(Duration::from_millis(20));
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                return Err(PrivateError::InUse {
                    data_dir: root.to_owned(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err(fs::TryLockError::Error(error)) => {
                return Err(PrivateError::io("lock", &path)(error));
            }
        }
    }
    // For the message of the one who comes second; nothing depends on it.
    let _ = lock
        .set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}
