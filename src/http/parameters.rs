//! What a GraphQL request consists of, read strictly: `query`, `operationName`, `variables`, `extensions`.
//!
//! Both transports read it from here (GraphQL over HTTP, section "Request Parameters";
//! graphql-transport-ws, "Subscribe").

use async_graphql::Request;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{AppError, AppResult};

/// What is to be run: a request without its text, and which document that is.
pub(super) struct Parameters {
    pub(super) document: Document,
    /// Its `query` is empty.
    pub(super) request: Request,
}

/// Which document is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// This one. With a hash, the client will ask for it by that.
    Text {
        /// The document.
        text: String,
        /// What the client says is its SHA-256.
        hash: Option<String>,
    },
    /// One that the server knows by its hash or by another id.
    Id(String),
}

/// Takes the parameters out of a JSON object. Members that the specification does not know are left alone.
pub(super) fn read(mut object: Map<String, Value>) -> AppResult<Parameters> {
    let query = text(&mut object, "query")?;
    let mut request = Request::new("");
    request.operation_name = text(&mut object, "operationName")?;
    request.variables = map(&mut object, "variables")?;
    let hash = persisted_hash(object.get("extensions"))?;
    request.extensions = map(&mut object, "extensions")?;
    let id = text(&mut object, "documentId")?;
    let document = match (query, id.or_else(|| hash.clone()), object.remove("id")) {
        (Some(text), _, _) => Document::Text { text, hash },
        (None, Some(id), _) | (None, None, Some(Value::String(id))) => Document::Id(id),
        _ => return Err(AppError::bad_input("query", "`query` must be a string.")),
    };
    Ok(Parameters { document, request })
}

/// `extensions.persistedQuery.sha256Hash`, where there is one.
fn persisted_hash(extensions: Option<&Value>) -> AppResult<Option<String>> {
    let Some(persisted) = extensions.and_then(|it| it.get("persistedQuery")) else {
        return Ok(None);
    };
    match (persisted.get("version"), persisted.get("sha256Hash")) {
        (Some(Value::Number(version)), Some(Value::String(hash)))
            if version.as_u64() == Some(1) =>
        {
            Ok(Some(hash.clone()))
        }
        _ => Err(AppError::bad_input(
            "extensions",
            "`persistedQuery` must have version 1 and a `sha256Hash`.",
        )),
    }
}

fn text(object: &mut Map<String, Value>, name: &'static str) -> AppResult<Option<String>> {
    match object.remove(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(AppError::bad_input(
            name,
            format!("`{name}` must be a string or null."),
        )),
    }
}

fn map<T: DeserializeOwned + Default>(
    object: &mut Map<String, Value>,
    name: &'static str,
) -> AppResult<T> {
    let wrong = || AppError::bad_input(name, format!("`{name}` must be an object or null."));
    match object.remove(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value @ Value::Object(_)) => serde_json::from_value(value).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field_at_fault(value: Value) -> Option<&'static str> {
        let object = value.as_object().expect("an object").clone();
        read(object).err().and_then(|error| error.field())
    }

    #[test]
    fn each_parameter_has_one_type() {
        assert_eq!(field_at_fault(json!({})), Some("query"));
        assert_eq!(field_at_fault(json!({"query": 1})), Some("query"));
        let wrong = json!({"query": "{a}", "operationName": {}});
        assert_eq!(field_at_fault(wrong), Some("operationName"));
        let wrong = json!({"query": "{a}", "variables": [1]});
        assert_eq!(field_at_fault(wrong), Some("variables"));
        let wrong = json!({"query": "{a}", "extensions": "x"});
        assert_eq!(field_at_fault(wrong), Some("extensions"));
    }

    #[test]
    fn a_document_is_its_text_or_what_it_is_known_by() {
        let asked = |value: Value| {
            let object = value.as_object().expect("an object").clone();
            read(object).map(|parameters| parameters.document).ok()
        };
        let persisted = json!({"persistedQuery": {"version": 1, "sha256Hash": "h"}});
        let id = |id: &str| Some(Document::Id(id.to_owned()));
        assert_eq!(asked(json!({"extensions": persisted})), id("h"));
        assert_eq!(asked(json!({"documentId": "d"})), id("d"));
        assert_eq!(asked(json!({"id": "r", "query": null})), id("r"));
        let text = |hash: Option<&str>| {
            let (text, hash) = ("{a}".to_owned(), hash.map(str::to_owned));
            Some(Document::Text { text, hash })
        };
        let both = json!({"query": "{a}", "extensions": persisted});
        assert_eq!(asked(both), text(Some("h")));
        assert_eq!(
            asked(json!({"query": "{a}", "documentId": "d"})),
            text(None)
        );
        for wrong in [
            json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "h"}}}),
            json!({"query": "{a}", "extensions": {"persistedQuery": {"version": 1}}}),
            json!({"query": "{a}", "extensions": {"persistedQuery": 1}}),
            json!({"documentId": 1}),
            json!({"id": 1}),
        ] {
            assert_eq!(asked(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn null_is_the_same_as_left_out_and_the_unknown_is_left_alone() {
        let parameters = json!({
            "query": "{a}", "operationName": null, "variables": null, "extensions": null, "id": 7,
        });
        assert_eq!(field_at_fault(parameters), None);
    }
}
