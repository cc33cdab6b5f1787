//! The text of a reply under way, put together from pieces that may repeat, overlap or leave a gap.

/// What a piece of text did to the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// This much was new, and it begins at this offset, in Unicode scalar values.
    Appended(usize, String),
    /// Nothing new.
    Nothing,
    /// What lies before the piece is missing.
    Gap,
}

/// A reply's text so far, and its length in Unicode scalar values: the unit of every offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyText {
    text: String,
    length: usize,
}

impl ReplyText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its length in Unicode scalar values.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What follows the first `offset` Unicode scalar values; empty past the end.
    pub fn from(&self, offset: usize) -> &str {
        skip(&self.text, offset)
    }

    /// Adds a piece that begins at `offset`. What is known already is cut from its front.
    pub fn apply(&mut self, offset: usize, piece: &str) -> Applied {
        let Some(known) = self.length.checked_sub(offset) else {
            return Applied::Gap;
        };
        let fresh = skip(piece, known);
        if fresh.is_empty() {
            return Applied::Nothing;
        }
        let start = self.length;
        self.length += fresh.chars().count();
        self.text.push_str(fresh);
        Applied::Appended(start, fresh.to_owned())
    }
}

/// The text without its first `count` Unicode scalar values.
fn skip(text: &str, count: usize) -> &str {
    text.char_indices()
        .nth(count)
        .map_or("", |(index, _)| &text[index..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn overlaps_are_cut_and_gaps_are_told() {
        let mut text = ReplyText::default();
        assert_eq!(text.apply(0, "né"), Applied::Appended(0, "né".into()));
        assert_eq!(text.apply(3, "x"), Applied::Gap);
        assert_eq!(text.apply(0, "né"), Applied::Nothing);
        assert_eq!(text.apply(1, "é🙂!"), Applied::Appended(2, "🙂!".into()));
        assert_eq!((text.as_str(), text.length()), ("né🙂!", 4));
        assert_eq!(text.from(2), "🙂!");
        assert_eq!(text.from(9), "");
    }

    proptest! {
        #[test]
        fn any_pieces_without_a_gap_make_the_whole(
            whole in "\\PC{1,60}",
            cuts in proptest::collection::vec((0usize..60, 1usize..20), 0..40),
        ) {
            let characters: Vec<char> = whole.chars().collect();
            let mut text = ReplyText::default();
            for (start, length) in cuts {
                let start = start.min(text.length()).min(characters.len());
                let end = (start + length).min(characters.len());
                let piece: String = characters[start..end].iter().collect();
                prop_assert_ne!(text.apply(start, &piece), Applied::Gap);
                prop_assert!(whole.starts_with(text.as_str()));
                prop_assert_eq!(text.length(), text.as_str().chars().count());
            }
        }
    }
}
