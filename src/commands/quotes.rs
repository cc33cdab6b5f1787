//! Quotes of shares: asked of an HTTP API as CSV, kept for some seconds, and not asked for too often.
//!
//! Nothing that the API says is passed on but prices, and those only if they are numbers. No log names a symbol.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;
use reqwest::{Client, StatusCode};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::config::QuotesUrl;
use crate::outside;

/// For how long a quote is kept, and how many are. The API's own are minutes old.
const FRESH: Duration = Duration::from_secs(10);
const MOST_KEPT: u64 = 1024;

/// How many calls are under way at most, and how many are begun in a second.
const AT_ONCE: usize = 16;
const A_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// The longest answer that is read. A quote has some 100 bytes.
const LONGEST: usize = 64 * 1024;

/// What is asked for: `AAPL.US`, in capitals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Symbol(String);

impl Symbol {
    /// Reads 1 to 20 letters, digits, `.`, `-`, `_` and `^`, the first of them a letter, a digit or `^`.
    /// `usage` is what the complaint gives as an example.
    pub(super) fn parse(text: &str, usage: &str) -> Result<Self, String> {
        let fits = (1..=20).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '^')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '^'));
        match (fits, text) {
            (true, text) => Ok(Self(text.to_ascii_uppercase())),
            (false, "") => Err(format!("Which symbol? Ask like this: {usage}")),
            (false, _) => Err(format!(
                "This is not a symbol: one has up to 20 letters, digits, dots and dashes. Ask like this: {usage}"
            )),
        }
    }

    /// The words for a symbol that the API does not know, or has no price of.
    pub(super) fn has_no_quote(&self) -> String {
        format!("There is no quote of {self}.")
    }

    /// A price in the currency of the symbol's market, as far as that is known.
    pub(super) fn in_its_currency(&self, price: &str) -> String {
        match self.0.ends_with(".US") {
            true => format!("${price}"),
            false => price.to_owned(),
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prices of a share, each a decimal number; nothing where the API has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) close: Option<String>,
    pub(super) low: Option<String>,
    pub(super) high: Option<String>,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The operator has switched quotes off, or this machine can't call anybody.
    NotSetUp,
    /// Too many are asked for.
    Crowded,
    /// No connection came about, or it broke.
    Unreachable,
    /// The answer did not come in time.
    Slow,
    /// The API refused, or has a fault of its own.
    Faulty(StatusCode),
    /// What came is not a quote.
    Unreadable,
}

impl Trouble {
    /// What a person reads.
    fn words(self) -> &'static str {
        match self {
            Self::NotSetUp => "No quotes are set up here.",
            Self::Crowded => "Too many quotes are asked for at once. Try again in a moment.",
            Self::Unreachable => "The quotes can't be reached. Try again in a while.",
            Self::Slow => "The quotes took too long to answer. Try again in a while.",
            Self::Faulty(_) => "The quotes have a fault of their own. Try again in a while.",
            Self::Unreadable => "What came is not a quote. Try again in a while.",
        }
    }
}

type Asked = Arc<OnceCell<Result<Quote, Trouble>>>;

/// The API of quotes.
pub(super) struct Quotes {
    server: Option<(QuotesUrl, Client)>,
    whole: Duration,
    kept: Cache<Symbol, Asked>,
    places: Semaphore,
    rate: DefaultDirectRateLimiter,
}

impl Quotes {
    /// The API there; none if there is no address.
    pub(super) fn new(url: Option<&QuotesUrl>, connect: Duration, whole: Duration) -> Self {
        let server = url.and_then(|url| {
            let client = outside::client(connect)
                .inspect_err(|_| warn!("quotes can't be asked for: no certificates to trust"));
            Some((url.clone(), client.ok()?))
        });
        Self {
            server,
            whole,
            kept: Cache::builder()
                .max_capacity(MOST_KEPT)
                .time_to_live(FRESH)
                .build(),
            places: Semaphore::new(AT_ONCE),
            rate: RateLimiter::direct(Quota::per_second(A_SECOND)),
        }
    }

    /// The quote of a symbol, or words for a person. Those who ask for the same at once share one call.
    pub(super) async fn quote(&self, symbol: &Symbol) -> Result<Quote, String> {
        let asked = self.kept.get_with(symbol.clone(), Asked::default);
        let quote = asked.get_or_init(|| self.ask_in_time(symbol)).await.clone();
        quote.map_err(|trouble| {
            // The next one tries anew. A later call that began meanwhile is let go of, and ends all the same.
            self.kept.invalidate(symbol);
            info!(?trouble, "no quote");
            trouble.words().to_owned()
        })
    }

    async fn ask_in_time(&self, symbol: &Symbol) -> Result<Quote, Trouble> {
        let asked = timeout(self.whole, self.ask(symbol)).await;
        asked.unwrap_or(Err(Trouble::Slow))
    }

    async fn ask(&self, symbol: &Symbol) -> Result<Quote, Trouble> {
        let (url, client) = self.server.as_ref().ok_or(Trouble::NotSetUp)?;
        let address = url.address(&symbol.0).ok_or(Trouble::NotSetUp)?;
        let _place = self.places.acquire().await.ok();
        self.rate.check().map_err(|_| Trouble::Crowded)?;
        let response = client.get(address).send().await;
        let response = response.map_err(|_| Trouble::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(Trouble::Faulty(response.status()));
        }
        let body = outside::read_body(response, LONGEST).await;
        read(&body.ok_or(Trouble::Unreadable)?).ok_or(Trouble::Unreadable)
    }
}

/// Reads a quote: a line that names the columns, and a line of values. What there is no value of is `N/D`.
fn read(body: &[u8]) -> Option<Quote> {
    let mut table = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(body);
    let names = table.headers().ok()?.clone();
    let values = table.records().next()?.ok()?;
    let value = |name: &str| {
        let at = names.iter().position(|it| it.eq_ignore_ascii_case(name))?;
        let text = values.get(at)?;
        match text {
            "N/D" => Some(None),
            price => is_price(price).then(|| Some(price.to_owned())),
        }
    };
    Some(Quote {
        close: value("Close")?,
        low: value("Low")?,
        high: value("High")?,
    })
}

/// Whether it is a decimal number of a sensible length.
fn is_price(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| {
        (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_digits(whole) && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_short_and_plain() {
        for (text, symbol) in [
            ("aapl.us", "AAPL.US"),
            ("^spx", "^SPX"),
            ("BRK-B.US", "BRK-B.US"),
            ("10USY.B", "10USY.B"),
        ] {
            let parsed = Symbol::parse(text, "").unwrap();
            assert_eq!(parsed.to_string(), symbol);
        }
        for bad in [
            "",
            "AAPL US",
            ".us",
            "../etc",
            "A/B",
            "A?b=c",
            "A&f=x",
            "A#b",
            "A%2e",
            "aäpl",
            "AAPL\n.US",
            "AAPL,MSFT",
            "A23456789012345678901",
        ] {
            let words = Symbol::parse(bad, "/stock=AAPL.US").unwrap_err();
            assert!(words.ends_with("/stock=AAPL.US"), "{bad:?}: {words}");
        }
    }

    #[tokio::test]
    async fn no_more_are_asked_for_than_the_api_should_bear() {
        // Nobody is there, so that every call is over at once.
        let url = QuotesUrl::parse("http://127.0.0.1:1/{symbol}").unwrap();
        let patience = Duration::from_secs(5);
        let quotes = Quotes::new(Some(&url), patience, patience);
        let symbols = (0..200).map(|number| Symbol(format!("S{number}")));
        let asked = symbols.map(|symbol| {
            let quotes = &quotes;
            async move { quotes.quote(&symbol).await.unwrap_err() }
        });
        let told = futures_util::future::join_all(asked).await;
        let crowded = told
            .iter()
            .filter(|words| *words == Trouble::Crowded.words());
        let crowded = crowded.count();
        assert!((1..=180).contains(&crowded), "{crowded} were refused");
    }

    #[test]
    fn a_quote_is_read_by_the_names_of_its_columns() {
        let quote = |close: Option<&str>| {
            Some(Quote {
                close: close.map(str::to_owned),
                low: Some("182.13".to_owned()),
                high: Some("185".to_owned()),
            })
        };
        let head = "Symbol,Date,Time,Open,High,Low,Close,Volume";
        for (body, expected) in [
            (
                format!("{head}\r\nA.US,2026-11-20,22:00:11,184.9,185,182.13,183.05,5\r\n"),
                quote(Some("183.05")),
            ),
            (
                format!("{head}\nA.US,N/D,N/D,N/D,185,182.13,N/D,N/D"),
                quote(None),
            ),
            (
                "close , LOW,\"High\",Name\n 183.05,182.13,\"185\",\"A, Inc\"".to_owned(),
                quote(Some("183.05")),
            ),
            (
                format!("\u{feff}{head}\nA.US,,,,185,182.13,183.05"),
                quote(Some("183.05")),
            ),
            (String::new(), None),
            (head.to_owned(), None),
            (format!("{head}\nA.US,,,,185"), None),
            ("High,Low\n185,182.13".to_owned(), None),
            (format!("{head}\nA.US,,,,185,182.13,<b>1</b>,5"), None),
            (format!("{head}\nA.US,,,,185,182.13,-1,5"), None),
            (format!("{head}\nA.US,,,,185,182.13,1e9,5"), None),
            (
                format!("{head}\nA.US,,,,185,182.13,{},5", "9".repeat(13)),
                None,
            ),
            (
                "<html><body>Close,Low,High</body></html>\n<p>1</p>".to_owned(),
                None,
            ),
        ] {
            assert_eq!(read(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(read(b"Close,Low,High\n\xff,1,1"), None);
    }
}
