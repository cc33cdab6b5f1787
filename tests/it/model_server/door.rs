//! The door of a model server: those who call are let in, turned away, or left standing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Longer than a call on the same machine takes to be answered, if it is.
const NO_ANSWER: Duration = Duration::from_millis(500);

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
        let held = bound("127.0.0.1:0".parse().unwrap());
        Self {
            address: held.local_addr().unwrap(),
            _held: held,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Notes calls from now on, until what is given is dropped.
    pub fn listen(&self) -> TcpListener {
        self.noting(1024)
    }

    /// The same after so many have called that no more are noted. Who is given too stands in the way.
    pub async fn listen_crowded(&self) -> (TcpListener, Vec<TcpStream>) {
        let listener = self.noting(0);
        let mut crowd = Vec::new();
        while let Ok(called) =
            tokio::time::timeout(NO_ANSWER, TcpStream::connect(self.address)).await
        {
            crowd.push(called.unwrap());
        }
        (listener, crowd)
    }

    fn noting(&self, calls: u32) -> TcpListener {
        bound(self.address).listen(calls).unwrap()
    }
}

/// A socket that shares its address with others, as long as one of them listens at most.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}
