//! Ports that nobody uses just now.

use std::net::{SocketAddr, TcpListener};

/// An address of the loopback for a program that is to come back at the same one.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}
