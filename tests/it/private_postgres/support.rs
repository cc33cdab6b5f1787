//! Data directories, queries and processes for the tests of the private PostgreSQL.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use parlor::db::private::{Options, PrivateError, PrivatePostgres};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A data directory in a temporary folder.
pub struct Home {
    folder: tempfile::TempDir,
    /// Where in the folder the data directory lies.
    inside: &'static str,
}

impl Home {
    /// A folder that the account PostgreSQL runs as can pass through.
    pub fn new() -> Self {
        Self::with_data_in("data")
    }

    /// The same, with the data directory at a path of the test's choice.
    pub fn with_data_in(inside: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        Self { folder, inside }
    }

    /// The temporary folder around the data directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join(self.inside)
    }

    pub fn cluster(&self) -> PathBuf {
        self.data_dir().join("postgres")
    }

    pub fn options(&self) -> Options {
        Options {
            data_dir: self.data_dir(),
            pg_bin: None,
            settings: Vec::new(),
        }
    }

    /// Starts with the durable settings, as Parlor does.
    pub async fn start(&self) -> PrivatePostgres {
        PrivatePostgres::start(self.options()).await.unwrap()
    }

    /// Starts once nobody else holds the directory. Each try waits a while for that by itself.
    pub async fn start_when_free(&self) -> PrivatePostgres {
        for _ in 0..10 {
            match PrivatePostgres::start(self.options()).await {
                Err(PrivateError::InUse { .. }) => {}
                started => return started.unwrap(),
            }
        }
        panic!("the directory is held for ever");
    }

    /// Starts and expects to be refused.
    pub async fn refused(&self) -> PrivateError {
        PrivatePostgres::start(self.options()).await.unwrap_err()
    }

    /// The postmaster's process, from its own file.
    pub fn postmaster(&self) -> i32 {
        let text = fs::read_to_string(self.pid_file()).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }

    pub fn pid_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// A command that runs as whoever owns the cluster.
    pub fn command_as_owner(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        if geteuid().is_root() {
            let owner = fs::metadata(self.cluster()).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        command
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    answer: String,
}

/// Connects and asks for one column named `answer`.
pub async fn try_ask(url: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    let rows: Vec<Answer> = diesel::sql_query(sql).load(&mut connection).await?;
    Ok(rows.into_iter().map(|row| row.answer).collect())
}

/// Asks for one text.
pub async fn ask(url: &str, expression: &str) -> String {
    let sql = format!("select ({expression})::text as answer");
    try_ask(url, &sql).await.unwrap().remove(0)
}

/// Commits a row.
pub async fn note(url: &str, text: &str) {
    let mut connection = AsyncPgConnection::establish(url).await.unwrap();
    for sql in [
        "create table if not exists notes (text text not null)".to_owned(),
        format!("insert into notes values ('{text}')"),
    ] {
        diesel::sql_query(sql)
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

/// All rows that were ever committed, as soon as the server answers.
pub async fn notes(url: &str) -> Vec<String> {
    let sql = "select text as answer from notes order by text";
    let end = Instant::now() + DEADLINE;
    loop {
        match try_ask(url, sql).await {
            Ok(notes) => return notes,
            Err(error) if Instant::now() > end => panic!("no answer in time: {error:#}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Waits until the condition holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process is there and is no zombie.
pub fn is_alive(pid: i32) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// Ends a process of the test's own, at once and without asking it.
pub fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// A child that is killed and reaped when the test is over, however it ends.
pub struct Reaped(pub Child);

impl Reaped {
    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Names the data directory for a process that holds a server on it.
pub const HOLD: &str = "PARLOR_TEST_HOLD_DATA_DIR";

/// Starts a process of its own that holds a server on `home`, for a test to kill; returns it and
/// the URL.
///
/// It is this test program again, running one hidden test. It stops by itself when its standard
/// input closes, which it does when the test that started it dies.
pub fn process_holding(home: &Home) -> (Reaped, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "private_postgres::held::hold_a_server"])
        .args(["--ignored", "--nocapture"])
        .env(HOLD, home.data_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let child = Reaped(child);
    // The test harness writes the test's name at the beginning of the same line.
    let url = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("serving ")?.1.to_owned()))
        .expect("the process should hold a server");
    (child, url)
}
