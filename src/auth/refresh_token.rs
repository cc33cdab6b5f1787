//! Refresh tokens: each is followed by exactly one other.
//!
//! A token's successor is computed from it with a key of the server's. So a client whose answer was lost
//! can ask again and is given the same successor, though no token is ever stored.

use aws_lc_rs::hmac;

use super::keys;
use super::opaque::OpaqueToken;
use crate::config::Secret;
use crate::error::AppResult;

/// Makes tokens.
#[derive(Clone)]
pub struct RefreshTokens {
    key: hmac::Key,
}

impl RefreshTokens {
    /// With a key derived from the secret.
    pub fn new(secret: &Secret) -> Self {
        Self {
            key: keys::derive(secret, "parlor refresh token v1"),
        }
    }

    /// The first token of a new login.
    pub fn first(&self) -> AppResult<OpaqueToken> {
        OpaqueToken::random()
    }

    /// The one token that follows `token`.
    pub fn successor(&self, token: &OpaqueToken) -> OpaqueToken {
        let tag = hmac::sign(&self.key, token.as_bytes());
        OpaqueToken::of(tag.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_successor_which_needs_the_key() {
        let tokens = |secret| RefreshTokens::new(&Secret::new(secret).unwrap());
        let ours = tokens("an old secret of thirty-two bytes");
        let theirs = tokens("another secret of thirty-two bytes");
        let first = ours.first().unwrap();
        let next = ours.successor(&first).into_inner();
        assert_eq!(next, ours.successor(&first).into_inner());
        assert_ne!(next, theirs.successor(&first).into_inner());
        assert!(OpaqueToken::parse(&next).is_some());
        assert_ne!(ours.first().unwrap().into_inner(), first.into_inner());
    }
}
