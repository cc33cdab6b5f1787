//! Replies: owed, written piece by piece, ended once, whatever dies in between.

mod cancelling;
mod crashes;
mod gaps;
mod leases;
mod meanwhile;
pub mod pausing;
mod regenerating;
mod runners;
pub mod support;
mod unheard;
mod writing;
