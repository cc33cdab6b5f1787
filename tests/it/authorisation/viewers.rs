//! Who looks: the columns of the tables.

use std::fmt;

/// Somebody who asks. The room, the shared session and their people are set up in `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// Without a token.
    Nobody,
    /// In the room, in the shared session and in the guest's visit, by invitation.
    Member,
    /// In the room and in the shared session too.
    Other,
    /// With an account and in none of these sessions.
    Stranger,
    /// Was in the room and in the shared session, and was removed from both.
    Removed,
    /// Runs the room, the shared session and the visits, and has a private session.
    Owner,
    /// Without an account, in a visit to the owner.
    Guest,
    /// The same, in another visit to the owner.
    OtherGuest,
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
    pub const ALL: [Self; 12] = [
        Self::Nobody,
        Self::Member,
        Self::Other,
        Self::Stranger,
        Self::Removed,
        Self::Owner,
        Self::Guest,
        Self::OtherGuest,
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
            Self::Guest => "guest",
            Self::OtherGuest => "other-guest",
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
