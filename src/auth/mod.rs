//! What proves who someone is: passwords, access tokens, refresh tokens; and the seal on cursors.
//!
//! Only computation lives here. What is stored of it, and what it allows, is for others.

mod access_token;
mod keys;
mod opaque;
mod password;
mod refresh_token;
mod seal;
mod strength;

pub use access_token::{AccessToken, AccessTokens, Claims};
pub use opaque::OpaqueToken;
pub use password::Passwords;
pub use refresh_token::RefreshTokens;
pub use seal::{Purpose, Sealer};
