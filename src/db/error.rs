//! From PostgreSQL's complaints to the product's words.

use diesel::result::{DatabaseErrorKind, Error};

use crate::error::AppError;

/// A database error whose constraint has not been given a meaning yet, or an error that has one.
#[derive(Debug)]
pub enum DbError {
    /// As diesel told it.
    Diesel(Error),
    /// In the product's words.
    App(AppError),
}

/// Gives the violation of a named constraint its meaning, at the call that can violate it.
pub trait OnConstraint<T> {
    /// If the constraint `name` refused the row, the error is what `meaning` says.
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> AppError) -> Result<T, DbError>;
}

impl<T, E: Into<DbError>> OnConstraint<T> for Result<T, E> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> AppError) -> Result<T, DbError> {
        self.map_err(|error| match error.into() {
            DbError::Diesel(Error::DatabaseError(_, info))
                if info.constraint_name() == Some(name) =>
            {
                DbError::App(meaning())
            }
            other => other,
        })
    }
}

impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        Self::Diesel(error)
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Diesel(error) => error.into(),
            DbError::App(error) => error,
        }
    }
}

impl From<Error> for AppError {
    /// What was not foreseen: PostgreSQL out of reach or overloaded is worth another try, the rest is a
    /// fault of ours.
    fn from(error: Error) -> Self {
        let worth_another_try = match &error {
            Error::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure => true,
                // diesel gives these no kind of their own, and no SQLSTATE. The texts are PostgreSQL's, in
                // the language that `lc_messages` sets; elsewhere they count as a fault of ours.
                _ => {
                    let told = info.message();
                    told.starts_with("terminating connection")
                        || told.starts_with("canceling statement due to")
                        || told.starts_with("the database system is")
                        // Nothing of the transaction that gave way was done.
                        || told.starts_with("deadlock detected")
                }
            },
            Error::BrokenTransactionManager => true,
            _ => false,
        };
        if worth_another_try {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}
