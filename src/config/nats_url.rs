//! The address of NATS, taken apart: where its servers are, and who we are to them.

use percent_encoding::percent_decode_str;
use url::Url;

/// One server or several of one cluster. Its `Debug` shows no credentials, and neither do the servers' addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl {
    servers: Vec<String>,
    credentials: Option<(String, Option<String>)>,
}

impl NatsUrl {
    /// Reads `nats://` or `tls://` addresses separated by commas. A user and a password, or a token in the user's
    /// place, may stand before a host, percent-encoded (RFC 3986, section 3.2.1); the first ones hold for all.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parsed = Self {
            servers: Vec::new(),
            credentials: None,
        };
        for address in text.split(',') {
            let mut url = Url::parse(address.trim()).ok()?;
            let has_host = url.host_str().is_some_and(|host| !host.is_empty());
            let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
            if !matches!(url.scheme(), "nats" | "tls") || !has_host || !is_bare {
                return None;
            }
            if parsed.credentials.is_none() && !url.username().is_empty() {
                let password = match url.password() {
                    Some(password) => Some(decoded(password)?),
                    None => None,
                };
                parsed.credentials = Some((decoded(url.username())?, password));
            }
            url.set_password(None).ok()?;
            url.set_username("").ok()?;
            parsed.servers.push(url.into());
        }
        Some(parsed)
    }

    /// The servers' addresses, without credentials.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// A user and their password, or a token alone. For connecting only.
    pub fn credentials(&self) -> Option<(&str, Option<&str>)> {
        let (user, password) = self.credentials.as_ref()?;
        Some((user, password.as_deref()))
    }
}

impl std::fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NatsUrl(..)")
    }
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_address_and_not_shown() {
        let url = NatsUrl::parse("tls://ada:hunter%402@one:4222, nats://two").unwrap();
        assert_eq!(url.servers(), ["tls://one:4222", "nats://two"]);
        assert_eq!(url.credentials(), Some(("ada", Some("hunter@2"))));
        assert_eq!(format!("{url:?}"), "NatsUrl(..)");

        let url = NatsUrl::parse("nats://token@one").unwrap();
        assert_eq!(url.credentials(), Some(("token", None)));
        assert_eq!(NatsUrl::parse("nats://one").unwrap().credentials(), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "nats",
            "nats://",
            "http://one",
            "nats://one,",
            "nats://one/path",
            "ws://one",
        ] {
            assert_eq!(NatsUrl::parse(text), None, "{text}");
        }
    }
}
