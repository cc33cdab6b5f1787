//! Getting an account and signing in.

use async_graphql::{InputObject, Object};
use chrono::{DateTime, Utc};

use super::User;
use crate::services::accounts::Registration;
use crate::services::logins::SignedIn;

/// What someone fills in to get an account.
#[derive(InputObject)]
pub struct RegisterInput {
    /// 3 to 32 letters a to z, digits, `.`, `_` or `-`, the first a letter or digit. Unique without regard
    /// to case. Names that speak for the installation, as `admin` or `support`, are reserved.
    username: String,
    /// An e-mail address whose domain has a dot. Unique without regard to case. Shown to nobody else.
    email: String,
    /// 8 to 256 characters. One that is easy to guess, also from your names, is refused.
    password: String,
    /// What to show them as: 1 to 80 characters. The username if left out.
    display_name: Option<String>,
}

impl From<RegisterInput> for Registration {
    fn from(input: RegisterInput) -> Self {
        Self {
            username: input.username,
            email: input.email,
            password: input.password,
            display_name: input.display_name,
        }
    }
}

/// What someone signs in with.
#[derive(InputObject)]
pub struct LoginInput {
    /// The username or the e-mail address.
    pub(in crate::api) username: String,
    /// The password.
    pub(in crate::api) password: String,
}

/// The tokens, and whose they are.
pub struct AuthPayload {
    access_token: String,
    expires_at: DateTime<Utc>,
    refresh_token: String,
    user: User,
}

impl From<SignedIn> for AuthPayload {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access.token,
            expires_at: signed_in.access.expires_at,
            refresh_token: signed_in.refresh.into_inner(),
            user: User::themselves(signed_in.user),
        }
    }
}

/// What someone who has signed in holds.
#[Object]
impl AuthPayload {
    /// Send it as `Authorization: Bearer ...`; on a socket, in the `connection_init` payload:
    /// `{"authorization": "Bearer ..."}`. Good for 15 minutes.
    async fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Good for one `refresh`, which gives the next. Unused, it is good for 30 days.
    async fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// When the access token stops being good.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Who signed in.
    async fn user(&self) -> &User {
        &self.user
    }
}
