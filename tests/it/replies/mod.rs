//! Replies: owed, written piece by piece, ended once, whatever dies in between.

mod crashes;
mod leases;
mod runners;
pub mod support;
mod unheard;
mod writing;
