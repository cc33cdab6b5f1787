//! Coming to see somebody without an account.

use async_graphql::{InputObject, Object};
use chrono::{DateTime, Utc};

use super::Session;
use crate::services::visits::{Call, Visit};

/// Whom you come to see. You need no account.
#[derive(InputObject)]
pub struct StartVisitInput {
    /// The username of whom you come to see, without regard to case: anybody with an account.
    owner: String,
    /// What to show you as, if this begins a visit: 1 to 80 characters on one line. `Visitor` if left out. Who comes back
    /// keeps the name they have.
    display_name: Option<String>,
    /// The `visitorToken` that you were given before. If it is of no visit to this owner, any more or at all, this
    /// begins another.
    visitor_token: Option<String>,
}

impl From<StartVisitInput> for Call {
    fn from(input: StartVisitInput) -> Self {
        Self {
            owner: input.owner,
            display_name: input.display_name,
            token: input.visitor_token,
        }
    }
}

/// The tokens of a visit, and where it takes place.
pub struct VisitPayload {
    access_token: String,
    expires_at: DateTime<Utc>,
    visitor_token: String,
    session: Session,
    is_new: bool,
}

impl From<Visit> for VisitPayload {
    fn from(visit: Visit) -> Self {
        Self {
            access_token: visit.access.token,
            expires_at: visit.access.expires_at,
            visitor_token: visit.token.into_inner(),
            session: Session::new(visit.session).seen_by(visit.guest),
            is_new: visit.is_new,
        }
    }
}

/// What a visitor holds.
#[Object]
impl VisitPayload {
    /// Send it as `Authorization: Bearer ...`; on a socket, in the `connection_init` payload:
    /// `{"authorization": "Bearer ..."}`. Good for 15 minutes, and for nothing but this visit. For the next one, start the
    /// visit again with the `visitorToken`.
    async fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Keep it: it brings you back, and never changes. Good until you have been away for 30 days (or as the operator
    /// has it), leave the session or sign out, or its owner ends it. Whoever has it is you.
    async fn visitor_token(&self) -> &str {
        &self.visitor_token
    }

    /// When the access token stops being good.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Where you talk: you, whom you came to see, and the chatbot that answers in their stead.
    async fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the visit begins now. Otherwise what was said is in the session.
    async fn is_new(&self) -> bool {
        self.is_new
    }
}
