//! What a chatbot is called, what it is like and what writes its replies.

use super::stored_text::stored_text;
use crate::error::{AppError, AppResult};

stored_text! {
    /// What writes a chatbot's replies.
    ChatbotEngine {
        /// Rules; needs no model and no key.
        Builtin = "BUILTIN",
        /// A model server that speaks as OpenAI's does.
        OpenAi = "OPENAI",
    }
}

stored_text! {
    /// What becomes of a message that comes while the chatbot is replying.
    WhileReplying {
        /// It is answered after that, together with others that came meanwhile.
        Queue = "QUEUE",
        /// The reply under way is cancelled, and the message answered at once.
        Interrupt = "INTERRUPT",
        /// It is refused.
        Reject = "REJECT",
    }
}

/// A chatbot's handle as it is compared: trimmed and folded, a leading `@` dropped.
///
/// It serves for looking a chatbot up; that nobody may have such a name is found out by not finding it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handle(String);

impl Handle {
    /// Folds a handle as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        let text = text.strip_prefix('@').unwrap_or(text);
        if text.len() > 100 || text.contains('\0') {
            return Err(AppError::bad_input(
                field,
                "This is not a chatbot's handle.",
            ));
        }
        Ok(Self(text.to_lowercase()))
    }

    /// The folded handle.
    pub fn key(&self) -> &str {
        &self.0
    }
}

/// A handle for a chatbot to have: 3 to 32 letters, digits, `.`, `_` or `-` of ASCII, the first and the last a
/// letter or digit, so that a mention ends where a sentence does. A leading `@` is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHandle(String);

impl NewHandle {
    /// Checks a handle as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let fits = (3..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !fits {
            return Err(AppError::bad_input(
                field,
                "A handle has 3 to 32 characters: letters a to z, digits, '.', '_' and '-', beginning \
                 and ending with a letter or digit.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folded for comparison.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// A text about a chatbot with a longest length, in characters; it may have several lines.
macro_rules! chatbot_text {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $complaint:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Checks it as it was typed; `field` names it in the complaint.
            pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
                let text = text.trim();
                if text.chars().count() > $longest || text.contains('\0') {
                    return Err(AppError::bad_input(field, $complaint));
                }
                Ok(Self(text.to_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

chatbot_text! {
    /// What a client may show before the first message: at most 1,000 characters. Empty for none.
    Greeting, 1_000, "A greeting has at most 1,000 characters, none of them NUL."
}

chatbot_text! {
    /// The system prompt: at most 8,000 characters. Empty for none.
    Persona, 8_000, "A persona has at most 8,000 characters, none of them NUL."
}

/// How freely a model chooses its words: 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature(f64);

impl Temperature {
    /// Checks a temperature; `field` names it in the complaint.
    pub fn new(degrees: f64, field: &'static str) -> AppResult<Self> {
        if !(0.0..=2.0).contains(&degrees) {
            return Err(AppError::bad_input(
                field,
                "A temperature is a number from 0 to 2.",
            ));
        }
        Ok(Self(degrees))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_ascii_fold_by_case_and_lose_their_at() {
        let tea = NewHandle::parse("@Tea-Bot.2", "handle").unwrap();
        assert_eq!(
            (tea.as_str(), tea.key().as_str()),
            ("Tea-Bot.2", "tea-bot.2")
        );
        for bad in [
            "",
            "ab",
            "a b c",
            "-tea",
            "tea.",
            "teä",
            "@@tea",
            "tea\0",
            &"a".repeat(33),
        ] {
            let refused = NewHandle::parse(bad, "handle").unwrap_err();
            assert_eq!(refused.field(), Some("handle"), "{bad:?}");
        }
    }

    #[test]
    fn texts_and_temperatures_have_their_bounds() {
        assert!(Persona::parse(&"é".repeat(8_000), "persona").is_ok());
        assert!(Persona::parse(&"é".repeat(8_001), "persona").is_err());
        assert!(Greeting::parse("a\0b", "greeting").is_err());
        for bad in [-0.1, 2.1, f64::NAN, f64::INFINITY] {
            assert!(Temperature::new(bad, "temperature").is_err(), "{bad}");
        }
    }
}
