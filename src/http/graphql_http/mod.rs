//! GraphQL over HTTP: one request, one answer
//! (<https://graphql.github.io/graphql-over-http/draft/>).

mod accept;
mod request;
mod respond;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};

use super::{
    Server, Shared, answer::Answer, client_address, endpoint::Caller, identity,
    operation::Operation, request_id,
};
use crate::{
    api::RequestId,
    domain::Viewer,
    error::{AppError, AppResult},
};
use accept::Media;
use request::Malformed;

/// `POST /graphql`: any operation with one answer.
pub(super) async fn post(State(server): State<Shared>, request: Request) -> Response {
    handle(&server, request).await
}

/// `GET /graphql`: queries only.
pub(super) async fn get(server: Shared, request: Request) -> Response {
    handle(&server, request).await
}

async fn handle(server: &Server, request: Request) -> Response {
    let id = request_id::of(&request);
    let malformed = |media, Malformed { status, error }| {
        respond::malformed(media, status, &server.endpoint.refusal(error, id))
    };
    let Some(media) = accept::negotiate(request.headers()) else {
        return malformed(Media::Json, Malformed::not_acceptable());
    };
    match exchange(server, request, id).await {
        Ok(Answer::Executed(json)) => respond::executed(media, json),
        Ok(Answer::Refused(refusal)) => respond::refused(media, &refusal),
        Err(fault) => malformed(media, fault),
    }
}

async fn exchange(server: &Server, request: Request, id: RequestId) -> Result<Answer, Malformed> {
    let is_post = request.method() == Method::POST;
    let headers = request.headers().clone();
    let gate = server.endpoint.gate();
    let address = client_address::of(&request);
    let parameters = if is_post {
        request::from_body(request, server.timings.body, gate).await?
    } else {
        request::from_address(request.uri(), gate)?
    };
    let caller = match identify(server, &headers).await {
        Ok(viewer) => Caller {
            viewer,
            address,
            request_id: id,
        },
        Err(error) => return Ok(Answer::Refused(server.endpoint.refusal(error, id))),
    };
    let operation = match server.endpoint.admit(parameters, &caller) {
        Ok(Operation::Query(query)) => query,
        Ok(Operation::Mutation(mutation)) if is_post => mutation,
        Ok(Operation::Mutation(_)) => return Err(Malformed::mutation_over_get()),
        Ok(Operation::Subscription(_)) => {
            let error = AppError::bad_input(
                "query",
                "A subscription has many answers: run it on a WebSocket (graphql-transport-ws).",
            );
            return Ok(Answer::Refused(server.endpoint.refusal(error, id)));
        }
        Err(refusal) => return Ok(Answer::Refused(refusal)),
    };
    Ok(server.endpoint.execute(operation, &caller).await)
}

/// A token that is not good does not stand in the way of signing in: clients send the one they hold with
/// every request. What needs a good one says so.
async fn identify(server: &Server, headers: &HeaderMap) -> AppResult<Viewer> {
    let identified = match identity::in_headers(headers) {
        Ok(token) => server.endpoint.identify(token).await,
        Err(error) => Err(error),
    };
    match identified {
        Err(AppError::Unauthenticated(_)) => Ok(Viewer::Refused),
        identified => identified,
    }
}

impl Malformed {
    /// RFC 9110, section 15.5.7.
    fn not_acceptable() -> Self {
        Self {
            status: StatusCode::NOT_ACCEPTABLE,
            error: AppError::bad_input(
                "accept",
                "This endpoint answers in application/graphql-response+json or application/json.",
            ),
        }
    }

    /// GraphQL over HTTP, section "GET": a link or an image must not be able to write.
    fn mutation_over_get() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error: AppError::bad_input("query", "A mutation must be sent with POST."),
        }
    }
}
