//! Refresh tokens: opaque, stored hashed, each followed by exactly one other.
//!
//! A token's successor is computed from it with a key of the server's. So a client whose answer was lost
//! can ask again and is given the same successor, though no token is ever stored.

use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keys;
use crate::config::Secret;
use crate::error::{AppError, AppResult};

/// A token as a client holds it: 43 characters. It has no `Debug`, so that no log can show it.
pub struct RefreshToken(String);

impl RefreshToken {
    /// What a client sent, if it could be a token.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 43).then(|| Self(text.to_owned()))
    }

    /// The token, for the client it belongs to.
    pub fn into_inner(self) -> String {
        self.0
    }

    /// What is stored of it: its SHA-256.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes())
            .as_ref()
            .to_vec()
    }
}

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
    pub fn first(&self) -> AppResult<RefreshToken> {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).map_err(|_| AppError::Internal(anyhow::anyhow!("no randomness")))?;
        Ok(RefreshToken(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one token that follows `token`.
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        let tag = hmac::sign(&self.key, token.0.as_bytes());
        RefreshToken(URL_SAFE_NO_PAD.encode(tag.as_ref()))
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
        assert!(RefreshToken::parse(&next).is_some());
        assert_ne!(ours.first().unwrap().into_inner(), first.into_inner());
    }
}
