//! Many answers in one HTTP response, for clients that have no WebSocket or whose proxies break it.
//!
//! Two protocols, one loop: [`events`] is GraphQL over Server-Sent Events, [`multipart`] is Apollo's multipart
//! subscriptions. They differ in how an answer, a heartbeat and the end are written, and in nothing else.
//!
//! The loop is the body of the response: it runs when the connection can take more. A peer that reads slowly
//! slows down what is made for it, one that reads nothing is hung up on (see `http::steady`), and one that
//! goes away takes the body with it, and with the body the subscription.

mod events;
mod multipart;

use std::{convert::Infallible, pin::pin};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    Shared,
    answer::{Answer, Refusal},
    endpoint::Caller,
    guests::Seat,
    parting::{Parting, Reason},
};

/// How answers are written one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `text/event-stream`.
    Events,
    /// `multipart/mixed` with `subscriptionSpec=1.0`.
    Multipart,
}

impl Format {
    /// The whole `Content-Type`.
    fn content_type(self) -> &'static str {
        match self {
            Self::Events => events::CONTENT_TYPE,
            Self::Multipart => multipart::CONTENT_TYPE,
        }
    }

    /// What comes first. Sent at once, so that proxies pass the head on and clients know that they are heard.
    fn opening(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Events => events::HEARTBEAT,
            Self::Multipart => multipart::OPENING,
        })
    }

    fn answer(self, response: &str) -> Bytes {
        match self {
            Self::Events => events::next(response),
            Self::Multipart => multipart::payload(response),
        }
    }

    fn refusal(self, refusal: &Refusal) -> Bytes {
        match self {
            Self::Events => events::next(&refusal.json()),
            Self::Multipart => multipart::protocol_error(&refusal.errors_json()),
        }
    }

    fn heartbeat(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Events => events::HEARTBEAT,
            Self::Multipart => multipart::HEARTBEAT,
        })
    }

    fn end(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Events => events::COMPLETE,
            Self::Multipart => multipart::END,
        })
    }
}

/// The response that carries these answers. It keeps its seat while it lasts; one that only tells of a refusal
/// needs none.
pub(super) fn respond(
    format: Format,
    server: Shared,
    caller: Caller,
    seat: Option<Seat>,
    answers: impl Stream<Item = Answer> + Send + 'static,
) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        ),
        // `no-transform`: a proxy that compresses would hold answers back until it has enough of them.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store, no-transform"),
        ),
        // nginx, and those that took the header over from it, send on at once what has this.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    let pieces = pieces(format, server, caller, seat, answers);
    let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
    (headers, body).into_response()
}

/// The pieces of the body, each one whole answer, heartbeat or end.
fn pieces(
    format: Format,
    server: Shared,
    caller: Caller,
    seat: Option<Seat>,
    answers: impl Stream<Item = Answer> + Send + 'static,
) -> impl Stream<Item = Bytes> + Send + 'static {
    async_stream::stream! {
        // Given back with everything else here, whatever ends it.
        let _seat = seat;
        yield format.opening();
        let every = server.timings.ping;
        let mut heartbeat = interval_at(Instant::now() + every, every);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut must_go = pin!(Reason::to_go(&server, &caller.viewer));
        let mut parting: Option<Parting> = None;
        let mut answers = pin!(answers);
        loop {
            tokio::select! {
                answer = answers.next() => match answer {
                    Some(Answer::Executed(response)) => yield format.answer(&response),
                    Some(Answer::Refused(refusal)) => {
                        yield format.refusal(&refusal);
                        break;
                    }
                    None => break,
                },
                reason = &mut must_go, if parting.is_none() => {
                    parting = Some(Parting::new(reason, server.timings.last_events));
                }
                reason = Parting::is_over(parting), if parting.is_some() => {
                    // The subscription could not say why it ends: it must not seem to have come to its end.
                    let refusal = server.endpoint.refusal(reason.error(), caller.request_id);
                    yield format.refusal(&refusal);
                    break;
                }
                _ = heartbeat.tick() => yield format.heartbeat(),
            }
        }
        yield format.end();
    }
}
