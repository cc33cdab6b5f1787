//! Where the access token stands in what a client sends (RFC 6750, section 2.1).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Map, Value};

use crate::error::{AppError, AppResult};

/// The token of the `Authorization` header. `None` when there is no such header: that is a visitor whom
/// nobody knows, not an error.
pub(super) fn in_headers(headers: &HeaderMap) -> AppResult<Option<&str>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| UNREADABLE).and_then(token),
        // Two answers to "who are you": refuse rather than pick one.
        (Some(_), Some(_)) => Err(UNREADABLE),
    }
}

/// The token of a `connection_init` payload: `{"authorization": "Bearer ..."}`, or `Authorization` for
/// clients that copy the header's name.
pub(super) fn in_payload(payload: &Map<String, Value>) -> AppResult<Option<&str>> {
    let found = payload
        .get("authorization")
        .or_else(|| payload.get("Authorization"));
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => token(value),
        Some(_) => Err(UNREADABLE),
    }
}

const UNREADABLE: AppError =
    AppError::Unauthenticated("The authorization must have the form \"Bearer <access token>\".");

/// The part after `Bearer`; the scheme's name may be in any case (RFC 9110, section 11.1). An empty value
/// is no token, since that is what clients send when they have none yet.
fn token(authorization: &str) -> AppResult<Option<&str>> {
    let authorization = authorization.trim();
    if authorization.is_empty() {
        return Ok(None);
    }
    match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(UNREADABLE),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payload: Value) -> Result<Option<String>, &'static str> {
        let payload = payload.as_object().expect("an object").clone();
        match in_payload(&payload) {
            Ok(token) => Ok(token.map(str::to_owned)),
            Err(error) => Err(error.code()),
        }
    }

    #[test]
    fn a_token_is_found_under_either_name_and_scheme_in_any_case() {
        assert_eq!(
            read(json!({"authorization": "Bearer abc"})),
            Ok(Some("abc".into()))
        );
        assert_eq!(
            read(json!({"Authorization": "bearer  abc"})),
            Ok(Some("abc".into()))
        );
    }

    #[test]
    fn nothing_is_nobody_but_something_else_is_refused() {
        for nothing in [
            json!({}),
            json!({"authorization": null}),
            json!({"authorization": ""}),
        ] {
            assert_eq!(read(nothing), Ok(None));
        }
        for wrong in [
            json!({"authorization": 7}),
            json!({"authorization": "Basic eA=="}),
        ] {
            assert_eq!(read(wrong), Err("UNAUTHENTICATED"));
        }
    }
}
