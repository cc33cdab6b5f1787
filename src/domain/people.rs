//! What a person types about themselves, checked once at the door.

use super::UserId;
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
const RESERVED_BEGINNINGS: [&str; 2] = [GUEST, "visitor-"];

/// A username: 3 to 32 letters, digits, `.`, `_` or `-` of ASCII, the first a letter or digit.
///
/// ASCII only, so that no two names look alike and differ; case is kept for show and not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

/// How the names of guests begin.
const GUEST: &str = "guest-";

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

    /// What a guest is called by those who run the visit. Nobody can register it, or sign in with it.
    pub fn of_guest(guest: UserId) -> Self {
        // The half that is left to chance.
        let (_, chance) = guest.0.as_u64_pair();
        Self(format!("{GUEST}{chance:016x}"))
    }

    /// Whether it is such a name, or looks like one. Nobody with an account has it.
    pub fn is_guests(&self) -> bool {
        self.key().starts_with(GUEST)
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

/// Turns the direction of the text around it, so that a name could pass for another or for what stands beside it
/// (Unicode Technical Report 36, section 2.5); ends a line; or is a tag, which nothing shows.
fn rearranges(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Takes no room, or is blank although Unicode calls it a letter or a symbol. Between others such a character
/// may be needed: it joins emoji, and shapes letters in Persian and Hindi.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
                | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0080}'..='\u{e0fff}'
        )
}

/// The name a person is shown by: 1 to 80 characters, trimmed, without control characters and with something to
/// be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Checks a name as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        let is_odd = |c: char| c.is_control() || rearranges(c);
        if text.chars().all(is_unseen) || text.chars().count() > 80 || text.chars().any(is_odd) {
            return Err(AppError::bad_input(
                field,
                "A display name has 1 to 80 characters on one line, and something to be seen.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// What guests are shown as who do not say.
    pub fn of_visitor() -> Self {
        Self("Visitor".to_owned())
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
    fn a_display_name_is_in_any_script_and_can_be_seen() {
        for good in [
            "Ada",
            "\u{5d0}\u{5d3}\u{5d4}",
            "\u{645}\u{6cc}\u{200c}\u{62e}",
            "👩\u{200d}🚀",
            "Zoë \u{2764}\u{fe0f}",
        ] {
            assert_eq!(
                DisplayName::parse(good, "displayName").unwrap().as_str(),
                good
            );
        }
        for bad in [
            "",
            " ",
            "\u{200b}",
            "\u{2060}\u{feff}",
            "\u{ad} \u{200d}",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "Ada\u{202e}nimda",
            "\u{2066}Ada\u{2069}",
            "Ada\u{200f}",
            "\u{61c}Ada",
            "Ada\u{2028}Bob",
            "Ada\u{e0041}",
            "Ada\nBob",
        ] {
            assert!(DisplayName::parse(bad, "displayName").is_err(), "{bad:?}");
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
    fn guests_have_names_of_their_own_that_nobody_can_register() {
        let names = [(); 2].map(|()| Username::of_guest(UserId::new()));
        assert_ne!(names[0], names[1]);
        for name in names {
            assert!(name.is_reserved());
            assert_eq!(Username::parse(name.as_str(), "username").unwrap(), name);
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
