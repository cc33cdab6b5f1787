//! How long servers of others may take. Tests are less patient.

use std::time::Duration;

/// Deadlines and pauses of calls to a model server, and to the quotes.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long a reply waits for its turn when too many are asked for at a time.
    pub turn: Duration,
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// From the request to the first byte of the answer's body.
    pub first_byte: Duration,
    /// From one byte to the next.
    pub between_bytes: Duration,
    /// From the first request to the end of the answer, with everything between.
    pub whole: Duration,
    /// How long what follows a reply's last word is waited for, so that the connection can be used again.
    pub tail: Duration,
    /// The pause before a second request where the server asks for none. It doubles before the third.
    pub retry: Duration,
    /// The longest pause that a server may ask for; one that asks for more is not asked again.
    pub longest_retry: Duration,
    /// How long a server is left alone that has failed several times in a row.
    pub rest: Duration,
    /// How long a quote may take, with everything it needs.
    pub quote: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            between_bytes: Duration::from_secs(30),
            whole: Duration::from_secs(300),
            tail: Duration::from_millis(250),
            retry: Duration::from_millis(500),
            longest_retry: Duration::from_secs(20),
            rest: Duration::from_secs(15),
            quote: Duration::from_secs(5),
        }
    }
}
