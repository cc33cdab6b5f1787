//! The seal on cursors: clients hold them, and can neither read meaning into them nor make one up.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keys;
use crate::config::Secret;

/// Half of an HMAC-SHA-256, which RFC 2104 (section 5) allows: 128 bits can't be guessed.
const MAC_BYTES: usize = 16;

/// No cursor of ours is longer, so nothing longer is worth decoding.
const MAX_SEALED: usize = 512;

/// What a sealed value is for: one made for a list does not open as a place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A place in a session's log.
    Log,
    /// A row in the list of one session's messages.
    Messages,
    /// A row in the list of the messages of all sessions.
    History,
    /// A row in the list of sessions.
    Sessions,
    /// A row in the list of chatbots.
    Chatbots,
    /// A row in what a search found.
    Search,
    /// A link to a download.
    Download,
    /// A row in the list of rooms.
    Rooms,
    /// A place in what happens around somebody's sessions.
    Inbox,
}

/// Seals and opens values. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    key: hmac::Key,
}

impl Sealer {
    /// With a key derived from the secret.
    pub fn new(secret: &Secret) -> Self {
        Self {
            key: keys::derive(secret, "parlor cursor v1"),
        }
    }

    /// The value with its seal, as URL-safe text.
    pub fn seal(&self, purpose: Purpose, value: &[u8]) -> String {
        let mac = self.mac(purpose, value);
        let mut sealed = Vec::with_capacity(MAC_BYTES + value.len());
        sealed.extend_from_slice(&mac.as_ref()[..MAC_BYTES]);
        sealed.extend_from_slice(value);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The value, if this text was sealed for the same purpose with the same secret.
    pub fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        if text.len() > MAX_SEALED {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac, value) = sealed.split_at_checked(MAC_BYTES)?;
        let expected = self.mac(purpose, value);
        constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC_BYTES]).ok()?;
        Some(value.to_vec())
    }

    fn mac(&self, purpose: Purpose, value: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[purpose as u8]);
        context.update(value);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&Secret::new("an old secret of thirty-two bytes").unwrap())
    }

    proptest! {
        #[test]
        fn only_what_was_sealed_for_the_purpose_opens(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let text = sealer().seal(Purpose::Log, &value);
            prop_assert_eq!(sealer().open(Purpose::Log, &text), Some(value.clone()));
            prop_assert_eq!(sealer().open(Purpose::Messages, &text), None);
            let other = Sealer::new(&Secret::new("another secret of thirty-two bytes").unwrap());
            prop_assert_eq!(other.open(Purpose::Log, &text), None);
        }

        #[test]
        fn a_flipped_bit_breaks_the_seal(value in proptest::collection::vec(any::<u8>(), 1..64), at: usize, bit in 0..8u32) {
            let text = sealer().seal(Purpose::Log, &value);
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(sealer().open(Purpose::Log, &URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn any_text_is_answered(text in ".{0,600}") {
            prop_assert_eq!(sealer().open(Purpose::Log, &text), None);
        }
    }
}
