//! What is done around every execution: its answers are weighed, completed, and their errors reported.
//!
//! In one extension: the library asks each about every field, and each costs every field a future of its own.

use std::sync::{Arc, OnceLock};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextRequest, NextResolve, NextSubscribe, NextValidation, ResolveInfo,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Response, ServerError, ServerResult, ValidationResult, Value, Variables};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::answer_bytes::Scale;
use super::completion::Completion;
use super::document::{Judgement, ParsedDocument};
use super::{RequestId, error, suggestions};

/// Goes around every execution.
pub(super) struct Around {
    /// How many bytes an answer may have, and an event of a subscription.
    pub(super) most_bytes: u64,
    /// Whether somebody who misspelt a name is told what may have been meant.
    pub(super) suggests: bool,
}

impl Around {
    /// Around what nobody bounds.
    pub(super) fn unlimited() -> Self {
        Self {
            most_bytes: u64::MAX,
            suggests: true,
        }
    }
}

impl ExtensionFactory for Around {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Request {
            scale: Arc::new(Scale::new(self.most_bytes)),
            completion: Completion::default(),
            suggests: self.suggests,
            asked: OnceLock::new(),
        })
    }
}

/// Goes around one request.
struct Request {
    scale: Arc<Scale>,
    completion: Completion,
    suggests: bool,
    asked: OnceLock<Asked>,
}

/// What a request asks.
struct Asked {
    document: Arc<ParsedDocument>,
    judgement: Judgement,
}

#[async_graphql::async_trait::async_trait]
impl Extension for Request {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let id = ctx.data_opt::<RequestId>().copied();
        let mut response = next.run(ctx).await;
        error::report_all(&mut response, id);
        response
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let id = ctx.data_opt::<RequestId>().copied();
        next.run(ctx, stream)
            .map(move |mut response| {
                error::report_all(&mut response, id);
                response
            })
            .boxed()
    }

    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: async_graphql::Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<async_graphql::Request> {
        // For what is resolved in line, past this extension.
        next.run(ctx, request.data(self.scale.clone())).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let parsed = next.run(ctx, query, variables).await?;
        let document = match ctx.data_opt::<Arc<ParsedDocument>>() {
            Some(known) => known.clone(),
            None => Arc::new(ParsedDocument::new(query.into(), parsed.clone())),
        };
        let judgement = document.judge(variables, &ctx.schema_env.registry);
        // A request is parsed once.
        let _ = self.asked.set(Asked {
            document,
            judgement,
        });
        Ok(parsed)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let asked = self.asked.get();
        if let Some(Judgement::Valid(valid)) = asked.map(|asked| asked.judgement) {
            return Ok(valid);
        }
        let mut validated = next.run(ctx).await;
        match (&mut validated, asked) {
            (Ok(valid), Some(asked)) if matches!(asked.judgement, Judgement::ForAll) => {
                asked.document.found_valid(*valid);
            }
            (Err(errors), _) if self.suggests => {
                suggestions::add(errors, &ctx.schema_env.registry);
            }
            _ => {}
        }
        validated
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.scale.begin();
        let mut response = next.run(ctx, operation_name).await;
        if let Some(refusal) = self.scale.passed() {
            // One error instead of one for each value that was left out.
            return Response::from_errors(vec![refusal.clone()]);
        }
        if let Some(Asked { document, .. }) = self.asked.get() {
            let registry = &ctx.schema_env.registry;
            self.completion
                .complete(&mut response, document, operation_name, registry);
        }
        response
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        self.scale.resolve(ctx, info, next).await
    }
}
