//! Who is who in a prepared database: ids made from numbers, so that SQL, the load and the ceilings agree on them
//! without asking; and the tokens of the people among them.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// The secret of every server of a run. They listen on the loopback only, for minutes.
pub const SECRET: &str = "what everybody knows while a benchmark runs";

/// A kind of thing that has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Login,
    Session,
    Chatbot,
}

impl Kind {
    fn mark(self) -> u128 {
        match self {
            Self::User => 1,
            Self::Login => 2,
            Self::Session => 3,
            Self::Chatbot => 4,
        }
    }

    /// The id of the `n`th of its kind.
    pub fn id(self, n: u32) -> Uuid {
        Uuid::from_u128((0x8000 + self.mark()) << 64 | 0x9000 << 48 | u128::from(n))
    }

    /// The same in SQL; `n` is an expression.
    pub fn sql(self, n: &str) -> String {
        format!(
            "('00000000-0000-800{}-9000-' || lpad(to_hex(({n})::bigint), 12, '0'))::uuid",
            self.mark()
        )
    }
}

/// A session's id as the API shows it.
pub fn node_id(session: Uuid) -> String {
    let mut bytes = vec![b's'];
    bytes.extend_from_slice(session.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A message's id as the API shows it.
pub fn message_node_id(session: Uuid, seq: i32) -> String {
    let mut bytes = vec![b'm'];
    bytes.extend_from_slice(session.as_bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A person's id as the API shows it.
pub fn user_node_id(user: Uuid) -> String {
    let mut bytes = vec![b'u'];
    bytes.extend_from_slice(user.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What an access token says (RFC 7519).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The person.
    pub sub: Uuid,
    /// Their login.
    pub sid: Uuid,
    /// When it was made.
    pub iat: i64,
    /// When it stops being good.
    pub exp: i64,
}

/// A token of the `n`th person, good for longer than a run.
pub fn token(n: u32) -> Result<String> {
    let now = Utc::now().timestamp();
    let claims = Claims {
        sub: Kind::User.id(n),
        sid: Kind::Login.id(n),
        iat: now,
        exp: now + 6 * 3600,
    };
    let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?);
    let signed = format!("{head}.{claims}");
    let mac = mac()?.chain_update(&signed).finalize().into_bytes();
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// What a token says, if it is ours and has not expired: the signature is compared in constant time, the algorithm must be
/// the one, as a careful server does it.
pub fn check_token(token: &str) -> Result<Claims> {
    let (signed, mac_sent) = token.rsplit_once('.').context("no signature")?;
    let (head, claims) = signed.split_once('.').context("no claims")?;
    mac()?
        .chain_update(signed)
        .verify_slice(&URL_SAFE_NO_PAD.decode(mac_sent)?)?;
    #[derive(Deserialize)]
    struct Head {
        alg: String,
    }
    let head: Head = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head)?)?;
    anyhow::ensure!(head.alg == "HS256", "another algorithm");
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
    anyhow::ensure!(claims.exp > Utc::now().timestamp(), "expired");
    Ok(claims)
}

fn mac() -> Result<Hmac<Sha256>> {
    Ok(Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_and_a_changed_one_is_not() {
        let token = token(7).expect("made");
        let claims = check_token(&token).expect("good");
        assert_eq!(claims.sub, Kind::User.id(7));
        assert!(check_token(&token.replacen('e', "f", 1)).is_err());
        assert!(check_token("a.b.c").is_err());
    }

    #[test]
    fn sql_makes_the_ids_that_we_make() {
        let id = Kind::Session.id(0xabc).to_string();
        assert_eq!(id, "00000000-0000-8003-9000-000000000abc");
        let sql = Kind::Session.sql("7");
        assert_eq!(
            sql,
            "('00000000-0000-8003-9000-' || lpad(to_hex((7)::bigint), 12, '0'))::uuid"
        );
    }
}
