//! Apollo's multipart subscriptions
//! (<https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>).
//!
//! A reader knows that a part is whole when it sees the boundary behind it. So each part is sent together with
//! that one, and not with the boundary before it.

use axum::body::Bytes;

pub(super) const CONTENT_TYPE: &str =
    "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"";

/// The first boundary.
pub(super) const OPENING: &[u8] = b"\r\n--graphql";

/// A part with nothing in it.
pub(super) const HEARTBEAT: &[u8] = b"\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql";

/// Makes the boundary before it the last one.
pub(super) const END: &[u8] = b"--\r\n";

/// One answer.
pub(super) fn payload(response: &str) -> Bytes {
    part(&format!(r#"{{"payload":{response}}}"#))
}

/// Why there are no more answers, if that is not for the operation to say.
pub(super) fn protocol_error(errors: &str) -> Bytes {
    part(&format!(r#"{{"payload":null,"errors":{errors}}}"#))
}

fn part(json: &str) -> Bytes {
    format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql").into()
}
