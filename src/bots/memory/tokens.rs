//! How long a text is for a model.
//!
//! Counted with the table of OpenAI's newer models, for every model: others cut words differently, by a fifth
//! or so. It must not be used on async threads: the table takes half a second to load, once, when it is first
//! needed.

use tiktoken_rs::o200k_base_singleton;

/// Text is counted in slices of at most this many bytes, so that the time grows with the length only,
/// whatever the text. A slice's edge may count one token too many.
const SLICE: usize = 1024;

/// How many tokens a text has.
pub(super) fn count(text: &str) -> usize {
    slices(text).map(count_slice).sum()
}

/// The longest beginning of a text that has at most `limit` tokens, to the character.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    let mut left = limit;
    let mut end = 0;
    for slice in slices(text) {
        let cost = count_slice(slice);
        if cost > left {
            return &text[..end + cut_slice(slice, left)];
        }
        left -= cost;
        end += slice.len();
    }
    text
}

fn count_slice(slice: &str) -> usize {
    o200k_base_singleton().encode_ordinary(slice).len()
}

/// How many bytes of a slice fit.
fn cut_slice(slice: &str, limit: usize) -> usize {
    let ends: Vec<usize> = slice.char_indices().map(|(start, _)| start).collect();
    // More text is hardly ever fewer tokens; where it is, the cut is a little early.
    let fitting = ends.partition_point(|end| count_slice(&slice[..*end]) <= limit);
    fitting.checked_sub(1).map_or(0, |last| ends[last])
}

fn slices(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (slice, more) = rest.split_at(rest.floor_char_boundary(SLICE));
        rest = more;
        Some(slice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_about_a_token_each() {
        assert_eq!(count(""), 0);
        assert_eq!(count("The quick brown fox jumps over the lazy dog."), 10);
        // The names of special tokens are text like any other.
        assert!(count("<|endoftext|>") > 1);
    }

    #[test]
    fn a_cut_fits_and_splits_no_character() {
        let text = "Straße, 東京 и 🙂🙂 ".repeat(200);
        for limit in [0, 1, 7, 300, 1500] {
            let cut = cut(&text, limit);
            assert!(text.starts_with(cut));
            assert!(count(cut) <= limit + 1, "{limit}: {}", count(cut));
        }
        assert_eq!(cut(&text, usize::MAX), text);
    }

    #[test]
    fn the_longest_of_words_is_counted_too() {
        for text in ["a", " ", "\n", "🙂", "ä"] {
            let long = text.repeat(32 * 1024 / text.len());
            assert!(count(&long) > 30);
        }
    }
}
