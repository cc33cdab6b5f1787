//! A PostgreSQL with the durable settings, run by Parlor's own launcher, which can be killed and restarted.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parlor::db::private::{Options, PrivatePostgres};

/// A cluster in a folder of its own, and the server on it.
pub struct Postgres {
    folder: tempfile::TempDir,
    server: Option<PrivatePostgres>,
    url: String,
}

impl Postgres {
    /// Starts one with fsync on: what it has acknowledged must survive a `kill -9`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // It may run as another user, who must be able to enter.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("a folder of ours");
        let mut postgres = Self {
            folder,
            server: None,
            url: String::new(),
        };
        postgres.resume().await;
        postgres
    }

    /// Where to connect. It stays the same.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills its first process; the rest of it follows, and the launcher starts it again.
    pub fn kill(&self) {
        let pid = self.postmaster().expect("a running server");
        // It may be dying already.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }

    /// Shuts it down as an operator does (a fast shutdown), and starts it again.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.resume().await;
    }

    async fn resume(&mut self) {
        let options = Options {
            data_dir: self.folder.path().join("data"),
            pg_bin: postgres_programs(),
            settings: Vec::new(),
        };
        let server = PrivatePostgres::start(options).await;
        let server = server.expect("PostgreSQL's programs are here (scripts/get-postgres)");
        server.url().clone_into(&mut self.url);
        self.server = Some(server);
    }

    fn postmaster(&self) -> Option<i32> {
        let file = self.folder.path().join("data/postgres/postmaster.pid");
        let text = fs::read_to_string(file).ok()?;
        text.lines().next()?.trim().parse().ok()
    }
}

/// Where PostgreSQL's programs are, if they are not where the launcher looks by itself.
pub fn postgres_programs() -> Option<PathBuf> {
    let own = || {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".local/postgres/bin");
        folder.join("postgres").is_file().then_some(folder)
    };
    std::env::var_os("PARLOR_PG_BIN")
        .map(PathBuf::from)
        .or_else(own)
}
