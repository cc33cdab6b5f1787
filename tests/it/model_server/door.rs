//! The door of a model server: those who call are let in, turned away, or left standing.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Longer than a call on the same machine takes to be answered, if it is.
const NO_ANSWER: Duration = Duration::from_millis(500);

/// How long the system may take to let go of who listened.
const GONE: Duration = Duration::from_secs(10);

/// How callers fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They are let in and served.
    Open,
    /// They are turned away.
    Shut,
    /// They get no answer: so many have called before that no more are noted.
    Crowded,
    /// Their call is noted, and never taken.
    Unattended,
    /// Their call is taken, and what they say is never read.
    Deaf,
}

/// An address that stays the same server's while its door is shut.
pub struct Place {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Place {
    pub fn take() -> Self {
        // A port that is nobody's: with others' leave it might be one that is held like this already.
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(false).unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        held.set_reuseaddr(true).unwrap();
        Self {
            address: held.local_addr().unwrap(),
            _held: held,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Notes calls from now on, until what is given is dropped.
    pub async fn listen(&self) -> TcpListener {
        self.noting(1024).await
    }

    /// The same after so many have called that no more are noted. Who is given too stands in the way.
    pub async fn listen_crowded(&self) -> (TcpListener, Vec<TcpStream>) {
        let listener = self.noting(0).await;
        let mut crowd = Vec::new();
        while let Ok(called) =
            tokio::time::timeout(NO_ANSWER, TcpStream::connect(self.address)).await
        {
            crowd.push(called.unwrap());
        }
        (listener, crowd)
    }

    async fn noting(&self, calls: u32) -> TcpListener {
        let began = Instant::now();
        loop {
            match bound(self.address).and_then(|socket| socket.listen(calls)) {
                // Whoever listened before may not be quite gone.
                Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < GONE => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                listener => return listener.unwrap(),
            }
        }
    }
}

/// A socket that shares its address with others, as long as one of them listens at most.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
