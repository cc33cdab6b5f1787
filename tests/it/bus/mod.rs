//! The bus, in one process and over NATS: one contract for both, and what only NATS can do to us.

mod contract;
mod faults;
mod names;
mod support;
