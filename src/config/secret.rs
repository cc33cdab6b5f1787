//! The one secret: given by the operator, or generated once and kept in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The fewest bytes that a secret may have: as many as HMAC-SHA-256 gives out.
const MIN_BYTES: usize = 32;

/// Signs access tokens as it stands; everything else uses keys derived from it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// The generated secret can't be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read or written.
    #[error("The secret can't be kept at {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{0} holds no secret of at least 32 bytes. Restore it, or remove it: everyone then has to sign in again."
    )]
    Damaged(PathBuf),
}

impl Secret {
    /// The secret, if it is long enough.
    pub fn new(text: &str) -> Option<Self> {
        (text.len() >= MIN_BYTES).then(|| Self(text.as_bytes().to_vec()))
    }

    /// The bytes, for deriving and signing only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret kept in a data directory; generated, with mode 0600, on first use.
    pub fn load_or_generate(data_dir: &Path) -> Result<Self, SecretError> {
        let path = data_dir.join("secret");
        let io = |cause| SecretError::Io {
            path: path.clone(),
            cause,
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::new(text.trim()).ok_or_else(|| SecretError::Damaged(path.clone())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let text = generate().map_err(io)?;
                keep(&path, &text).map_err(io)?;
                Ok(Self(text.into_bytes()))
            }
            Err(cause) => Err(io(cause)),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// 32 random bytes, as hexadecimal digits.
fn generate() -> io::Result<String> {
    let mut bytes = [0_u8; MIN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file beside it first, so that a crash leaves no half secret.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(&draft) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_is_for_its_owners_eyes_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::load_or_generate(folder.path()).unwrap();
        let again = Secret::load_or_generate(folder.path()).unwrap();
        assert_eq!(first, again);
        assert_eq!(first.expose().len(), 64);
        let mode = fs::metadata(folder.path().join("secret"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{first:?}"), "Secret(..)");
    }

    #[test]
    fn a_damaged_file_is_not_replaced_behind_the_operators_back() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "short\n").unwrap();
        let error = Secret::load_or_generate(folder.path()).unwrap_err();
        assert!(matches!(error, SecretError::Damaged(_)));
    }
}
