//! Completes answers as the specification says where async-graphql does not: failed fields are null and nulls
//! spread, keys come in the query's order.

mod nulls;
mod order;

use std::sync::OnceLock;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::registry::Registry;
use async_graphql::{Name, Response};

pub(super) use order::Order;

use super::ParsedDocument;

/// Completes the answers of one request.
#[derive(Default)]
pub(super) struct Completion {
    /// Of a document with several operations.
    order: OnceLock<Order>,
}

impl Completion {
    /// Completes an answer, or an event of a subscription. `document` is always the same.
    pub(super) fn complete(
        &self,
        response: &mut Response,
        document: &ParsedDocument,
        operation_name: Option<&str>,
        registry: &Registry,
    ) {
        let parsed = document.parsed();
        let Some(operation) = operation(parsed, operation_name) else {
            return;
        };
        nulls::spread(response, operation, parsed, registry);
        let own = || Order::of(&[&operation.selection_set.node], parsed);
        let order = document.order();
        order
            .unwrap_or_else(|| self.order.get_or_init(own))
            .arrange(&mut response.data);
    }
}

fn operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = operations.find(|(other, _)| name.is_none() || other.map(Name::as_str) == name);
    found.map(|(_, operation)| &operation.node)
}
