//! Processes of a run. None outlives it: each is ended when the run ends, and by the kernel when the run is killed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Longer than a start takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an orderly end may take.
const TO_END: Duration = Duration::from_secs(20);

/// A process that listens on the loopback.
pub struct Process {
    name: String,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// Starts a program that is told where to listen by `arrange`, and waits until somebody listens there.
    pub async fn start(
        name: &str,
        folder: &Path,
        program: &Path,
        arrange: impl FnOnce(&mut Command, SocketAddr),
    ) -> Result<Self> {
        let address = free_port()?;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).context("a log can't be written")?;
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        arrange(&mut command, address);
        end_with_parent(&mut command);
        let child = command
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut process = Self {
            name: name.to_owned(),
            child,
            address,
            log,
        };
        process.wait_until_it_listens().await?;
        Ok(process)
    }

    async fn wait_until_it_listens(&mut self) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.last_words());
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{} does not come up:\n{}",
                self.name,
                self.last_words()
            );
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) {
        let began = Instant::now();
        self.ask_to_end();
        while began.elapsed() < TO_END && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn ask_to_end(&self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        // It may have ended, but it is not reaped yet: the number is still its own.
        let _ = kill(pid, Signal::SIGTERM);
    }
}

/// Asks it to end, as [`stop`](Process::stop) does, and kills it if it does not. Nothing else goes on meanwhile: so ends
/// a run that was broken off.
impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.ask_to_end();
        let began = Instant::now();
        while began.elapsed() < TO_END && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback that nobody uses just now.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Has the kernel ask the program to end when the run's first thread is gone: Parlor then takes its PostgreSQL with it.
#[allow(
    unsafe_code,
    reason = "`pre_exec` is unsafe: between fork and exec only async-signal-safe calls are allowed. The \
              closure makes one system call and does not allocate."
)]
pub fn end_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: prctl is a plain system call, and the closure captures nothing.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
    }
}
