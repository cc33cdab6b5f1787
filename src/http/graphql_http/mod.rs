//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>): reads a request and gives one
//! answer, or hands over to `graphql_stream` where many are wanted.

mod accept;
mod request;
mod respond;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use futures_util::{future::ready, stream};

use super::{
    Server, Shared,
    answer::{Answer, Refusal},
    client_address,
    endpoint::Caller,
    graphql_stream,
    guests::Seat,
    identity,
    operation::Operation,
    origin, request_id,
};
use crate::{
    api::RequestId,
    domain::Viewer,
    error::{AppError, AppResult},
};
use accept::{Accepted, Media};
use request::Malformed;

/// `POST /graphql`: any operation.
pub(super) async fn post(State(server): State<Shared>, request: Request) -> Response {
    handle(server, request).await
}

/// `GET /graphql`: what only reads.
pub(super) async fn get(server: Shared, request: Request) -> Response {
    handle(server, request).await
}

async fn handle(server: Shared, request: Request) -> Response {
    let id = request_id::of(&request);
    let malformed = |media, Malformed { status, error }| {
        respond::malformed(media, status, &server.endpoint.refusal(error, id))
    };
    let Some(accepted) = accept::negotiate(request.headers()) else {
        return malformed(Media::Json, Malformed::not_acceptable());
    };
    match read(&server, request, id, accepted).await {
        Ok((caller, operation)) => answer(server, caller, accepted, operation).await,
        Err(fault) => malformed(accepted.media(), fault),
    }
}

/// The answer to what can't be read as any request of ours.
pub(super) fn malformed(status: StatusCode, refusal: &Refusal) -> Response {
    respond::malformed(Media::Json, status, refusal)
}

/// Who asks, and for what; or why nothing of it will run.
async fn read(
    server: &Server,
    request: Request,
    request_id: RequestId,
    accepted: Accepted,
) -> Result<(Caller, Result<Operation, Refusal>), Malformed> {
    let is_post = request.method() == Method::POST;
    let headers = request.headers().clone();
    let address = client_address::of(&request);
    let gate = server.endpoint.gate();
    let parameters = if is_post {
        request::from_body(request, &server.timings, gate).await?
    } else {
        request::from_address(request.uri(), gate)?
    };
    let caller = |viewer| Caller {
        viewer,
        address,
        request_id,
    };
    let caller = match identify(server, &headers).await {
        Ok(viewer) => caller(viewer),
        Err(error) => {
            let refusal = server.endpoint.refusal(error, request_id);
            return Ok((caller(Viewer::Refused), Err(refusal)));
        }
    };
    let operation = server.endpoint.admit(parameters, &caller);
    match &operation {
        Ok(Operation::Mutation(_)) if !is_post => return Err(Malformed::mutation_over_get()),
        Ok(operation) if accepted.format_for(operation).is_some() => {
            let allowed = &server.app.config().allowed_origins;
            if !origin::may_connect(&headers, allowed) {
                return Err(Malformed::foreign_page());
            }
        }
        _ => {}
    }
    Ok((caller, operation))
}

/// The response in which what came of the operation is told, or is being told.
async fn answer(
    server: Shared,
    caller: Caller,
    accepted: Accepted,
    operation: Result<Operation, Refusal>,
) -> Response {
    let (endpoint, media) = (server.endpoint.clone(), accepted.media());
    let admitted = operation.and_then(|operation| {
        let format = accepted.format_for(&operation);
        let stream = format.map(|format| Ok((format, sit_down(&server, &caller)?)));
        Ok((operation, stream.transpose()?))
    });
    let (operation, stream) = match (admitted, accepted) {
        (Ok(admitted), _) => admitted,
        (Err(refusal), Accepted::Streamed(format)) => {
            let only = stream::once(ready(Answer::Refused(refusal)));
            return graphql_stream::respond(format, server, caller, None, only);
        }
        (Err(refusal), _) => return respond::refused(media, &refusal),
    };
    match (stream, operation) {
        (Some((format, seat)), operation) => {
            let answers = endpoint.run(operation, &caller);
            graphql_stream::respond(format, server, caller, Some(seat), answers)
        }
        (None, Operation::Query(single) | Operation::Mutation(single)) => {
            match endpoint.execute(single, &caller).await {
                Answer::Executed(json) => respond::executed(media, Arc::unwrap_or_clone(json)),
                Answer::Refused(refusal) => respond::refused(media, &refusal),
            }
        }
        (None, Operation::Subscription(_)) => {
            let error = AppError::bad_input(
                "query",
                "A subscription has many answers: accept text/event-stream, or \
                 multipart/mixed;subscriptionSpec=1.0, or run it on a WebSocket (graphql-transport-ws).",
            );
            respond::refused(media, &endpoint.refusal(error, caller.request_id))
        }
    }
}

/// A stream's place among those of its address and its person.
fn sit_down(server: &Server, caller: &Caller) -> Result<Seat, Refusal> {
    let address = server.guests.at_address(caller.address);
    let seat = address.and_then(|address| server.guests.seat(address, &caller.viewer));
    seat.map_err(|error| server.endpoint.refusal(error, caller.request_id))
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
                "This endpoint answers in application/graphql-response+json or application/json, and streams \
                 in text/event-stream or multipart/mixed;subscriptionSpec=1.0.",
            ),
        }
    }

    /// What streams is readable for pages of other origins too, as long as nobody looks at the origin: the
    /// answer begins before a browser has decided.
    fn foreign_page() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error: origin::FOREIGN,
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
