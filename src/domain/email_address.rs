//! E-mail addresses, in the one form that every mail server delivers to.

use crate::error::{AppError, AppResult};

/// An e-mail address of at most 254 bytes (RFC 5321, section 4.5.3.1.3) whose domain has a dot.
///
/// The part before the `@` is ASCII, so that no two addresses look alike and differ. A domain in other
/// letters is kept in its ASCII form (IDNA, UTS 46), which is one for all the ways to type it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks an address as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        Self::checked(text.trim()).ok_or_else(|| {
            AppError::bad_input(
                field,
                "This is not an e-mail address that mail can reach. What stands before the @ has \
                 letters a to z, digits and signs only.",
            )
        })
    }

    fn checked(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        if !local.is_ascii() {
            return None;
        }
        let domain = if domain.is_ascii() {
            domain.to_owned()
        } else {
            idna::domain_to_ascii_strict(domain).ok()?
        };
        let address = format!("{local}@{domain}");
        let fits = address.len() <= 254
            && domain.contains('.')
            && email_address::EmailAddress::is_valid(&address);
        fits.then_some(Self(address))
    }

    /// As it was typed, the domain in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folded for comparison. Mailboxes that differ only in case are one and the same everywhere in practice.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// What an account is looked up by and tries are counted by when somebody signs in with this: one for all the
/// ways to type a username or an address.
///
/// A username has no `@` and an address has one, so one key can't mean two people.
pub fn login_key(name_or_address: &str) -> String {
    match EmailAddress::parse(name_or_address, "username") {
        Ok(address) => address.key(),
        Err(_) => name_or_address.trim().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn whatever_signs_in_as_one_account_is_one_key() {
        for typed in [
            "ada@example.org",
            " Ada@Example.ORG ",
            "ada@exam\u{ad}ple.org",
            "ada@exam\u{ad}\u{ad}ple.org",
            "ada@\u{ff45}\u{ff58}ample.org",
            "ada@example\u{3002}org",
        ] {
            assert_eq!(login_key(typed), "ada@example.org", "{typed:?}");
        }
        for typed in ["ada.k", " ADA.K", "Ada.\u{212a}"] {
            assert_eq!(login_key(typed), "ada.k", "{typed:?}");
        }
    }

    #[test]
    fn look_alikes_are_one_address_or_none() {
        let key = |text: &str| {
            EmailAddress::parse(text, "email")
                .map(|address| address.key())
                .ok()
        };
        // Composed, decomposed, upper case, with an invisible joiner, and already in ASCII.
        let domains = [
            "b\u{fc}ro.example",
            "bu\u{308}ro.example",
            "B\u{dc}RO.example",
            "xn--bro-hoa.example",
        ];
        for domain in domains {
            assert_eq!(
                key(&format!("ada@{domain}")).as_deref(),
                Some("ada@xn--bro-hoa.example"),
                "{domain}"
            );
        }
        for local in ["\u{430}d\u{430}", "ada\u{200b}", "a\u{301}da", "\u{ff41}da"] {
            assert_eq!(key(&format!("{local}@example.org")), None, "{local:?}");
        }
    }
}
