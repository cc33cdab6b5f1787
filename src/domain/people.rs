//! What a person types about themselves, checked once at the door.

use super::stored_text::stored_text;
use crate::error::{AppError, AppResult};

stored_text! {
    /// What a person may do beyond their own sessions.
    Role {
        /// A visitor without an account.
        Guest = "GUEST",
        /// Someone with an account.
        Member = "MEMBER",
        /// Someone who runs this installation.
        Admin = "ADMIN",
    }
}

/// Names that speak for the installation, and words with a meaning of their own in a chat.
const RESERVED: [&str; 29] = [
    "admin",
    "administrator",
    "all",
    "anonymous",
    "channel",
    "deleted",
    "deleted-account",
    "everybody",
    "everyone",
    "guest",
    "help",
    "here",
    "house",
    "info",
    "moderator",
    "nobody",
    "null",
    "official",
    "operator",
    "owner",
    "parlor",
    "postmaster",
    "root",
    "security",
    "staff",
    "support",
    "system",
    "undefined",
    "webmaster",
];

/// Visitors without an account get names that begin so.
const RESERVED_BEGINNINGS: [&str; 2] = ["guest-", "visitor-"];

/// A username: 3 to 32 letters, digits, `.`, `_` or `-` of ASCII, the first a letter or digit.
///
/// ASCII only, so that no two names look alike and differ; case is kept for show and not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Checks a username as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let fits = (3..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !fits {
            return Err(AppError::bad_input(
                field,
                "A username has 3 to 32 characters: letters a to z, digits, '.', '_' and '-', \
                 beginning with a letter or digit.",
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

    /// Whether it would be taken for somebody who speaks for the installation, or for a word of the product's.
    /// Nobody may register it; an operator may give it to somebody.
    pub fn is_reserved(&self) -> bool {
        let key = self.key();
        // `admin.1` and `-support-` are meant to be read as `admin` and `support`.
        let word = key.trim_matches(|c: char| !c.is_ascii_alphabetic());
        RESERVED.contains(&word)
            || RESERVED_BEGINNINGS
                .iter()
                .any(|begin| key.starts_with(begin))
    }
}

/// The name a person is shown by: 1 to 80 characters, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Checks a name as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 80 || text.chars().any(char::is_control) {
            return Err(AppError::bad_input(
                field,
                "A display name has 1 to 80 characters on one line.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A few words about oneself: up to 500 characters, trimmed, without control characters but line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bio(String);

impl Bio {
    /// Checks the words as they were typed; `field` names them in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        if text.chars().count() > 500 || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(AppError::bad_input(
                field,
                "What you say about yourself has at most 500 characters, without control characters.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The words; empty for none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A new password: 8 to 256 characters, taken whole. It has no `Debug`, so that no log can show it.
pub struct Password(String);

impl Password {
    /// Checks a password as it was typed; `field` names it in the complaint.
    pub fn parse(text: String, field: &'static str) -> AppResult<Self> {
        if !(8..=256).contains(&text.chars().count()) {
            return Err(AppError::bad_input(
                field,
                "A password has 8 to 256 characters.",
            ));
        }
        Ok(Self(text))
    }

    /// The password itself, to be judged.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The password itself, for hashing.
    pub fn into_inner(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_ascii_and_fold_by_case() {
        let ada = Username::parse("Ada.Lovelace-1", "username").unwrap();
        assert_eq!(ada.as_str(), "Ada.Lovelace-1");
        assert_eq!(ada.key(), "ada.lovelace-1");
        for bad in [
            "",
            "ab",
            "_ab",
            "a b c",
            "аdа",
            "ada\u{200b}",
            "ada\0",
            &"a".repeat(33),
        ] {
            let refused = Username::parse(bad, "username").unwrap_err();
            assert_eq!(refused.field(), Some("username"), "{bad:?}");
        }
    }

    #[test]
    fn names_that_speak_for_the_house_are_reserved_in_every_dress() {
        let is_reserved = |name| Username::parse(name, "username").unwrap().is_reserved();
        for name in [
            "admin",
            "Admin",
            "ADMIN-1",
            "00root",
            "guest-ada",
            "support.",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["ada", "adminah", "groot", "guestbook", "allan"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn a_bio_may_have_lines_and_nothing_unseen() {
        let bio = Bio::parse(" Counts.\nPoetically. ", "bio").unwrap();
        assert_eq!(bio.as_str(), "Counts.\nPoetically.");
        assert!(Bio::parse("a\0b", "bio").is_err());
        assert!(Bio::parse(&"é".repeat(500), "bio").is_ok());
        assert!(Bio::parse(&"é".repeat(501), "bio").is_err());
    }

    #[test]
    fn passwords_are_counted_in_characters_and_never_cut() {
        assert!(Password::parse("seven77".into(), "password").is_err());
        assert!(Password::parse("é".repeat(257), "password").is_err());
        let longest = Password::parse("é".repeat(256), "password").unwrap();
        assert_eq!(longest.into_inner(), "é".repeat(256));
    }
}
