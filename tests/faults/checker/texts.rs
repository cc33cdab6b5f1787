//! The text of one reply as a client puts it together from deltas, and whether that can be.

/// What a client holds of one reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    text: Vec<char>,
}

impl Held {
    /// What an event showed.
    pub(super) fn new(content: &str) -> Self {
        let text = content.chars().collect();
        Self { text }
    }

    /// Takes a delta; says what is wrong with it. The first of a subscription may tell again what is held.
    pub(super) fn take(&mut self, offset: usize, text: &str, is_first: bool) -> Result<(), String> {
        let held = self.text.len();
        if offset > held {
            return Err(format!("text at {offset} comes {} too late", offset - held));
        }
        if offset < held && !is_first {
            return Err(format!("text at {offset} was due at {held}"));
        }
        let mut known = self.text[offset..].iter().zip(text.chars());
        if known.any(|(held, told)| *held != told) {
            return Err(format!("text at {offset} contradicts what was told"));
        }
        self.text.truncate(offset);
        self.text.extend(text.chars());
        Ok(())
    }

    /// Whether a reply that ends whole may say this after what was told.
    pub(super) fn grows_into(&self, content: &str) -> bool {
        let mut content = content.chars();
        self.text.iter().all(|held| content.next() == Some(*held))
    }

    /// Whether a reply that was interrupted may say this: what was shown may lack its end, which was not kept.
    pub(super) fn agrees_with(&self, content: &str) -> bool {
        let mut pairs = self.text.iter().zip(content.chars());
        pairs.all(|(held, kept)| *held == kept)
    }
}
