//! How long the server waits for what.

use std::time::Duration;

/// The deadlines of the server. The defaults are what Parlor runs with; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// For a request's head to arrive: that of the first from when the connection began, that of another from its
    /// first byte.
    pub head: Duration,
    /// For the first byte of the next request on a connection kept open. The default is a little longer than
    /// the 60 seconds for which balancers usually keep idle connections: the side that sends should be the
    /// one that closes, or a request meets a closing connection.
    pub idle: Duration,
    /// For a request's body to arrive.
    pub body: Duration,
    /// For the next piece of a body to arrive.
    pub body_pause: Duration,
    /// For an operation to answer, beside what it was asked to wait; for a subscription to begin.
    pub operation: Duration,
    /// For `connection_init` to arrive and be accepted, on a socket.
    pub init: Duration,
    /// Between the pings on a socket. A peer from which nothing is heard for two of them is gone.
    pub ping: Duration,
    /// For a peer to take something of what is written to it. A connection whose peer takes nothing for so
    /// long is closed.
    pub write: Duration,
    /// For the subscriptions of a socket to say their last event, when the server stops or the access
    /// token expires.
    pub last_events: Duration,
    /// For the peer to answer a Close frame.
    pub close: Duration,
    /// For everything to end once the server is stopping.
    pub stop: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(65),
            body: Duration::from_secs(30),
            body_pause: Duration::from_secs(10),
            operation: Duration::from_secs(10),
            init: Duration::from_secs(10),
            ping: Duration::from_secs(12),
            write: Duration::from_secs(10),
            last_events: Duration::from_secs(5),
            close: Duration::from_secs(3),
            stop: Duration::from_secs(10),
        }
    }
}
