//! What can go wrong, in the product's words.
//!
//! Every layer below `api` returns [`AppError`]. A person reads its message, a program its
//! [code](AppError::code). Unexpected failures keep their whole chain of causes for the log; no part of
//! that chain is ever in the message.

use std::time::Duration;

/// The result of anything that can fail in the product's words.
pub type AppResult<T> = Result<T, AppError>;

/// A failure, as the person who caused or met it should hear of it.
///
/// `Display` is the sentence for that person. It is safe to send.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The input can't be used as it is. `field` names the input field or argument to mend.
    #[error("{message}")]
    BadUserInput {
        /// The name of the field or argument as the schema spells it.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// More is asked for at once than a limit lets through.
    #[error("{message}")]
    OverLimit {
        /// What it is that holds too much: `query`, `variables`, `body`.
        field: &'static str,
        /// The limit's name, for a program.
        limit: &'static str,
        /// The most that it lets through.
        most: u64,
        /// The same in a sentence.
        message: String,
    },
    /// Nobody is signed in, or what proves it is wrong or has expired.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The viewer may see the thing but not do this to it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing, or the viewer may not know of it: the two are told alike.
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// It clashes with what is there already.
    #[error("{message}")]
    Conflict {
        /// The name of the field or argument that clashes, as the schema spells it.
        field: &'static str,
        /// What it clashes with.
        message: String,
    },
    /// Too much, too fast.
    #[error("Too much of this, too fast. Try again in {}.", whole_seconds(*.retry_after))]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Something Parlor needs does not answer at the moment. Nothing was done, or what was done is safe to
    /// do again with the same client key.
    #[error("The service is not available at the moment. Try again shortly.")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
        /// For the log only.
        cause: anyhow::Error,
    },
    /// A fault of Parlor's own.
    #[error("Something went wrong on our side.")]
    Internal(anyhow::Error),
}

/// "1 second", "20 seconds": rounded up, since whoever comes early is refused again.
fn whole_seconds(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match seconds {
        0 | 1 => "1 second".to_owned(),
        more => format!("{more} seconds"),
    }
}

impl AppError {
    /// The input field named `field` can't be used as it is.
    pub fn bad_input(field: &'static str, message: impl Into<String>) -> Self {
        Self::BadUserInput {
            field,
            message: message.into(),
        }
    }

    /// The value of `field` clashes with what is there already.
    pub fn conflict(field: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            field,
            message: message.into(),
        }
    }

    /// A fault of Parlor's own, with its cause for the log.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }

    /// Something Parlor needs does not answer; worth another try in a second.
    pub fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable {
            retry_after: Duration::from_secs(1),
            cause: cause.into(),
        }
    }

    /// The sentence with its cause, for whoever starts the program: they may know.
    pub fn told(self) -> anyhow::Error {
        let sentence = self.to_string();
        match self {
            Self::Internal(cause) | Self::Unavailable { cause, .. } => cause.context(sentence),
            _ => anyhow::anyhow!(sentence),
        }
    }

    /// What a program switches on; `extensions.code` in an answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUserInput { .. } | Self::OverLimit { .. } => "BAD_USER_INPUT",
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Conflict { .. } => "CONFLICT",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// The input field or argument to mend, where there is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::BadUserInput { field, .. }
            | Self::OverLimit { field, .. }
            | Self::Conflict { field, .. } => Some(field),
            _ => None,
        }
    }

    /// The limit that was passed and the most that it lets through.
    pub fn limit(&self) -> Option<(&'static str, u64)> {
        match self {
            Self::OverLimit { limit, most, .. } => Some((limit, *most)),
            _ => None,
        }
    }

    /// How long to wait before another try, where waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// What only the log may hear: the causes, each followed by its own.
    pub fn cause_chain(&self) -> Option<String> {
        match self {
            Self::Unavailable { cause, .. } | Self::Internal(cause) => Some(format!("{cause:#}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_too_fast_is_told_how_long_to_wait() {
        let told = |millis| {
            let retry_after = Duration::from_millis(millis);
            AppError::RateLimited { retry_after }.to_string()
        };
        for (millis, wait) in [
            (0, "1 second."),
            (1_000, "1 second."),
            (1_001, "2 seconds."),
        ] {
            assert!(told(millis).ends_with(wait), "{}", told(millis));
        }
    }
}
