//! Who asks.

use chrono::{DateTime, Utc};

use super::{LoginId, Role, UserId};
use crate::error::{AppError, AppResult};

/// Who a request speaks for.
#[derive(Clone, Debug)]
pub enum Viewer {
    /// No token was shown.
    Nobody,
    /// A token was shown that is not good, or no longer. As good as nobody, who may still sign in: clients
    /// send what they hold with everything.
    Refused,
    /// Someone with a good access token.
    Person(Person),
}

/// Someone with a good access token.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who they are.
    pub user: UserId,
    /// The login that the token belongs to.
    pub login: LoginId,
    /// What they may do beyond their own sessions.
    pub role: Role,
    /// When the token stops being good.
    pub expires_at: DateTime<Utc>,
}

impl Viewer {
    /// The person, or `UNAUTHENTICATED` for nobody.
    pub fn person(&self) -> AppResult<&Person> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Nobody => Err(AppError::Unauthenticated("Sign in first.")),
            Self::Refused => Err(AppError::Unauthenticated(
                "This access token is not good, or no longer. Refresh it or sign in again.",
            )),
        }
    }

    /// The person's id, if anyone is signed in.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Person(person) => Some(person.user),
            Self::Nobody | Self::Refused => None,
        }
    }

    /// Whether they run this installation.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Person(person) if person.role == Role::Admin)
    }
}
