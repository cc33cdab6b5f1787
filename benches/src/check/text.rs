//! One subscriber of a reply that comes in pieces.
//!
//! The model server of a run says numbered words with the time at which each was said: `0007:1763746875123 `. A piece
//! says behind how many characters it belongs; at the end the whole text comes once more.

use std::time::Duration;

use super::{LATE, Verdict};

/// What one subscriber has seen of a reply.
#[derive(Debug, Default)]
pub struct Text {
    seen: String,
    judged: usize,
    verdict: Verdict,
    ended: bool,
}

impl Text {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A piece arrived, at this time in milliseconds of the clock that the model server reads.
    pub fn see(&mut self, offset: usize, piece: &str, now: u64) {
        if self.ended || offset < self.seen.len() {
            self.verdict.repeated += 1;
        } else if offset > self.seen.len() {
            self.verdict.lost += 1;
        } else {
            self.seen.push_str(piece);
            self.judge_words(now);
        }
    }

    /// The reply ended with this text.
    pub fn end(&mut self, whole: &str, words: u64, now: u64) {
        if std::mem::replace(&mut self.ended, true) {
            self.verdict.repeated += 1;
            return;
        }
        if !whole.starts_with(&self.seen) {
            self.verdict.wrong += 1;
        }
        self.seen = whole.to_owned();
        self.judge_words(now);
        self.verdict.lost += words.saturating_sub(self.verdict.good);
    }

    /// Something arrived that nobody said.
    pub fn see_wrong(&mut self) {
        self.verdict.wrong += 1;
    }

    /// Whether the reply has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The verdict, now that nothing comes any more. `words` were said.
    pub fn close(&self, words: u64) -> Verdict {
        let mut verdict = self.verdict;
        if !self.ended {
            verdict.lost += words.saturating_sub(verdict.good).max(1);
        }
        verdict
    }

    /// Judges the words that are whole by now.
    fn judge_words(&mut self, now: u64) {
        while let Some(length) = self.seen.get(self.judged..).and_then(|rest| rest.find(' ')) {
            let word = &self.seen[self.judged..self.judged + length];
            let read = word
                .split_once(':')
                .and_then(|(n, at)| Some((n.parse::<u64>().ok()?, at.parse::<u64>().ok()?)));
            match read {
                Some((n, at)) if n == self.verdict.good + 1 => {
                    self.verdict.good += 1;
                    if Duration::from_millis(now.saturating_sub(at)) > LATE {
                        self.verdict.late += 1;
                    }
                }
                _ => self.verdict.wrong += 1,
            }
            self.judged += length + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: u64 = 5;

    fn word(n: u64) -> String {
        format!("{n:04}:{} ", 1000 + n)
    }

    fn whole() -> String {
        (1..=WORDS).map(word).collect()
    }

    /// The words of these numbers, each as a piece of its own in its place.
    fn judge(numbers: &[u64]) -> Verdict {
        let length = word(1).len();
        let mut text = Text::new();
        for n in numbers {
            let offset = (usize::try_from(*n).expect("small") - 1) * length;
            text.see(offset, &word(*n), 1010);
        }
        text.end(&whole(), WORDS, 1010);
        text.close(WORDS)
    }

    #[test]
    fn a_reply_in_pieces_is_clean() {
        let verdict = judge(&[1, 2, 3, 4, 5]);
        assert!(verdict.is_clean());
        assert_eq!(verdict.good, WORDS);
        // The end may say what no piece did.
        assert!(judge(&[1, 2, 3]).is_clean());
        assert!(judge(&[]).is_clean());
    }

    #[test]
    fn a_lost_a_repeated_and_a_swapped_piece_are_told() {
        assert!(judge(&[1, 3]).lost > 0);
        assert_eq!(judge(&[1, 1, 2]).repeated, 1);
        assert!(!judge(&[2, 1]).is_clean());
        assert!(!judge(&[1, 3, 2]).is_clean());
    }

    #[test]
    fn late_words_are_told() {
        let mut text = Text::new();
        let late = u64::try_from(LATE.as_millis()).expect("small");
        text.see(0, &word(1), 1001 + late);
        text.see(word(1).len(), &word(2), 1002 + late + 1);
        assert_eq!(text.close(WORDS).late, 1);
    }

    #[test]
    fn an_end_that_never_comes_or_is_another_text_is_told() {
        let mut cut = Text::new();
        cut.see(0, &word(1), 1010);
        assert_eq!(cut.close(WORDS).lost, WORDS - 1);

        let mut other = Text::new();
        other.see(0, &word(1), 1010);
        other.end(&word(2), 1, 1010);
        assert!(other.close(1).wrong > 0);

        let mut short = Text::new();
        short.end(&word(1), WORDS, 1010);
        assert_eq!(short.close(WORDS).lost, WORDS - 1);

        let mut twice = Text::new();
        twice.end(&whole(), WORDS, 1010);
        twice.end(&whole(), WORDS, 1010);
        assert_eq!(twice.close(WORDS).repeated, 1);
    }

    #[test]
    fn words_that_were_not_said_are_told() {
        let mut text = Text::new();
        text.see(0, "hello ", 1010);
        text.end("hello ", 0, 1010);
        assert_eq!(text.close(0).wrong, 1);
    }
}
