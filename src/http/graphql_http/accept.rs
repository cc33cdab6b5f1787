//! Which media type the answer has, by the request's `Accept` (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header::ACCEPT};

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

/// The media type that the client likes best of those we have. `None`: it likes none of them.
///
/// Clients that ask for nothing, or for anything, get `application/json`: a client that does not name the
/// newer type may not know how to read its status codes.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Media> {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Some(Media::Json);
    }
    let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();

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
    best.map(|(media, _)| media)
}

/// One of the comma-separated parts of `Accept`.
struct Range<'a> {
    name: &'a str,
    precision: Precision,
    /// `q` in thousandths, which is as fine as it gets (section 12.4.2).
    weight: u16,
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
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value.trim())?,
                "charset" if !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self {
            name,
            precision,
            weight,
        })
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

    const NEW: Option<Media> = Some(Media::GraphqlResponse);
    const OLD: Option<Media> = Some(Media::Json);

    fn accepting(accept: &'static str) -> Option<Media> {
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
    fn what_we_do_not_have_is_not_acceptable() {
        assert_eq!(accepting("text/html"), None);
        assert_eq!(accepting("application/json;q=0"), None);
        assert_eq!(accepting("application/json; charset=utf-16"), None);
    }
}
