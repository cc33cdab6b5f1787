//! Keys derived from the one secret, a different one for each use, so that no use weakens another.

use aws_lc_rs::hmac;

use crate::config::Secret;

/// The key for one use, named by a constant text.
pub(super) fn derive(secret: &Secret, purpose: &'static str) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let derived = hmac::sign(&secret, purpose.as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}
