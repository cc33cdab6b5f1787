//! GraphQL over Server-Sent Events, distinct connections mode
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).

use axum::body::Bytes;

pub(super) const CONTENT_TYPE: &str = "text/event-stream; charset=utf-8";

/// A comment, which clients pass over.
pub(super) const HEARTBEAT: &[u8] = b":\n\n";

/// With a data field, though an empty one: browsers drop an event that has none (HTML Living Standard, section
/// "Interpreting an event stream").
pub(super) const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// One answer. It is written as JSON, which has no line breaks in it.
pub(super) fn next(response: &str) -> Bytes {
    format!("event: next\ndata: {response}\n\n").into()
}
