//! Tokens: no text is a good access token that was not signed, whatever its claims are.

#![no_main]

use std::sync::LazyLock;

use parlor::auth::{AccessTokens, OpaqueToken};
use parlor::config::Secret;

static TOKENS: LazyLock<AccessTokens> = LazyLock::new(|| {
    AccessTokens::new(&Secret::new("a secret for fuzzing of 32 bytes").expect("it is long enough"))
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert!(TOKENS.check(text).is_err());
    if let Some(token) = OpaqueToken::parse(text) {
        assert_eq!(token.hash().len(), 32);
    }
});
