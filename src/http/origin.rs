//! Which web pages may open a socket, or a stream.
//!
//! Browsers let any page open a WebSocket to any host and tell only by the `Origin` header which page it
//! was (RFC 6455, section 10.2). So the server has to look.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::error::AppError;

/// What the others are told.
pub(super) const FOREIGN: AppError = AppError::Forbidden("Pages of this origin may not connect.");

/// True when a page of this origin may open a socket: a page of our own host, or of an origin that the
/// operator allows. A request without `Origin` does not come from a page.
pub(super) fn may_connect(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    is_own(origin, headers.get(header::HOST)) || is_listed(origin, allowed)
}

/// Behind a proxy that ends TLS the scheme differs from what arrives here, so hosts are compared, without
/// the port that the page's scheme implies.
fn is_own(origin: &str, host: Option<&HeaderValue>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let implied = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| {
        let authority = authority.to_ascii_lowercase();
        authority
            .strip_suffix(implied)
            .map_or(authority.clone(), str::to_owned)
    };
    host.and_then(|host| host.to_str().ok())
        .is_some_and(|host| bare(host) == bare(authority))
}

fn is_listed(origin: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(origin: &'static str, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert(header::HOST, HeaderValue::from_static(host));
        may_connect(&headers, &["https://pages.example".to_owned()])
    }

    #[test]
    fn own_pages_and_listed_ones_may_connect() {
        assert!(may("http://localhost:8000", "localhost:8000"));
        assert!(may("https://chat.example", "Chat.example:443"));
        assert!(may("https://pages.example", "chat.example"));
        assert!(may_connect(&HeaderMap::new(), &[]));
    }

    #[test]
    fn other_pages_may_not() {
        assert!(!may("http://localhost:3000", "localhost:8000"));
        assert!(!may("http://evil.example", "chat.example"));
        assert!(!may("http://chat.example.evil.example", "chat.example"));
        assert!(!may("null", "chat.example"));
        assert!(!may("chrome-extension://chat.example", "chat.example"));
        assert!(!may("http://pages.example", "chat.example"));
    }
}
