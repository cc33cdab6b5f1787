//! A place to run the program in, and the program running there.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parlor::db::private::PrivatePostgres;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::helpers::{Person, TestDatabase};
use crate::private_postgres::support::{Home, is_alive};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The secret where one must be given.
pub const SECRET: &str = "a secret that the tests of the program share";

/// A working directory, and the settings to run with.
pub struct Place {
    pub home: Home,
    variables: Vec<(String, String)>,
}

/// A command that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// A running server. It is killed when the test is over, however it ends.
pub struct Parlor {
    child: Child,
    pub url: String,
    /// What it said when it was ready.
    pub greeting: String,
    log: Arc<Mutex<String>>,
}

impl Place {
    /// Nothing set, except that the server takes any free port.
    pub fn new() -> Self {
        let place = Self {
            home: Home::new(),
            variables: Vec::new(),
        };
        place.with("PARLOR_LISTEN", "127.0.0.1:0")
    }

    /// The same, with a database that is not Parlor's own.
    pub fn on(database: &TestDatabase) -> Self {
        Self::new()
            .with("DATABASE_URL", database.url())
            .with("PARLOR_SECRET", SECRET)
    }

    /// The same with this variable set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this variable not set.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Puts a file into the working directory.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.folder().join(name), text).unwrap();
    }

    /// The private PostgreSQL's address, for tests that reach behind the API.
    pub fn database_url(&self) -> String {
        PrivatePostgres::running_on(&self.home.data_dir()).unwrap()
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_saying(arguments, "").await
    }

    /// Runs a command to its end, in another folder.
    pub async fn run_in(&self, folder: &Path, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        finish(command.current_dir(folder).spawn().unwrap()).await
    }

    /// Runs a command to its end, with this on its standard input.
    pub async fn run_saying(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not ask may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        finish(child).await
    }

    /// Starts a server and waits until it says that it is ready.
    pub async fn serve(&self) -> Parlor {
        self.start(&["serve"], "try it").await
    }

    /// The same, leaving replies to workers.
    pub async fn serve_without_chatbots(&self) -> Parlor {
        self.start(&["serve", "--no-chatbots"], "try it").await
    }

    /// Starts a worker and waits until it says that it is ready.
    pub async fn work(&self) -> Parlor {
        self.start(&["worker"], "writes replies").await
    }

    async fn start(&self, arguments: &[&str], sign: &str) -> Parlor {
        let mut child = self.command(arguments).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let lines = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                *lines.lock().unwrap() += &format!("{line}\n");
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        let greeted = async {
            while !greeting.contains(sign) {
                if stdout.read_line(&mut greeting).await.unwrap() == 0 {
                    return false;
                }
            }
            true
        };
        let is_ready = timeout(DEADLINE, greeted)
            .await
            .expect("it is ready in time");
        assert!(is_ready, "it ended: {}", log.lock().unwrap());
        let url = greeting
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        Parlor {
            url: url.unwrap_or_default().to_owned(),
            child,
            greeting,
            log,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command
            .args(arguments)
            .current_dir(self.home.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(postgres_programs().map(|folder| ("PARLOR_PG_BIN", folder)))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Drop for Place {
    /// A server that was killed leaves a PostgreSQL that is still shutting down, in a folder that is about
    /// to go.
    fn drop(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while self.home.pid_file().exists()
            && is_alive(self.home.postmaster())
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Parlor {
    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().unwrap().cast_signed()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Somebody who has just registered.
    pub async fn person(&self, username: &str) -> Person {
        Person::register_at(&self.url, username).await
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}/health/ready", self.url)).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// What it says of its readiness.
    pub async fn readiness(&self) -> Value {
        let answer = reqwest::get(format!("{}/health/ready", self.url)).await;
        serde_json::from_slice(&answer.unwrap().bytes().await.unwrap()).unwrap()
    }

    /// Waits until it says this of its readiness.
    pub async fn until_status(&self, status: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.readiness().await["status"] != status {
            assert!(Instant::now() < deadline, "not {status} in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until its log says this.
    pub async fn until_log(&self, words: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "not logged in time: {words}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Sends a signal and waits for the end.
    pub async fn stop(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
        self.ended().await
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(DEADLINE, self.child.wait()).await;
        ended.expect("it ends in time").unwrap()
    }
}

impl Drop for Parlor {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the server's log:\n{}", self.log());
        }
        let _ = self.child.start_kill();
        while matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn finish(child: Child) -> Ended {
    let ended = timeout(DEADLINE, child.wait_with_output()).await;
    let output = ended.expect("it ends in time").unwrap();
    Ended {
        status: output.status,
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Where PostgreSQL's programs are, if they are not where the program looks by itself.
fn postgres_programs() -> Option<PathBuf> {
    let own = || {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".local/postgres/bin");
        folder.join("postgres").is_file().then_some(folder)
    };
    std::env::var_os("PARLOR_PG_BIN")
        .map(PathBuf::from)
        .or_else(own)
}
