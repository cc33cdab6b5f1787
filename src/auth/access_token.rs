//! Access tokens: JWTs (RFC 7519) of minutes that name a person and the login they came from.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::domain::{LoginId, UserId};
use crate::error::{AppError, AppResult};

/// How long a token is good for.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// No token of ours is longer.
const MAX_BYTES: usize = 1024;

const REFUSED: AppError = AppError::Unauthenticated(
    "This access token is not good, or no longer. Refresh it, sign in again, or, as a visitor, call \
     startVisit with your visitorToken.",
);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom it speaks for.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// The login it was given to; when that ends, so does the token.
    #[serde(rename = "sid")]
    pub login: LoginId,
    /// When it was made.
    #[serde(rename = "iat", with = "chrono::serde::ts_seconds")]
    pub issued_at: DateTime<Utc>,
    /// When it stops being good.
    #[serde(rename = "exp", with = "chrono::serde::ts_seconds")]
    pub expires_at: DateTime<Utc>,
}

/// A token and when it ends. It has no `Debug`, so that no log can show it.
pub struct AccessToken {
    /// The token, as a client sends it.
    pub token: String,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// Makes and checks tokens with HS256 and the secret as it stands.
#[derive(Clone)]
pub struct AccessTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    /// With the operator's secret.
    pub fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Made and checked by the same installation: its clocks agree.
        validation.leeway = 0;
        Self {
            signing: EncodingKey::from_secret(secret.expose()),
            checking: DecodingKey::from_secret(secret.expose()),
            validation,
        }
    }

    /// A token for a person's login, good for 15 minutes from `now`.
    pub fn issue(
        &self,
        user: UserId,
        login: LoginId,
        now: DateTime<Utc>,
    ) -> AppResult<AccessToken> {
        let expires_at = now + LIFETIME;
        let claims = Claims {
            user,
            login,
            issued_at: now,
            expires_at,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(AppError::internal)?;
        Ok(AccessToken { token, expires_at })
    }

    /// What a token says, if it is ours and has not expired; `UNAUTHENTICATED` otherwise.
    pub fn check(&self, token: &str) -> AppResult<Claims> {
        if token.len() > MAX_BYTES {
            return Err(REFUSED);
        }
        jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation)
            .map(|data| data.claims)
            .map_err(|_| REFUSED)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens() -> AccessTokens {
        AccessTokens::new(&Secret::new("an old secret of thirty-two bytes").unwrap())
    }

    #[test]
    fn a_token_says_whom_it_speaks_for_until_it_expires() {
        let (user, login) = (UserId::new(), LoginId::new());
        let fresh = tokens().issue(user, login, Utc::now()).unwrap();
        let claims = tokens().check(&fresh.token).unwrap();
        assert_eq!((claims.user, claims.login), (user, login));

        let old = tokens()
            .issue(user, login, Utc::now() - LIFETIME - TimeDelta::seconds(1))
            .unwrap();
        assert_eq!(
            tokens().check(&old.token).unwrap_err().code(),
            "UNAUTHENTICATED"
        );
    }

    #[test]
    fn other_secrets_algorithms_and_texts_are_refused() {
        let other = AccessTokens::new(&Secret::new("another secret of thirty-two bytes").unwrap());
        let foreign = other
            .issue(UserId::new(), LoginId::new(), Utc::now())
            .unwrap();
        // {"alg":"none"} with claims that would do.
        let unsigned = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.";
        for bad in [
            foreign.token.as_str(),
            unsigned,
            "",
            "a.b.c",
            &"x".repeat(5000),
        ] {
            assert_eq!(tokens().check(bad).unwrap_err().code(), "UNAUTHENTICATED");
        }
    }

    proptest! {
        #[test]
        fn a_token_that_was_changed_is_refused(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let token = tokens().issue(UserId::new(), LoginId::new(), Utc::now()).unwrap().token;
            let at = at.index(token.len());
            let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            prop_assume!(changed != token);
            prop_assert_eq!(tokens().check(&changed).unwrap_err().code(), "UNAUTHENTICATED");
        }

        #[test]
        fn any_other_text_is_refused(text in any::<String>()) {
            prop_assert_eq!(tokens().check(&text).unwrap_err().code(), "UNAUTHENTICATED");
        }
    }
}
