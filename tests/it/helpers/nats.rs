//! A NATS server of a test's own, which can be stopped, killed and frozen, and a proxy before it that can cut
//! or freeze connections. Stands alone, so that other test programs can take it in with `#[path]`.

#![allow(
    dead_code,
    reason = "each program that takes this in uses its own part of it"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Longer than a start takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running `nats-server`, on a port of its own. It is killed when this is dropped.
pub struct Nats {
    address: SocketAddr,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Nats {
    /// Starts a server on a free port of the loopback and waits until it takes connections.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments for the program.
    pub fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        // Somebody else may take the port between here and there: then another.
        for _ in 0..20 {
            let free = StdListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            if let Some(process) = launch(address, &arguments) {
                return Self {
                    address,
                    arguments,
                    process: Some(process),
                };
            }
        }
        panic!("nats-server found no port");
    }

    /// A place where no server is yet: [`restart`](Self::restart) starts one.
    pub fn later() -> Self {
        let mut nats = Self::start();
        nats.kill();
        nats
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `nats://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Its process; none while it is down.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(|child| child.id().cast_signed())
    }

    /// Ends it at once (SIGKILL), as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn stop(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Starts it again on the same port, after ending it if need be.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + DEADLINE;
        while self.process.is_none() {
            assert!(Instant::now() < deadline, "nats-server did not come back");
            self.process = launch(self.address, &self.arguments);
        }
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut process) = self.process.take() {
            kill(Pid::from_raw(process.id().cast_signed()), signal).unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts a server there; nothing if it ends, as it does when the port is taken.
fn launch(address: SocketAddr, arguments: &[String]) -> Option<Child> {
    let mut command = Command::new(program());
    end_with_parent(&mut command);
    let mut process = command
        .args(["--addr", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nats-server is here (scripts/get-nats gets it)");
    let (said, heard) = mpsc::channel();
    let log = BufReader::new(process.stderr.take().unwrap());
    // Reads on for as long as the server lives, so that it never waits for a reader.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = said.send(line.contains("Server is ready"));
        }
    });
    let deadline = Instant::now() + DEADLINE;
    // The channel closes with the log, that is when the server ends.
    while let Ok(is_ready) = heard.recv_timeout(deadline - Instant::now()) {
        if is_ready {
            return Some(process);
        }
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

/// Has the kernel end the server when the thread that started it dies: a run that is killed leaves none behind.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "`pre_exec` is unsafe: between fork and exec only async-signal-safe calls are allowed. The \
              closure makes one system call and does not allocate."
)]
fn end_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: prctl is a plain system call, and the closure captures nothing.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
}

/// Elsewhere it ends when its owner is dropped only.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}

/// The program, where `scripts/get-nats` looks for it.
fn program() -> PathBuf {
    if let Some(given) = std::env::var_os("PARLOR_NATS_SERVER") {
        return given.into();
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".local/nats/nats-server");
    let usual = Path::new("/usr/sbin/nats-server");
    if own.is_file() {
        own
    } else if usual.is_file() {
        usual.to_owned()
    } else {
        "nats-server".into()
    }
}

/// A way to a server that can break: stands between client and server on the loopback, byte for byte.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<Way>,
    task: tokio::task::JoinHandle<()>,
}

/// What a [`Proxy`] does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Passes them on.
    Open,
    /// Keeps them; connections stay open and new ones are taken: a partition without a reset.
    Frozen,
    /// Closes what is open and whatever comes.
    Cut,
}

impl Proxy {
    /// Opens a way to `server`.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(Way::Open);
        let task = tokio::spawn(accept(listener, server, state.subscribe()));
        Self {
            address,
            state,
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `nats://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Lets nothing through any more, and tells nobody.
    pub fn freeze(&self) {
        self.state.send_replace(Way::Frozen);
    }

    /// Closes every connection and refuses new ones.
    pub fn cut(&self) {
        self.state.send_replace(Way::Cut);
    }

    /// Lets everything through again; what was kept back while frozen goes first.
    pub fn open(&self) {
        self.state.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, way: watch::Receiver<Way>) {
    // Ends those it started when it is ended itself.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *way.borrow() != Way::Cut {
            connections.spawn(carry(client, server, way.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until an end closes it or the way is cut.
async fn carry(client: TcpStream, server: SocketAddr, way: watch::Receiver<Way>) {
    let mut cut = way.clone();
    let carried = async {
        let mut opened = way.clone();
        let _ = opened.wait_for(|way| *way == Way::Open).await;
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        let (client_in, client_out) = client.into_split();
        let (server_in, server_out) = server.into_split();
        tokio::select! {
            () = pass(client_in, server_out, way.clone()) => {}
            () = pass(server_in, client_out, way) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        // What is read while frozen is kept here, and the rest by the system.
        let _ = way.wait_for(|way| *way == Way::Open).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
