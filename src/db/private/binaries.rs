//! Finding PostgreSQL's programs.
//!
//! A cluster belongs to the major version that made it, so an existing cluster decides which
//! programs do; only a new one gets the newest there is.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf, absolute};

use super::PrivateError;
use super::account::Account;

/// The oldest major version that Parlor runs by itself: the oldest its developers still look after.
const OLDEST: u32 = 14;

/// Folders that are looked at after `PATH`. One `*` stands for anything in a name.
/// `scripts/get-postgres` looks in the same ones.
const PLACES: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
    "/usr/pgsql-*/bin", // the PostgreSQL project's packages for Red Hat and its kin
    "/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple's processors
    "/usr/local/opt/postgresql*/bin", // Homebrew on Intel's
    "/usr/local/pgsql/bin", // built from source
    ".local/postgres/bin", // where scripts/get-postgres puts one
];

/// A folder of PostgreSQL's programs.
#[derive(Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    /// The major version, as in 17.
    pub(super) major: u32,
}

impl Binaries {
    /// Finds programs that `account` can run: of the major version `wanted` by the cluster, or else
    /// the newest.
    pub(super) fn find(
        pg_bin: Option<&Path>,
        account: &Account,
        cluster: &Path,
        wanted: Option<u32>,
    ) -> Result<Self, PrivateError> {
        let (candidates, unfit) = match pg_bin {
            Some(folder) => (vec![Self::named(folder, account)?], Vec::new()),
            None => search(account),
        };
        let Some(wanted) = wanted else {
            // The first of equals wins: PATH is asked first.
            return candidates
                .into_iter()
                .rev()
                .max_by_key(|found| found.major)
                .ok_or_else(|| nothing_found(&unfit));
        };
        let found = describe(&candidates, &unfit);
        candidates
            .into_iter()
            .find(|candidate| candidate.major == wanted)
            .ok_or_else(|| PrivateError::WrongVersion {
                cluster: cluster.to_owned(),
                wanted,
                found,
            })
    }

    /// The programs in a folder that the operator named: any fault with it is said, nothing else is
    /// tried.
    fn named(folder: &Path, account: &Account) -> Result<Self, PrivateError> {
        let absolute = absolute(folder).map_err(PrivateError::io("resolve", folder))?;
        Self::probe(&absolute, account).map_err(|why| PrivateError::UnfitBinaries {
            folder: folder.to_owned(),
            why,
        })
    }

    /// Runs `postgres --version` as the account that would run the server. Anything short of doing
    /// so (a look at the file, say) misses programs behind a shut folder or built for another
    /// machine.
    fn probe(folder: &Path, account: &Account) -> Result<Self, String> {
        for program in ["postgres", "initdb"] {
            if !folder.join(program).is_file() {
                return Err(format!("it holds no `{program}`"));
            }
        }
        let output = account
            .command(&folder.join("postgres"), Path::new("/"))
            .arg("--version")
            .output()
            .map_err(|error| match account.shut_folder(folder) {
                Some(shut) => format!(
                    "the user `{}`, who PostgreSQL runs as, can't enter {}",
                    account.name(),
                    shut.display()
                ),
                None => format!("`postgres` there does not run: {error}"),
            })?;
        let answer = String::from_utf8_lossy(&output.stdout);
        let major = major_of(&answer).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("`postgres --version` there fails: {}", said.trim())
        })?;
        if major < OLDEST {
            return Err(format!(
                "it is PostgreSQL {major}, and {OLDEST} is the oldest that does"
            ));
        }
        Ok(Self {
            folder: folder.to_owned(),
            major,
        })
    }

    /// The server.
    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The program that makes a cluster.
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// All programs that do, and for each of the others where it is and why it does not.
fn search(account: &Account) -> (Vec<Binaries>, Vec<String>) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain(PLACES.iter().flat_map(|place| expand(place)))
        .filter(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file());
    let mut candidates = Vec::new();
    let mut unfit = Vec::new();
    for folder in folders {
        match Binaries::probe(&folder, account) {
            Ok(found) => candidates.push(found),
            Err(why) => unfit.push(format!("{} does not do: {why}", folder.display())),
        }
    }
    (candidates, unfit)
}

/// The folders that a place stands for, newest version first where names tell it.
fn expand(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once('*') else {
        return absolute(place).into_iter().collect();
    };
    // `before` may end in the middle of a name: "/usr/pgsql-" lists "/usr" for names that begin
    // "pgsql-".
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .collect();
    folders.sort();
    folders.reverse();
    folders
}

/// The major version in `postgres (PostgreSQL) 17.2 (Debian 17.2-1)`, or in `18beta1`.
fn major_of(answer: &str) -> Option<u32> {
    let version = answer.split("(PostgreSQL) ").nth(1)?;
    let digits = version
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn describe(candidates: &[Binaries], unfit: &[String]) -> String {
    let mut text = String::from("there is ");
    if candidates.is_empty() {
        text.push_str("none that could be used");
    }
    for (index, found) in candidates.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{} in {}", found.major, found.folder.display());
    }
    for why in unfit {
        let _ = write!(text, "; {why}");
    }
    text
}

fn nothing_found(unfit: &[String]) -> PrivateError {
    PrivateError::NoBinaries {
        looked_in: format!("PATH, {}", PLACES.join(", ")),
        unfit: unfit.iter().map(|why| format!("; {why}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_says_of_itself() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) 17\n"), Some(17));
        assert_eq!(major_of("postgres (Postgres-XL) 10r1"), None);
        assert_eq!(major_of(""), None);
    }
}
