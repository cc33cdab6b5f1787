//! A GraphQL answer as JSON, ready for any transport.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};
use serde::Serialize;

use crate::api::MOST_ERRORS;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// It ran: a whole response with `data`, and `errors` if fields failed. The text is cheap to clone, so
    /// that one execution can be sent to many.
    Executed(Arc<String>),
    /// It did not run.
    Refused(Refusal),
}

/// A request error (GraphQL, section 7.1.2 "Errors"): nothing ran, so there is no `data` at all.
#[derive(Debug)]
pub(super) struct Refusal {
    errors: Vec<ServerError>,
}

impl From<Response> for Answer {
    /// A field that fails leaves its path in the error; what fails before any field runs has none. That and
    /// `data` being null is how a request error is told from a null that spread up to the root.
    fn from(mut response: Response) -> Self {
        let refused = response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        if refused {
            return Self::Refused(Refusal::new(response.errors));
        }
        response.errors.iter_mut().for_each(give_code);
        Self::Executed(Arc::new(json(&Body {
            data: Some(&response.data),
            errors: &response.errors,
            extensions: &response.extensions,
        })))
    }
}

impl Refusal {
    /// Errors that nothing ran for.
    pub(super) fn new(mut errors: Vec<ServerError>) -> Self {
        errors.truncate(MOST_ERRORS);
        errors.iter_mut().for_each(give_code);
        Self { errors }
    }

    /// The whole response.
    pub(super) fn json(&self) -> String {
        json(&Body {
            data: None,
            errors: &self.errors,
            extensions: &BTreeMap::new(),
        })
    }

    /// The list of errors alone.
    pub(super) fn errors_json(&self) -> String {
        json(&self.errors)
    }

    /// The `extensions.code` of the first error.
    pub(super) fn code(&self) -> &str {
        match self.extension("code") {
            Some(Value::String(code)) => code,
            _ => BAD_USER_INPUT,
        }
    }

    /// How long to wait before another try, where the first error says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.extension("retryAfter") {
            Some(Value::Number(seconds)) => seconds
                .as_f64()
                .map(|it| Duration::from_secs_f64(it.max(0.0))),
            _ => None,
        }
    }

    fn extension(&self, name: &str) -> Option<&Value> {
        self.errors.first()?.extensions.as_ref()?.get(name)
    }
}

const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// Every error of ours has a code. One without is the GraphQL library's: the document does not parse or
/// does not fit the schema, or a value does not fit its type.
fn give_code(error: &mut ServerError) {
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", BAD_USER_INPUT);
    }
}

/// Written straight to text: by way of `serde_json::Value` the keys would come out sorted, and an answer
/// has them in the order of the query (GraphQL, section 7.2.2 "Serialized Map Ordering").
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps with text for keys can always be written as JSON")
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, PathSegment, indexmap::IndexMap};

    use super::*;

    #[test]
    fn keys_keep_the_order_of_the_query() {
        let data = IndexMap::from([
            (Name::new("zebra"), Value::from(1)),
            (Name::new("ant"), Value::from(2)),
        ]);
        let Answer::Executed(json) = Response::new(Value::Object(data)).into() else {
            panic!("it ran");
        };
        assert_eq!(json.as_str(), r#"{"data":{"zebra":1,"ant":2}}"#);
    }

    #[test]
    fn an_error_without_a_path_is_a_refusal_without_data() {
        let error = ServerError::new("no", None);
        let Answer::Refused(refusal) = Response::from_errors(vec![error]).into() else {
            panic!("nothing ran");
        };
        assert_eq!(
            refusal.json().as_str(),
            r#"{"errors":[{"message":"no","extensions":{"code":"BAD_USER_INPUT"}}]}"#
        );
    }

    #[test]
    fn a_null_that_spread_to_the_root_is_an_answer() {
        let error =
            ServerError::new("no", None).with_path(vec![PathSegment::Field("me".to_owned())]);
        let Answer::Executed(json) = Response::from_errors(vec![error]).into() else {
            panic!("it ran");
        };
        assert!(json.as_str().starts_with(r#"{"data":null,"errors":["#));
    }
}
