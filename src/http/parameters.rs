//! What a GraphQL request consists of, read strictly: `query`, `operationName`, `variables`, `extensions`.
//!
//! Both transports read it from here (GraphQL over HTTP, section "Request Parameters";
//! graphql-transport-ws, "Subscribe").

use async_graphql::Request;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{AppError, AppResult};

/// Takes the parameters out of a JSON object. Members that the specification does not know are left alone.
pub(super) fn read(mut object: Map<String, Value>) -> AppResult<Request> {
    let query = match object.remove("query") {
        Some(Value::String(query)) => query,
        _ => return Err(AppError::bad_input("query", "`query` must be a string.")),
    };
    let mut request = Request::new(query);
    request.operation_name = match object.remove("operationName") {
        Some(Value::String(name)) => Some(name),
        None | Some(Value::Null) => None,
        Some(_) => {
            return Err(AppError::bad_input(
                "operationName",
                "`operationName` must be a string or null.",
            ));
        }
    };
    request.variables = map(&mut object, "variables")?;
    request.extensions = map(&mut object, "extensions")?;
    Ok(request)
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
    fn null_is_the_same_as_left_out_and_the_unknown_is_left_alone() {
        let parameters = json!({
            "query": "{a}", "operationName": null, "variables": null, "extensions": null, "id": 7,
        });
        assert_eq!(field_at_fault(parameters), None);
    }
}
