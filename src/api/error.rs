//! From the product's errors to answers: a message for people, a code for programs, and no causes.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError};

use super::RequestId;
use crate::error::AppError;

/// A refusal tells of so many errors. A document can have thousands, each longer than what is wrong in it.
pub const MOST_ERRORS: usize = 20;

/// What resolvers fail with.
///
/// It has no `Display` on purpose: async-graphql turns anything that has one into an answer, and a cause
/// would leak through a `?`.
#[derive(Clone, Debug)]
pub struct ApiError(Arc<AppError>);

/// The result of a resolver.
pub(super) type ApiResult<T> = Result<T, ApiError>;

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        Self(Arc::new(error))
    }
}

impl From<Arc<AppError>> for ApiError {
    fn from(error: Arc<AppError>) -> Self {
        Self(error)
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(ApiError(error): ApiError) -> Self {
        Self {
            message: error.to_string(),
            extensions: Some(extensions(&error)),
            source: Some(error),
        }
    }
}

/// The answer to a request that could not be executed at all: errors, and no data.
pub fn error_response(error: AppError, request: RequestId) -> Response {
    let mut told = told_at(error, Vec::new());
    report(&mut told, Some(request));
    Response::from_errors(vec![told])
}

/// What is told of an error at a place in the answer.
pub(super) fn told_at(error: AppError, path: Vec<PathSegment>) -> ServerError {
    let mut told = ServerError::new(error.to_string(), None).with_path(path);
    told.extensions = Some(extensions(&error));
    told.source = Some(Arc::new(error));
    told
}

fn extensions(error: &AppError) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", error.code());
    if let Some(field) = error.field() {
        values.set("field", field);
    }
    if let Some((limit, most)) = error.limit() {
        values.set("limit", limit);
        values.set("most", most);
    }
    if let Some(wait) = error.retry_after() {
        // Whole seconds, as in HTTP's Retry-After (RFC 9110, section 10.2.3), and never "at once". Rounded
        // up: whoever comes early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        values.set("retryAfter", seconds.max(1));
    }
    values
}

/// Logs what only the log may hear of an answer's errors, once, and completes what the client is told.
pub(super) fn report_all(response: &mut Response, request: Option<RequestId>) {
    for error in &mut response.errors {
        report(error, request);
    }
}

/// Logs what only the log may hear, once, and completes what the client is told.
fn report(told: &mut ServerError, request: Option<RequestId>) {
    let request = request.map(|RequestId(id)| id.to_string());
    // The library's own errors are about the document or its variables, and have no cause.
    let Some(error) = told.source::<AppError>() else {
        return;
    };
    let Some(cause) = error.cause_chain() else {
        return;
    };
    let code = error.code();
    match error {
        AppError::Internal(_) => tracing::error!(request, code, cause, "request failed"),
        _ => tracing::warn!(request, code, cause, "request failed"),
    }
    if let (AppError::Internal(_), Some(request)) = (error, request) {
        told.extensions
            .get_or_insert_default()
            .set("requestId", request);
    }
}
