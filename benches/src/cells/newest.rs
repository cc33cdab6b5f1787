//! The newest 50 messages of random sessions: how most visits to a chat begin.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use memchr::memmem;

use super::{Bench, Figure, Measure, Outcome, Watched, each};
use crate::check::{LATE, Verdict};
use crate::load::{Line, Target};
use crate::names::Kind;
use crate::world::World;

/// How many read at a time.
const READERS: u32 = 16;

/// How many messages an answer has.
const SHOWN: u64 = 50;

/// Makes sure that Parlor and the ceiling answer with the same bytes.
pub async fn compare(world: &World) -> Result<()> {
    let (parlor, hand) = (world.parlor(), world.hand()?);
    let session = Kind::Session.id(3);
    let parlors = parlor.newest(&mut parlor.line(0).await?, session).await?;
    let hands = hand.newest(&mut hand.line(0).await?, session).await?;
    ensure!(
        parlors == hands,
        "the ceiling's answer is not Parlor's:\n{}\n{}",
        String::from_utf8_lossy(&hands),
        String::from_utf8_lossy(&parlors)
    );
    ensure!(is_newest(&parlors), "the answer lacks messages");
    Ok(())
}

/// Measures.
pub async fn run(bench: &Bench<'_>, target: &Target) -> Result<Outcome> {
    let sessions = bench.history(target).sessions;
    let mut lines = Vec::new();
    for _ in 0..READERS {
        lines.push(target.line(0).await?);
    }
    let watched = Watched::start(Some(target.server), target.database).await?;
    let spell = bench.plan.spell;
    let reads = (1..).zip(lines);
    let reads = reads.map(|(seed, line)| read(target, line, seed, sessions, spell));
    let mut outcome = Outcome::default();
    for verdict in try_join_all(reads).await? {
        outcome.verdict += verdict;
    }
    let (server, database) = watched.stop()?;
    let reads = outcome.verdict.good;
    for (measure, seconds) in [
        (Measure::ServerCpu("read"), server),
        (Measure::BothCpu("read"), server + database),
    ] {
        outcome.figures.push(Figure {
            work: "newest 50 of random sessions".to_owned(),
            measure,
            value: each(seconds, reads),
        });
    }
    Ok(outcome)
}

async fn read(
    target: &Target,
    mut line: Line,
    seed: u32,
    sessions: u32,
    spell: Duration,
) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    // Marsaglia's xorshift: the same sessions for all, in no order that a cache could like.
    let mut x = seed.wrapping_mul(0x9E37_79B9) | 1;
    let began = Instant::now();
    while began.elapsed() < spell {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        let asked_at = Instant::now();
        let answer = target
            .newest(&mut line, Kind::Session.id(x % sessions))
            .await?;
        if is_newest(&answer) {
            verdict.good += 1;
        } else {
            verdict.wrong += 1;
        }
        if asked_at.elapsed() > LATE {
            verdict.late += 1;
        }
    }
    Ok(verdict)
}

/// Whether an answer has as many messages as it should, in order, none twice, none left out.
fn is_newest(answer: &[u8]) -> bool {
    const SEQ: &[u8] = br#""seq":"#;
    let mut seqs = memmem::find_iter(answer, SEQ).map(|at| {
        let digits = answer[at + SEQ.len()..].iter();
        let digits = digits.take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |n: u64, digit| {
            n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
        })
    });
    let Some(first) = seqs.next() else {
        return false;
    };
    let mut next = first + 1;
    for seq in seqs {
        if seq != next {
            return false;
        }
        next += 1;
    }
    next == first + SHOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(seqs: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let nodes: Vec<String> = seqs
            .into_iter()
            .map(|seq| format!(r#"{{"id":"x","seq":{seq},"content":"y"}}"#))
            .collect();
        format!("[{}]", nodes.join(",")).into_bytes()
    }

    #[test]
    fn a_page_that_lacks_repeats_or_swaps_something_is_told() {
        assert!(is_newest(&answer(51..=100)));
        assert!(!is_newest(&answer(52..=100)));
        assert!(!is_newest(&answer((51..=101).filter(|n| *n != 70))));
        assert!(!is_newest(&answer((51..=99).chain([99]))));
        assert!(!is_newest(&answer((51..=98).chain([100, 99]))));
        assert!(!is_newest(b""));
    }
}
