//! Which media type the answer has, by the request's `Accept` (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header::ACCEPT};

use crate::http::{graphql_stream::Format, operation::Operation};

/// The media types an answer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status code tells of request errors.
    GraphqlResponse,
    /// `application/json`: what came before. 200 for whatever could be read as a GraphQL request.
    Json,
}

impl Media {
    /// In the order in which they are taken when the client likes them alike and names them alike.
    const ALL: [Self; 2] = [Self::GraphqlResponse, Self::Json];

    /// Its name without parameters.
    fn name(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    /// The whole `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// What the client can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// One answer, and perhaps many.
    Single(Media, Option<Format>),
    /// One answer, though it would rather have it as if there were many.
    Either(Media, Format),
    /// Many answers only.
    Streamed(Format),
}

impl Accepted {
    /// The type for what is told before anything runs.
    pub(super) fn media(self) -> Media {
        match self {
            Self::Single(media, _) | Self::Either(media, _) => media,
            Self::Streamed(_) => Media::Json,
        }
    }

    /// How this operation's answers are written, if not as one.
    pub(super) fn format_for(self, operation: &Operation) -> Option<Format> {
        match (self, operation) {
            (Self::Either(_, format) | Self::Streamed(format), _) => Some(format),
            (Self::Single(_, format), Operation::Subscription(_)) => format,
            (Self::Single(..), Operation::Query(_) | Operation::Mutation(_)) => None,
        }
    }
}

/// What the client likes best of what we have. `None`: it likes nothing of it.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Accepted> {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Some(Accepted::Single(Media::Json, None));
    }
    let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();
    match (single(&ranges), streamed(&ranges)) {
        (None, None) => None,
        (None, Some((format, _))) => Some(Accepted::Streamed(format)),
        (Some((media, liked)), Some((format, more))) if more > liked => {
            Some(Accepted::Either(media, format))
        }
        (Some((media, _)), streamed) => {
            Some(Accepted::Single(media, streamed.map(|(format, _)| format)))
        }
    }
}

/// The best type for one answer, and how much it is liked.
///
/// Clients that ask for nothing, or for anything, get `application/json`: a client that does not name the
/// newer type may not know how to read its status codes.
fn single(ranges: &[Range]) -> Option<(Media, u16)> {
    let mut best: Option<(Media, &Range)> = None;
    for media in Media::ALL {
        // Of several ranges that fit, the most specific one tells how much the type is liked.
        let fitting = ranges.iter().filter(|range| range.fits(media));
        let Some(range) = fitting.max_by_key(|range| range.precision) else {
            continue;
        };
        let liked = (range.weight, range.precision);
        let beaten = best.is_none_or(|(_, best)| {
            liked > (best.weight, best.precision)
                || liked == (best.weight, best.precision) && range.precision != Precision::Exact
        });
        if range.weight > 0 && beaten {
            best = Some((media, range));
        }
    }
    best.map(|(media, range)| (media, range.weight))
}

/// The best format for many answers, and how much it is liked. It must be named: whoever takes anything does
/// not mean a response that goes on for ever.
fn streamed(ranges: &[Range]) -> Option<(Format, u16)> {
    let named = ranges.iter().filter(|range| range.weight > 0);
    let formats = named.filter_map(|range| Some((range.format()?, range.weight)));
    // The first of those that are liked alike: `max_by_key` would take the last.
    formats.rev().max_by_key(|(_, weight)| *weight)
}

/// One of the comma-separated parts of `Accept`.
struct Range<'a> {
    name: &'a str,
    precision: Precision,
    /// `q` in thousandths, which is as fine as it gets (section 12.4.2).
    weight: u16,
    /// Names Apollo's protocol: `multipart/mixed` alone is that of answers in parts (`@defer`).
    has_subscriptions: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Anything,
    AnyOfType,
    Exact,
}

impl<'a> Range<'a> {
    /// `None` for a range that can't fit: one in another charset than UTF-8, or one that is not well formed.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| name.contains('/'))?;
        let precision = match name.split_once('/')? {
            ("*", "*") => Precision::Anything,
            (_, "*") => Precision::AnyOfType,
            _ => Precision::Exact,
        };
        let mut weight = 1000;
        let mut has_subscriptions = false;
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value.trim())?,
                "subscriptionspec" => has_subscriptions = value.trim().trim_matches('"') == "1.0",
                "charset" if !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self {
            name,
            precision,
            weight,
            has_subscriptions,
        })
    }

    fn format(&self) -> Option<Format> {
        let is = |name| self.name.eq_ignore_ascii_case(name);
        if is("text/event-stream") {
            Some(Format::Events)
        } else if is("multipart/mixed") && self.has_subscriptions {
            Some(Format::Multipart)
        } else {
            None
        }
    }

    fn fits(&self, media: Media) -> bool {
        match self.precision {
            Precision::Anything => true,
            Precision::AnyOfType => self.name.eq_ignore_ascii_case("application/*"),
            Precision::Exact => self.name.eq_ignore_ascii_case(media.name()),
        }
    }
}

fn thousandths(q: &str) -> Option<u16> {
    let q: f32 = q.parse().ok()?;
    (0.0..=1.0)
        .contains(&q)
        .then(|| (q * 1000.0).round() as u16)
}

/// Whether a `charset` parameter names UTF-8.
pub(super) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NEW: Option<Accepted> = Some(Accepted::Single(Media::GraphqlResponse, None));
    const OLD: Option<Accepted> = Some(Accepted::Single(Media::Json, None));

    fn accepting(accept: &'static str) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        negotiate(&headers)
    }

    #[test]
    fn who_names_nothing_gets_json() {
        assert_eq!(negotiate(&HeaderMap::new()), OLD);
        assert_eq!(accepting("*/*"), OLD);
        assert_eq!(accepting("application/*"), OLD);
    }

    #[test]
    fn the_newer_type_is_taken_where_it_is_named_and_liked_as_much() {
        assert_eq!(accepting("application/graphql-response+json"), NEW);
        assert_eq!(
            accepting("application/json, Application/GraphQL-Response+JSON"),
            NEW
        );
        assert_eq!(
            accepting("application/graphql-response+json; charset=utf-8, application/json;q=0.9"),
            NEW
        );
        assert_eq!(accepting("application/graphql-response+json, */*"), NEW);
    }

    #[test]
    fn weights_decide() {
        assert_eq!(
            accepting("application/graphql-response+json;q=0.5, application/json"),
            OLD
        );
        assert_eq!(accepting("application/graphql-response+json;q=0, */*"), OLD);
        assert_eq!(accepting("application/json;q=0, */*;q=0.1"), NEW);
    }

    #[test]
    fn many_answers_come_in_the_format_that_is_named() {
        assert_eq!(
            accepting("text/event-stream"),
            Some(Accepted::Streamed(Format::Events))
        );
        // Apollo Client.
        assert_eq!(
            accepting("multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"),
            Some(Accepted::Single(Media::Json, Some(Format::Multipart)))
        );
        // urql, for queries: parts of an answer are not subscriptions.
        assert_eq!(
            accepting(
                "application/graphql-response+json, application/graphql+json, application/json, \
                 text/event-stream, multipart/mixed"
            ),
            Some(Accepted::Single(
                Media::GraphqlResponse,
                Some(Format::Events)
            ))
        );
        assert_eq!(
            accepting("text/event-stream, application/json;q=0.5"),
            Some(Accepted::Either(Media::Json, Format::Events))
        );
        assert_eq!(
            accepting("text/event-stream, multipart/mixed;subscriptionSpec=\"1.0\""),
            Some(Accepted::Streamed(Format::Events))
        );
        assert_eq!(accepting("text/event-stream;q=0, */*"), OLD);
        assert_eq!(accepting("multipart/mixed"), None);
        assert_eq!(accepting("text/*"), None);
    }

    #[test]
    fn what_we_do_not_have_is_not_acceptable() {
        assert_eq!(accepting("text/html"), None);
        assert_eq!(accepting("application/json;q=0"), None);
        assert_eq!(accepting("application/json; charset=utf-16"), None);
    }
}
