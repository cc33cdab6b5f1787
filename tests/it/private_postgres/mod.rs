//! The private PostgreSQL, on the PostgreSQL of this machine: it starts, it is alone, it survives.
//!
//! Each test has a data directory of its own. Waiting is for a condition, with a deadline.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails where it stands"
)]

mod held;
mod leftovers;
mod refusals;
mod running;
pub mod support;
