//! More than a client takes, or than the database has time for; and clients that leave in the middle.

mod feeds;
mod frozen;
mod pool;
mod writes;
