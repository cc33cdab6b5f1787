//! Who looks: the columns of the tables.

use std::fmt;

/// Somebody who asks. The room, the shared session and their people are set up in `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// Without a token.
    Nobody,
    /// In the room and in the shared session, by invitation.
    Member,
    /// The same, and it is not they who said what is looked at.
    Other,
    /// With an account and in none of these sessions.
    Stranger,
    /// Was in the room and in the shared session, and was removed from both.
    Removed,
    /// Runs the room and the shared session, and has a private one.
    Owner,
    /// Runs the installation, and is in none of these sessions.
    Admin,
    /// The member, with a token that has expired.
    Expired,
    /// In the room and in the shared session; the account is shut.
    Disabled,
    /// The member, on a device that has signed out.
    SignedOut,
}

impl Viewer {
    /// All of them, in the order of the tables' columns.
    pub const ALL: [Self; 10] = [
        Self::Nobody,
        Self::Member,
        Self::Other,
        Self::Stranger,
        Self::Removed,
        Self::Owner,
        Self::Admin,
        Self::Expired,
        Self::Disabled,
        Self::SignedOut,
    ];

    /// As a column is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Member => "member",
            Self::Other => "other",
            Self::Stranger => "stranger",
            Self::Removed => "removed",
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::SignedOut => "signed-out",
        }
    }
}

impl fmt::Display for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
