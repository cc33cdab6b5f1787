//! The gate at the real endpoint: each limit at its edge, on every transport, and whatever strangers send.

mod answers;
mod edges;
mod mutated;
