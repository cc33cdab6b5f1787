//! Whom a request counts for, by address.
//!
//! Behind a proxy every connection comes from the proxy, which says in `X-Forwarded-For` whose it was. Anybody
//! can write that header, so it is believed only as far as proxies that the operator trusts have written it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use super::Shared;
use crate::domain::ClientAddress;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Notes the address in the request's extensions.
pub(super) async fn note(
    State(server): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let trusted = &server.app.config().trusted_proxies;
        let address = client(peer.ip(), request.headers(), trusted);
        request.extensions_mut().insert(ClientAddress::of(address));
    }
    next.run(request).await
}

/// The address that [`note`] noted. Requests that no connection brought all count as one.
pub(super) fn of(request: &Request) -> ClientAddress {
    let noted = request.extensions().get().copied();
    noted.unwrap_or_else(|| ClientAddress::of(Ipv4Addr::UNSPECIFIED.into()))
}

/// The rightmost address that is not a trusted proxy's. Each proxy adds at the right whom it was called by, so
/// everything further left is what that one claims.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        match address(hop) {
            Some(address) => client = address.to_canonical(),
            // A trusted proxy that does not know either ("unknown"): all that it brings counts as its own.
            None => break,
        }
    }
    client
}

/// An address; some proxies add the port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop).ok()?.trim();
    let bare = || hop.trim_start_matches('[').trim_end_matches(']').parse();
    let with_port = || hop.parse().map(|address: SocketAddr| address.ip());
    bare().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn found(peer: &str, lines: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_who_is_not_trusted_is_believed() {
        assert_eq!(found("192.0.2.7", &[]), "192.0.2.7");
        assert_eq!(found("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
    }

    #[test]
    fn a_trusted_proxy_tells_whom_it_was_called_by_and_not_what_that_one_claims() {
        assert_eq!(found("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            found("10.0.0.1", &["203.0.113.9, 198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            found("10.0.0.1", &["203.0.113.9", "198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            found("::ffff:10.0.0.1", &["2001:db8::1, fd00::2"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn ports_are_dropped_and_what_is_no_address_goes_no_further() {
        assert_eq!(found("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(found("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(found("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(found("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(
            found("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.3"]),
            "10.0.0.3"
        );
        assert_eq!(found("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["10.0.0.2, 10.0.0.3"]), "10.0.0.2");
    }
}
