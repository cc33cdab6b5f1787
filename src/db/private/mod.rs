//! A PostgreSQL of Parlor's own, so that one command on a fresh machine is enough.
//!
//! Parlor finds PostgreSQL's programs (`binaries`), makes a cluster in its data directory
//! (`cluster`), and runs a server on it that nobody but this machine's Parlor can reach: a unix
//! socket in a folder of mode 0700, no network. What it promises:
//!
//! * **It is a real database.** The durable settings are on; a row that was committed is there
//!   after any crash of Parlor, of PostgreSQL, or of both at once.
//! * **It never outlives Parlor** (Linux). When Parlor is killed, the kernel tells PostgreSQL,
//!   which shuts down cleanly. Elsewhere the next start of Parlor ends the one left behind.
//! * **It comes back.** When PostgreSQL dies under a running Parlor, the `supervisor` starts it
//!   again.
//! * **One at a time.** A second Parlor on the same data directory is refused, and told by whom.
//! * **A half-made cluster is never taken for a whole one.** It gets its name when it is finished.
//!
//! A thread of its own does all of this with plain blocking calls; the async side only waits for
//! it. It asks nothing of the rest of Parlor.
//!
//! ```text
//! <data_dir>/postgres.lock   held while a Parlor runs here; names its process
//! <data_dir>/postgres/       the cluster
//! <data_dir>/run/            the socket's folder, where the path is short and plain enough
//! ```

mod account;
mod binaries;
mod cluster;
mod directory;
mod error;
mod leftovers;
mod log;
mod postmaster;
mod supervisor;

pub use error::PrivateError;

use std::path::{Path, PathBuf};

use postmaster::PidFile;
use supervisor::Supervisor;

/// The role Parlor signs in as. It made the cluster, so everything in it is its own.
const ROLE: &str = "parlor";

/// The database Parlor keeps its tables in.
const DATABASE: &str = "parlor";

/// Part of the socket's file name; nothing listens on a network port.
const PORT: u16 = 5432;

/// Where and how to run the private PostgreSQL.
#[derive(Clone, Debug)]
pub struct Options {
    /// Parlor's data directory (`PARLOR_DATA_DIR`). It is made when it is missing.
    pub data_dir: PathBuf,
    /// The folder that holds `postgres` and `initdb` (`PARLOR_PG_BIN`). They are looked for when
    /// this is `None`.
    pub pg_bin: Option<PathBuf>,
    /// PostgreSQL settings that overrule Parlor's own, as in `("fsync", "off")` for tests.
    pub settings: Vec<(String, String)>,
}

/// A running PostgreSQL that nobody else uses.
///
/// Dropping it shuts the server down as well, but does not wait: prefer [`stop`](Self::stop).
#[derive(Debug)]
pub struct PrivatePostgres {
    url: String,
    supervisor: Supervisor,
}

impl PrivatePostgres {
    /// Starts PostgreSQL on the data directory, making the cluster first if there is none.
    ///
    /// Returns when the server takes connections. That is a fraction of a second, save after a
    /// crash, when PostgreSQL replays its log first.
    ///
    /// # Errors
    ///
    /// A [`PrivateError`], whose message tells what to mend.
    pub async fn start(options: Options) -> Result<Self, PrivateError> {
        let (supervisor, started) = Supervisor::spawn(options)?;
        let url = started.await.map_err(|_| PrivateError::SupervisorDied)??;
        Ok(Self { url, supervisor })
    }

    /// Where to connect: `postgresql://parlor@/parlor?host=<socket folder>&port=5432`.
    ///
    /// It stays the same when PostgreSQL is started again under a running Parlor.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where to connect to the server that another Parlor runs on this data directory; nothing when none
    /// takes connections, or when this user may not know.
    pub fn running_on(data_dir: &Path) -> Option<String> {
        let cluster = data_dir.canonicalize().ok()?.join("postgres");
        let file = PidFile::read(&cluster).filter(|file| file.ready)?;
        Some(url_at(&file.socket_folder))
    }

    /// Shuts PostgreSQL down cleanly and lets go of the data directory.
    ///
    /// Open connections are ended, open transactions rolled back. Returns when the server has
    /// ended, which takes milliseconds when there is little to write. One that does not end is
    /// killed in the end, which loses nothing but time at the next start.
    pub async fn stop(self) {
        self.supervisor.stop().await;
    }
}

fn url_at(socket_folder: &Path) -> String {
    format!(
        "postgresql://{ROLE}@/{DATABASE}?host={}&port={PORT}",
        socket_folder.display()
    )
}
