//! Origins of web pages, as operators write them and as browsers send them.

use url::Url;

/// Origins separated by commas, each as a browser writes it in its `Origin` header (RFC 6454, section 6.2): in lower
/// case, the host in ASCII, without the port that the scheme implies.
pub(super) fn parse(text: &str) -> Option<Vec<String>> {
    text.split(',').map(|part| origin(part.trim())).collect()
}

fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    // Nothing but an origin: a path would seem to say which pages of it may, and a `*` which hosts.
    let is_bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let is_one = url.host_str().is_some_and(|host| !host.contains('*'));
    (is_web && is_bare && is_one).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (written, sent) in [
            ("https://a.example", "https://a.example"),
            ("HTTPS://A.Example:443/", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(written), Some(vec![sent.to_owned()]), "{written}");
        }
        let both = parse("https://a.example, http://b.example").unwrap();
        assert_eq!(both, ["https://a.example", "http://b.example"]);
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_none() {
        for bad in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://*.example",
            "https://a.example/chat",
            "https://a.example?x",
            "https://a.example#x",
            "https://ada@a.example",
            "ftp://a.example",
            "https://a.example,",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
