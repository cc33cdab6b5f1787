//! Password hashes: Argon2id (RFC 9106) off the async threads, a few at a time.
//!
//! One hash takes 19 MiB and some 20 ms of a core. Without a limit, a burst of logins would take the
//! memory and every core of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::strength;
use crate::domain::Password;
use crate::error::{AppError, AppResult};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// No password that was ever accepted is longer; a longer one is not worth the work.
const MAX_BYTES: usize = 256 * 4;

/// Hashes and checks passwords. Cheap to clone; clones share the limit.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    decoy: Arc<str>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// At most `at_once` hashes are computed at a time.
    pub fn new(at_once: usize) -> AppResult<Self> {
        Ok(Self {
            turns: Arc::new(Semaphore::new(at_once)),
            decoy: hash("nobody has this password")
                .map_err(AppError::internal)?
                .into(),
            computed: Arc::default(),
        })
    }

    /// The hash to store, in PHC form. `BAD_USER_INPUT` for a password that is easy to guess for somebody who
    /// knows `about` its owner: names and addresses. `field` names it in the complaint.
    pub async fn hash(
        &self,
        password: Password,
        about: Vec<String>,
        field: &'static str,
    ) -> AppResult<String> {
        self.compute(move || {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            match strength::complaint(password.expose(), &about) {
                None => hash(&password.into_inner()).map(Ok),
                Some(complaint) => Ok(Err(AppError::bad_input(field, complaint))),
            }
        })
        .await?
    }

    /// Whether the password belongs to the stored hash.
    ///
    /// Without a hash the answer is no after the same work, so that the time taken does not tell whether
    /// there is such a person.
    pub async fn verify(&self, password: String, stored: Option<String>) -> AppResult<bool> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        let decoy = self.decoy.clone();
        self.compute(move || {
            let fits = verify(&password, stored.as_deref().unwrap_or(&decoy))?;
            Ok(fits && stored.is_some())
        })
        .await
    }

    /// How many hashes were computed so far, for measuring what an operation costs.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> argon2::password_hash::Result<T> + Send + 'static,
    ) -> AppResult<T> {
        let turn = self.turn().await?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        let computed = spawn_blocking(move || {
            // Kept until the work is done, also when whoever asked has gone.
            let _turn = turn;
            work()
        });
        let outcome = computed.await.map_err(AppError::internal)?;
        outcome.map_err(AppError::internal)
    }

    async fn turn(&self) -> AppResult<OwnedSemaphorePermit> {
        let turn = self.turns.clone().acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(turn) => turn.map_err(AppError::internal),
            Err(late) => Err(AppError::unavailable(late)),
        }
    }
}

fn hash(password: &str) -> argon2::password_hash::Result<String> {
    Ok(Argon2::default()
        .hash_password(password.as_bytes())?
        .to_string())
}

fn verify(password: &str, stored: &str) -> argon2::password_hash::Result<bool> {
    let stored = PasswordHash::new(stored)?;
    match Argon2::default().verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits_and_nobody_has_one() {
        let passwords = Passwords::new(1).unwrap();
        let long = "Zwölf Boxkämpfer ".repeat(15) + "q";
        let stored = passwords
            .hash(
                Password::parse(long.clone(), "password").unwrap(),
                Vec::new(),
                "password",
            )
            .await
            .unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(
            passwords
                .verify(long.clone(), Some(stored.clone()))
                .await
                .unwrap()
        );
        let cut = "Zwölf Boxkämpfer ".repeat(15);
        assert!(!passwords.verify(cut, Some(stored)).await.unwrap());
        assert!(
            !passwords
                .verify("nobody has this password".into(), None)
                .await
                .unwrap()
        );
    }
}
