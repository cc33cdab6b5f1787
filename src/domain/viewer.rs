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

impl Person {
    /// Whether they are a visitor without an account.
    pub fn is_guest(&self) -> bool {
        self.role == Role::Guest
    }
}

/// The proof that somebody has an account and is no guest. Only [`Viewer::account`] makes one.
///
/// What a guest may not do asks for this: a guest acts in their own visit, by the seat they have there, and
/// nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    user: UserId,
}

impl Account {
    /// Whose.
    pub fn user(self) -> UserId {
        self.user
    }
}

impl Viewer {
    /// Somebody with an account: `UNAUTHENTICATED` for nobody, `FORBIDDEN` for a guest.
    pub fn account(&self) -> AppResult<Account> {
        let person = self.person()?;
        if person.is_guest() {
            return Err(AppError::Forbidden(
                "This takes an account. Guests can do what belongs to their visit.",
            ));
        }
        Ok(Account { user: person.user })
    }

    /// The person, with an account or a guest; `UNAUTHENTICATED` for nobody.
    pub fn person(&self) -> AppResult<&Person> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Nobody => Err(AppError::Unauthenticated("Sign in first.")),
            Self::Refused => Err(AppError::Unauthenticated(
                "This access token is not good, or no longer. Refresh it, sign in again, or, as a visitor, call \
     startVisit with your visitorToken.",
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
