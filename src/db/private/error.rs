//! Why the private PostgreSQL can't run, each with what to mend.

use std::io;
use std::path::PathBuf;

/// A fault that keeps the private PostgreSQL from running.
///
/// `Display` is for the person who starts Parlor: what is wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// There are no PostgreSQL programs in any of the usual places.
    #[error(
        "No PostgreSQL was found. Run scripts/get-postgres to get one, or set PARLOR_PG_BIN to the folder \
         that holds `postgres` and `initdb`, or set DATABASE_URL to a database of yours. \
         Looked in: {looked_in}{unfit}."
    )]
    NoBinaries {
        /// The places, as a list to read.
        looked_in: String,
        /// The programs that were found and why each does not do, as a clause to read; often empty.
        unfit: String,
    },
    /// The folder named by `PARLOR_PG_BIN` does not do.
    #[error(
        "PARLOR_PG_BIN is {}, but {why}. Name the folder that holds `postgres` and `initdb`, \
         such as /usr/lib/postgresql/17/bin.", folder.display()
    )]
    UnfitBinaries {
        /// The folder as it was given.
        folder: PathBuf,
        /// What is wrong with it, as a clause to read.
        why: String,
    },
    /// The cluster was made by a major version whose programs are not here.
    #[error(
        "The database in {} was made by PostgreSQL {wanted}, and no PostgreSQL {wanted} was found ({found}). \
         Install PostgreSQL {wanted} (or set PARLOR_PG_BIN to it), or set PARLOR_DATA_DIR to another folder to \
         begin with an empty database.", cluster.display()
    )]
    WrongVersion {
        /// The cluster's folder.
        cluster: PathBuf,
        /// Its major version.
        wanted: u32,
        /// What there is instead, as a clause to read.
        found: String,
    },
    /// Another Parlor runs on this data directory.
    #[error(
        "Another Parlor is using {}{}. Stop it first, or set PARLOR_DATA_DIR to another folder for \
         this one.",
        data_dir.display(), holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// The process that holds it, where it said so.
        holder: Option<i32>,
    },
    /// A PostgreSQL server that Parlor did not start runs on the cluster.
    #[error(
        "A PostgreSQL server that Parlor did not start (process {pid}) is running on {}. Stop it first.",
        cluster.display()
    )]
    ForeignServer {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The server's process.
        pid: i32,
    },
    /// Servers of an earlier run are still there and can't be ended.
    #[error(
        "PostgreSQL processes of an earlier run are still using {} and do not end: {pids:?}. Stop them first.",
        cluster.display()
    )]
    Lingering {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The processes.
        pids: Vec<i32>,
    },
    /// A folder on the way to what PostgreSQL needs is shut to it.
    #[error(
        "PostgreSQL runs as the user `{account}`, who can't enter {}, which is on the way to {}. \
         Open it with `chmod o+x {}`, or put things where that user can reach them: PARLOR_DATA_DIR names the \
         data directory (/var/lib/parlor is a good one), PARLOR_PG_BIN the folder of PostgreSQL's programs.",
        folder.display(), target.display(), folder.display()
    )]
    CannotEnter {
        /// The user PostgreSQL runs as.
        account: String,
        /// The first folder that is shut.
        folder: PathBuf,
        /// What lies behind it.
        target: PathBuf,
    },
    /// The cluster belongs to somebody else.
    #[error(
        "The database in {} belongs to the user `{owner}`, but PostgreSQL would run as `{account}`. \
         Run Parlor as `{owner}`, or hand the database over with `chown -R {account} {}`.",
        cluster.display(), cluster.display()
    )]
    NotOurs {
        /// The cluster's folder.
        cluster: PathBuf,
        /// Whose it is.
        owner: String,
        /// Who PostgreSQL would run as.
        account: String,
    },
    /// The cluster's folder is there but is no cluster.
    #[error(
        "{} is there but is no PostgreSQL database: it has no readable PG_VERSION. Move it away, or set \
         PARLOR_DATA_DIR to another folder.", cluster.display()
    )]
    NotACluster {
        /// The cluster's folder.
        cluster: PathBuf,
    },
    /// PostgreSQL refuses to run as root, and there is no other account to run it as.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor \
         `nobody`. Run Parlor as an ordinary user, or add one with `useradd --system postgres`."
    )]
    NoAccount,
    /// The folder for the socket in the machine's temporary folder belongs to somebody else.
    #[error(
        "The socket's folder {} belongs to somebody else or is open to others. Remove it, or set \
         PARLOR_DATA_DIR to a folder with a short, plain path, so that the socket can lie inside it.", folder.display()
    )]
    SocketFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Making the cluster failed.
    #[error("Making the database in {} failed. {program} said: {output}", data_dir.display())]
    Initialise {
        /// The data directory.
        data_dir: PathBuf,
        /// Which of PostgreSQL's programs failed.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// PostgreSQL ended before it took connections.
    #[error(
        "PostgreSQL did not start on {}. It ended with {status} and said: {output}",
        cluster.display()
    )]
    Ended {
        /// The cluster's folder.
        cluster: PathBuf,
        /// How it ended.
        status: String,
        /// The end of its log.
        output: String,
    },
    /// PostgreSQL takes too long to be ready.
    #[error(
        "PostgreSQL on {} took no connections within {seconds} seconds, so it was stopped. It said: {output}",
        cluster.display()
    )]
    TooSlow {
        /// The cluster's folder.
        cluster: PathBuf,
        /// How long it had.
        seconds: u64,
        /// The end of its log.
        output: String,
    },
    /// A file or folder could not be used.
    #[error(
        "Could not {action} {}: {source}. Check that the disk has room and that the user who runs \
         Parlor may write there.", path.display()
    )]
    Io {
        /// What was tried, as in "create".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that looks after PostgreSQL could not be started or panicked.
    #[error(
        "The thread that looks after PostgreSQL died. The log before this line says why; please report it."
    )]
    SupervisorDied,
}

impl PrivateError {
    /// For `map_err`: names what was tried, and on what.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
