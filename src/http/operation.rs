//! Which operation of a document is asked for, and of what kind it is.

use std::{any::Any, collections::BTreeSet, sync::Arc};

use async_graphql::{
    Request, ServerError, Value, Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    },
};

use crate::api::ParsedDocument;

/// An operation that is ready to run. The kinds are types of their own, so that nothing can run a
/// subscription for one answer or a mutation where only queries may pass.
pub(super) enum Operation {
    /// Reads.
    Query(Single),
    /// Writes.
    Mutation(Single),
    /// Answers again and again.
    Subscription(Live),
}

/// An operation with one answer.
pub(super) struct Single {
    pub(super) request: Request,
    /// It must run to its end, also when nobody waits for the answer any more.
    pub(super) writes: bool,
}

/// An operation with a stream of answers.
pub(super) struct Live {
    pub(super) request: Request,
    pub(super) document: Arc<ParsedDocument>,
}

impl Single {
    /// The same with something more that its resolvers can look up.
    pub(super) fn with(self, data: impl Any + Send + Sync) -> Self {
        Self {
            request: self.request.data(data),
            ..self
        }
    }
}

impl Live {
    /// An operation of this document.
    pub(super) fn new(request: Request, document: Arc<ParsedDocument>) -> Self {
        Self {
            request: asking(request, document.clone()),
            document,
        }
    }

    /// The same with something more that its resolvers can look up.
    pub(super) fn with(self, data: impl Any + Send + Sync) -> Self {
        Self {
            request: self.request.data(data),
            ..self
        }
    }
}

/// Chooses what a request asks for in a document. The request carries that, parsed.
pub(super) fn choose(
    request: Request,
    document: Arc<ParsedDocument>,
) -> Result<Operation, ServerError> {
    let chosen = named(document.parsed(), request.operation_name.as_deref())?;
    require_variables(chosen, &request.variables)?;
    require_one_source(chosen, document.parsed())?;
    Ok(match chosen.ty {
        OperationType::Query => Operation::Query(Single {
            request: asking(request, document),
            writes: false,
        }),
        OperationType::Mutation => Operation::Mutation(Single {
            request: asking(request, document),
            writes: true,
        }),
        OperationType::Subscription => Operation::Subscription(Live::new(request, document)),
    })
}

/// The request with what it asks.
fn asking(mut request: Request, document: Arc<ParsedDocument>) -> Request {
    request.set_parsed_query(document.parsed().clone());
    request.data(document)
}

/// `GetOperation` of the GraphQL specification, section 6.1.
fn named<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, ServerError> {
    let unknown = |name| ServerError::new(format!("Unknown operation named \"{name}\"."), None);
    match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => Ok(&only.node),
        (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        (DocumentOperations::Multiple(all), Some(name)) => all
            .get(name)
            .map(|found| &found.node)
            .ok_or_else(|| unknown(name)),
        (DocumentOperations::Multiple(all), None) => {
            let mut all = all.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(&only.node),
                _ => Err(ServerError::new(
                    "The document has several operations: say which one in `operationName`.",
                    None,
                )),
            }
        }
    }
}

/// `CoerceVariableValues`, section 6.1.2: a required variable must be there and not null, even one that is
/// used nowhere. The GraphQL library looks at a variable only where it is used.
fn require_variables(
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let variable = &definition.node;
        let missing = match variables.get(&variable.name.node) {
            None => variable.default_value().is_none(),
            Some(Value::Null) => !variable.var_type.node.nullable,
            Some(_) => false,
        };
        if missing {
            let message = format!(
                "Variable \"${}\" of required type \"{}\" was not provided.",
                variable.name.node, variable.var_type.node
            );
            return Err(ServerError::new(message, Some(definition.pos)));
        }
    }
    Ok(())
}

/// A subscription has one root field (GraphQL, section 5.2.4.1): otherwise it would be two on one id. The GraphQL
/// library counts the fields that it knows, and takes one field under two names for one.
fn require_one_source(
    operation: &OperationDefinition,
    document: &ExecutableDocument,
) -> Result<(), ServerError> {
    if operation.ty != OperationType::Subscription {
        return Ok(());
    }
    let mut names = BTreeSet::new();
    let mut spread = BTreeSet::new();
    let mut sets = vec![&operation.selection_set.node];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    names.insert(field.node.response_key().node.as_str());
                }
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && spread.insert(name.as_str())
                    {
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    if names.len() > 1 {
        let message = "A subscription has one field at its root.";
        return Err(ServerError::new(message, Some(operation.selection_set.pos)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn kind(mut request: Request) -> &'static str {
        let text = std::mem::take(&mut request.query);
        let parsed = parse_query(&text).expect("it is a document");
        match choose(request, Arc::new(ParsedDocument::new(text.into(), parsed))) {
            Ok(Operation::Query(_)) => "query",
            Ok(Operation::Mutation(_)) => "mutation",
            Ok(Operation::Subscription(_)) => "subscription",
            Err(_) => "refused",
        }
    }

    #[test]
    fn the_name_chooses_among_several_and_must_fit() {
        let document = "query A { a } mutation B { b } subscription C { c }";
        assert_eq!(kind(Request::new(document).operation_name("A")), "query");
        assert_eq!(kind(Request::new(document).operation_name("B")), "mutation");
        assert_eq!(
            kind(Request::new(document).operation_name("C")),
            "subscription"
        );
        assert_eq!(kind(Request::new(document).operation_name("D")), "refused");
        assert_eq!(kind(Request::new(document)), "refused");
        assert_eq!(kind(Request::new("{ a }").operation_name("A")), "refused");
        assert_eq!(kind(Request::new("query A { a }")), "query");
    }

    #[test]
    fn a_subscription_has_one_source_however_it_is_written() {
        for one in [
            "subscription { a }",
            "subscription { a ...F } fragment F on S { a }",
            "subscription { ... { x: a } }",
        ] {
            assert_eq!(kind(Request::new(one)), "subscription");
        }
        for two in [
            "subscription { a b }",
            "subscription { a x: a }",
            "subscription { a ... { b } }",
            "subscription { a ...F } fragment F on S { b ...F }",
        ] {
            assert_eq!(kind(Request::new(two)), "refused");
        }
    }

    #[test]
    fn a_required_variable_must_be_there_even_where_nothing_uses_it() {
        let given = |variables| {
            kind(
                Request::new("query ($a: ID!, $b: Int! = 3, $c: Int) { x }")
                    .variables(Variables::from_json(variables)),
            )
        };
        assert_eq!(given(json!({})), "refused");
        assert_eq!(given(json!({"a": null})), "refused");
        assert_eq!(given(json!({"a": "1", "b": null})), "refused");
        assert_eq!(given(json!({"a": "1"})), "query");
    }
}
