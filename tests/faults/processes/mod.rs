//! The real programs of a run: PostgreSQL, NATS, servers and workers, each a process of its own.
//!
//! None outlives the run: each ends when its owner here is dropped, and the kernel ends it when this program is
//! killed.

mod free_port;
mod parlor;
mod postgres;
pub mod tcp;

pub use nats::{Nats, Proxy};
pub use parlor::{Parlor, Setup};
pub use postgres::Postgres;

#[allow(
    clippy::unwrap_used,
    reason = "a helper of the other tests, where clippy knows that it is one"
)]
#[path = "../../it/helpers/nats.rs"]
mod nats;
