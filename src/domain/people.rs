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
}

/// An e-mail address of at most 254 bytes (RFC 5321, section 4.5.3.1.3) whose domain has a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks an address as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        let domain_has_dot = text
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain.contains('.'));
        if text.len() > 254 || !domain_has_dot || !email_address::EmailAddress::is_valid(text) {
            return Err(AppError::bad_input(
                field,
                "This is not an e-mail address that mail can reach.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folded for comparison. Mailboxes that differ only in case are one and the same everywhere in practice.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
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
    fn addresses_need_a_domain_with_a_dot() {
        let address = EmailAddress::parse(" Ada@Example.ORG ", "email").unwrap();
        assert_eq!(address.as_str(), "Ada@Example.ORG");
        assert_eq!(address.key(), "ada@example.org");
        for bad in [
            "",
            "ada",
            "ada@host",
            "@example.org",
            "a@b.c@d",
            "a\0@example.org",
        ] {
            assert!(EmailAddress::parse(bad, "email").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_counted_in_characters_and_never_cut() {
        assert!(Password::parse("seven77".into(), "password").is_err());
        assert!(Password::parse("é".repeat(257), "password").is_err());
        let longest = Password::parse("é".repeat(256), "password").unwrap();
        assert_eq!(longest.into_inner(), "é".repeat(256));
    }
}
