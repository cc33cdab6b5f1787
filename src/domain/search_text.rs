//! What somebody looks for, as they typed it.
//!
//! PostgreSQL's `websearch_to_tsquery` reads words, quotes, `or` and minus, and takes any text. It knows no
//! beginnings of words. So the last word is taken apart from the rest here: it is what a person may still be
//! typing.

use crate::error::{AppError, AppResult};

/// The longest text, in characters.
const MAX_CHARS: usize = 200;

/// So few letters are the beginning of words that everybody uses.
const BROAD: usize = 3;

/// A text to look for: not blank, at most 200 characters, no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText {
    alternatives: String,
    words: String,
    beginning: String,
}

impl SearchText {
    /// Checks a text as it was typed.
    pub fn parse(text: &str) -> AppResult<Self> {
        let complaint = if text.trim().is_empty() {
            "Say what to look for."
        } else if text.chars().count() > MAX_CHARS {
            "A search has at most 200 characters."
        } else if text.contains('\0') {
            // PostgreSQL's text can't hold it.
            "A search can't contain the character NUL."
        } else {
            return Ok(Self::take_apart(&without_rules(text)));
        };
        Err(AppError::bad_input("text", complaint))
    }

    fn take_apart(text: &str) -> Self {
        let mut tokens = tokens(text);
        // Somebody is about to name another one.
        while tokens.last().is_some_and(|token| is_or(token)) {
            tokens.pop();
        }
        // `or` binds less than the words around it, which all have to be there: only those behind the last one
        // are with the last word.
        let last_or = tokens.iter().rposition(|token| is_or(token));
        let behind = tokens.split_off(last_or.map_or(0, |place| place + 1));
        let mut words = behind;
        let is_finished = text.ends_with(char::is_whitespace);
        let beginning = words
            .pop_if(|word| !is_finished && !word.starts_with('-') && !word.contains('"'))
            .unwrap_or_default();
        tokens.truncate(last_or.unwrap_or(0));
        Self {
            alternatives: tokens.join(" "),
            words: words.join(" "),
            beginning: beginning.to_owned(),
        }
    }

    /// What would do as well as the rest: all that stands before the last `or`.
    pub fn alternatives(&self) -> &str {
        &self.alternatives
    }

    /// What has to be there.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// How a word begins that has to be there as well.
    pub fn beginning(&self) -> &str {
        &self.beginning
    }

    /// Whether it looks for a beginning that many words have.
    pub fn is_broad(&self) -> bool {
        (1..=BROAD).contains(&self.beginning.chars().count())
    }

    /// All three: two texts with the same parts look for the same.
    pub fn parts(&self) -> [&str; 3] {
        [&self.alternatives, &self.words, &self.beginning]
    }
}

/// The text with a blank for each `--` and longer rule. Whoever looks for `--verbose` does not mean a minus, and
/// PostgreSQL gives up on a text with dozens of them in a row (`tsquery stack too small`).
fn without_rules(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("--") {
        plain.push_str(&rest[..start]);
        plain.push(' ');
        rest = rest[start..].trim_start_matches('-');
    }
    plain + rest
}

/// Words, and quoted phrases with what is written together with them. A minus before nothing is left out.
fn tokens(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    text.split(|character: char| {
        is_quoted ^= character == '"';
        !is_quoted && character.is_whitespace()
    })
    .filter(|token| !token.is_empty())
    .filter(|token| !token.starts_with('-') || token.contains(char::is_alphanumeric))
    .collect()
}

fn is_or(token: &str) -> bool {
    token.eq_ignore_ascii_case("or")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apart(text: &str) -> [String; 3] {
        SearchText::parse(text).unwrap().parts().map(str::to_owned)
    }

    #[test]
    fn the_last_word_may_be_a_beginning() {
        for (text, parts) in [
            ("tea", ["", "", "tea"]),
            ("tea ", ["", "tea", ""]),
            ("green tea mil", ["", "green tea", "mil"]),
            ("tea -mil", ["", "tea -mil", ""]),
            ("tea - mil", ["", "tea", "mil"]),
            ("run --verb", ["", "run", "verb"]),
            ("a----b -- -", ["", "a", "b"]),
            ("\"green tea\"", ["", "\"green tea\"", ""]),
            ("\"green tea\" mil", ["", "\"green tea\"", "mil"]),
            ("\"green te", ["", "\"green te", ""]),
            ("tea or cof", ["tea", "", "cof"]),
            ("tea OR", ["", "", "tea"]),
            ("a or b c Or d e", ["a or b c", "d", "e"]),
            ("\"a or b\" c", ["", "\"a or b\"", "c"]),
            ("or", ["", "", ""]),
        ] {
            assert_eq!(apart(text), parts, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_or_too_much_is_refused() {
        SearchText::parse(&"é".repeat(200)).unwrap();
        for bad in ["", " \n", "a\0", &"é".repeat(201)] {
            let refused = SearchText::parse(bad).unwrap_err();
            assert_eq!(refused.code(), "BAD_USER_INPUT");
            assert_eq!(refused.field(), Some("text"));
        }
    }

    proptest! {
        #[test]
        fn a_beginning_is_one_word(text in "[ab\"\\- \u{3000}or]{1,30}") {
            if let Ok(text) = SearchText::parse(&text) {
                prop_assert!(!text.beginning().contains(|c: char| c.is_whitespace() || c == '"'));
            }
        }
    }
}
