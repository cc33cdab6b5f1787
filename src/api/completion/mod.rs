//! Completes answers as the specification says where async-graphql does not: failed fields are null and nulls
//! spread, keys come in the query's order.

mod nulls;
mod order;

use std::sync::{Arc, OnceLock};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Response, ServerResult, Variables};

/// Completes every answer, and every event of a subscription.
pub(super) struct Completion;

impl ExtensionFactory for Completion {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Completing::default())
    }
}

#[derive(Default)]
struct Completing {
    document: OnceLock<ExecutableDocument>,
}

#[async_graphql::async_trait::async_trait]
impl Extension for Completing {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        // Each request has an extension of its own, and is parsed once.
        let _ = self.document.set(document.clone());
        Ok(document)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        let Some(document) = self.document.get() else {
            return response;
        };
        let mut operations = document.operations.iter();
        let operation = operations
            .find(|(name, _)| operation_name.is_none() || name.map(Name::as_str) == operation_name);
        if let Some((_, operation)) = operation {
            let operation = &operation.node;
            nulls::spread(&mut response, operation, document, &ctx.schema_env.registry);
            let selected = &operation.selection_set.node;
            order::arrange(&mut response.data, &[selected], document);
        }
        response
    }
}
