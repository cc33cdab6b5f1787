//! Where quotes are asked for: the operator's template, with a place for the symbol.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

/// Stooq's quotes as CSV, a header and a line.
const STOOQ: &str = "https://stooq.com/q/l/?s={symbol}&f=sd2t2ohlcv&h&e=csv";

/// Where the symbol goes.
const PLACE: &str = "{symbol}";

/// What a symbol keeps as it is in an address: what RFC 3986 never reserves (section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// An address of quotes. Its `Debug` shows the host only: its query may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct QuotesUrl {
    template: String,
}

impl QuotesUrl {
    /// Reads a template: `http` or `https`, a host, no user, and `{symbol}` once, behind the host.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once(PLACE)?;
        let url = Url::parse(&format!("{before}symbol{after}")).ok()?;
        let (_, rest) = before.split_once("://")?;
        let fits = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && rest.contains(['/', '?'])
            && !after.contains(PLACE);
        fits.then(|| Self {
            template: text.to_owned(),
        })
    }

    /// Where to ask for this symbol, which is put in as one piece, whatever characters it has.
    pub fn address(&self, symbol: &str) -> Option<Url> {
        let symbol = utf8_percent_encode(symbol, RESERVED).to_string();
        Url::parse(&self.template.replacen(PLACE, &symbol, 1)).ok()
    }

    /// The host that is asked, and its port if that is not the usual one.
    pub fn host(&self) -> String {
        let url = self.address("symbol");
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        match url.as_ref().and_then(Url::port) {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl Default for QuotesUrl {
    fn default() -> Self {
        Self {
            template: STOOQ.to_owned(),
        }
    }
}

impl std::fmt::Debug for QuotesUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QuotesUrl({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_one() {
        let stooq = QuotesUrl::default();
        assert_eq!(QuotesUrl::parse(STOOQ), Some(stooq.clone()));
        assert_eq!(stooq.host(), "stooq.com");
        assert_eq!(
            stooq.address("AAPL.US").unwrap().as_str(),
            "https://stooq.com/q/l/?s=AAPL.US&f=sd2t2ohlcv&h&e=csv"
        );
    }

    #[test]
    fn a_symbol_stays_one_piece_of_the_address() {
        let template = "http://127.0.0.1:81/quotes/{symbol}?key=hunter2";
        let quotes = QuotesUrl::parse(template).unwrap();
        assert_eq!(
            quotes.address("^A/../?&#%é").unwrap().as_str(),
            "http://127.0.0.1:81/quotes/%5EA%2F..%2F%3F%26%23%25%C3%A9?key=hunter2"
        );
        assert_eq!(format!("{quotes:?}"), "QuotesUrl(127.0.0.1:81)");
    }

    #[test]
    fn what_leads_elsewhere_is_none() {
        for bad in [
            "",
            "https://stooq.com/q/l/?s=AAPL",
            "https://{symbol}/q",
            "https://{symbol}.stooq.com/q",
            "https://ada:hunter2@stooq.com/{symbol}",
            "https://stooq.com/{symbol}/{symbol}",
            "https://stooq.com/#{symbol}",
            "ftp://stooq.com/{symbol}",
            "stooq.com/{symbol}",
            "https://stooq.com:{symbol}/",
        ] {
            assert_eq!(QuotesUrl::parse(bad), None, "{bad}");
        }
    }
}
