//! The built program, as a server or a worker, that can be killed, stopped, frozen and started again.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::time::sleep;

use super::free_port::free_port;

/// Longer than a start or an orderly end takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a process is started with.
#[derive(Clone)]
pub struct Setup {
    /// `serve` or `worker`, and its options.
    pub arguments: Vec<String>,
    /// Its environment: nothing of this machine's but `PATH`.
    pub variables: Vec<(String, String)>,
    /// The folder it runs in and logs to.
    pub folder: PathBuf,
    /// Whether each start has a name of its own among PostgreSQL's clients (`application_name`).
    pub names_itself_to_postgres: bool,
}

impl Setup {
    /// Sets a variable anew.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }
}

/// A running program.
pub struct Parlor {
    name: String,
    launches: usize,
    setup: Setup,
    address: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

impl Parlor {
    /// Starts one; a server is not ready yet.
    pub fn start(name: &str, setup: Setup) -> Self {
        let mut parlor = Self {
            name: name.to_owned(),
            launches: 0,
            address: free_port(),
            log: setup.folder.join(format!("{name}.log")),
            setup,
            child: None,
        };
        parlor.launch();
        parlor
    }

    /// A server's address: `http://127.0.0.1:port`. It stays the same.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where a server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        let child = self.child.as_ref().expect("it runs");
        Pid::from_raw(child.id().cast_signed())
    }

    /// Starts it, where it was before.
    pub fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.expect("a file for its log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command
            .args(&self.setup.arguments)
            .current_dir(&self.setup.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PARLOR_LISTEN", self.address.to_string())
            .envs(self.setup.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of a file"))
            .stderr(log);
        self.launches += 1;
        if self.setup.names_itself_to_postgres {
            let url = self
                .setup
                .variables
                .iter()
                .find(|(name, _)| name == "DATABASE_URL");
            let (_, url) = url.expect("it has a database");
            let name = format!("{}-{}", self.name, self.launches);
            command.env("DATABASE_URL", format!("{url}&application_name={name}"));
        }
        end_with_parent(&mut command);
        self.child = Some(command.spawn().expect("the program was built"));
    }

    /// Waits until a server says that it is ready; how long that took.
    pub async fn ready(&mut self) -> Duration {
        let began = Instant::now();
        let url = format!("{}/health/ready", self.url());
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("a plain client");
        loop {
            let answer = client
                .get(&url)
                .timeout(Duration::from_secs(2))
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return began.elapsed();
            }
            let child = self.child.as_mut().expect("it runs");
            let ended = child.try_wait().expect("a child of ours");
            assert!(
                ended.is_none(),
                "it ended with {ended:?}: {}",
                self.last_words()
            );
            assert!(
                began.elapsed() < DEADLINE,
                "not ready in time: {}",
                self.last_words()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        signal::kill(self.pid(), signal).expect("a child of ours");
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end, and waits until it has; how long that took.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal(Signal::SIGTERM);
        let mut child = self.child.take().expect("it runs");
        loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                return (status, began.elapsed());
            }
            if began.elapsed() > DEADLINE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it did not end in time: {}", self.last_words());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let file = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(file).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    }

    /// How many lines of its log say this.
    pub fn log_lines(&self, words: &str) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Parlor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the end of {}:\n{}", self.log.display(), self.last_words());
        }
        self.kill();
    }
}

/// Has the kernel end the program when the thread that spawned it dies: none outlives a run that was killed.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "`pre_exec` is unsafe: between fork and exec only async-signal-safe calls are allowed. The \
              closure makes one system call and does not allocate."
)]
fn end_with_parent(command: &mut Command) {
    // SAFETY: prctl is a plain system call, and the closure captures nothing.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
}

/// Elsewhere it ends when its owner is dropped only.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}
