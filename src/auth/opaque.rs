//! Opaque tokens: chance and nothing else, stored hashed, so that a copy of the database lets nobody in.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{AppError, AppResult};

/// A token as a client holds it: 43 characters, 256 bits. It has no `Debug`, so that no log can show it.
pub struct OpaqueToken(String);

impl OpaqueToken {
    /// One that nobody can guess.
    pub fn random() -> AppResult<Self> {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).map_err(|_| AppError::Internal(anyhow::anyhow!("no randomness")))?;
        Ok(Self::of(&bytes))
    }

    /// One made of these 32 bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a client sent, if it could be a token.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 43).then(|| Self(text.to_owned()))
    }

    /// The token's bytes, to make another of.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
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
