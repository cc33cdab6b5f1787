//! How fast the machine is just now: the CPU time of a fixed piece of work.
//!
//! Machines change their speed under one's hands: clocks, neighbours, caches. The same work takes the same CPU time on a
//! machine that stands still, so what this reads beside two measures says how far they may be compared.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};

/// How many blocks are hashed: about 20 ms.
const BLOCKS: usize = 6_000;

/// The CPU time of the fixed work, in milliseconds.
pub fn reading() -> f64 {
    let mut block = [7_u8; 1024];
    let before = own_time();
    for _ in 0..BLOCKS {
        let hash = Sha256::digest(block);
        block[..32].copy_from_slice(hash.as_slice());
    }
    std::hint::black_box(block);
    (own_time() - before).as_secs_f64() * 1000.0
}

/// The CPU time of this thread: waiting for a core does not count.
fn own_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_work_takes_time() {
        assert!(super::reading() > 0.5);
    }
}
