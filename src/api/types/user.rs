//! People.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};

use super::ContextExt;
use crate::api::error::ApiResult;
use crate::api::in_line::Fields;
use crate::db::users;
use crate::domain::{self, NodeId};
use crate::services::accounts::ProfileDraft;

/// What a person may do beyond their own sessions.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Role")]
pub enum Role {
    /// A visitor without an account, who can do what belongs to their visit: see `startVisit`.
    Guest,
    /// Someone with an account.
    Member,
    /// Someone who runs this installation.
    Admin,
}

/// A person.
pub struct User {
    row: users::User,
    /// It was made for this very person, who may have had no token when they asked.
    is_theirs: bool,
}

impl User {
    /// A person, as whoever asks may see them.
    pub(in crate::api) fn new(row: users::User) -> Self {
        Self {
            row,
            is_theirs: false,
        }
    }

    /// A person, as they see themselves.
    pub(in crate::api) fn themselves(row: users::User) -> Self {
        Self {
            row,
            is_theirs: true,
        }
    }
}

impl Fields for User {}

/// A person.
#[Object]
impl User {
    /// Opaque, globally unique, never changes.
    pub async fn id(&self) -> ID {
        NodeId::User(self.row.id).encode().into()
    }

    /// The name they sign in with: 3 to 32 characters, unique without regard to case. A guest's is made up: it is for
    /// `removeMember`, and nobody signs in with it.
    async fn username(&self) -> &str {
        &self.row.username
    }

    /// What to show them as: 1 to 80 characters, not unique.
    async fn display_name(&self) -> &str {
        &self.row.display_name
    }

    /// A few words about themselves. Empty for none.
    async fn bio(&self) -> &str {
        &self.row.bio
    }

    /// Their e-mail address. Null unless it is you, or you are an admin.
    async fn email(&self, ctx: &Context<'_>) -> ApiResult<Option<&str>> {
        let viewer = ctx.viewer()?;
        let may_see = self.is_theirs || viewer.user() == Some(self.row.id) || viewer.is_admin();
        Ok(self.row.email.as_deref().filter(|_| may_see))
    }

    /// What they may do beyond their own sessions.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// When they came.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}

/// What should be different about you. What is left out or null stays as it is.
#[derive(InputObject)]
pub struct ProfileInput {
    /// What to show you as: 1 to 80 characters on one line.
    display_name: Option<String>,
    /// A few words about yourself: up to 500 characters. Empty for none.
    bio: Option<String>,
    /// Where mail reaches you. Unique without regard to case. Shown to nobody else.
    email: Option<String>,
}

impl From<ProfileInput> for ProfileDraft {
    fn from(input: ProfileInput) -> Self {
        Self {
            display_name: input.display_name,
            bio: input.bio,
            email: input.email,
        }
    }
}
