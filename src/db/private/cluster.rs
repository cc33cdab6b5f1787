//! The cluster: PostgreSQL's files in the data directory, and how they come to be.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::account::Account;
use super::binaries::Binaries;
use super::directory::DataDirectory;
use super::{DATABASE, PrivateError, ROLE};

/// The major version that made the cluster; nothing when there is none yet.
///
/// An empty folder counts as none: a mount point, say.
pub(super) fn version(cluster: &Path) -> Result<Option<u32>, PrivateError> {
    match fs::read_to_string(cluster.join("PG_VERSION")) {
        Ok(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| not_a_cluster(cluster)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let something = fs::read_dir(cluster).is_ok_and(|mut entries| entries.next().is_some());
            if something {
                Err(not_a_cluster(cluster))
            } else {
                Ok(None)
            }
        }
        Err(error) => Err(PrivateError::io("read", cluster.join("PG_VERSION"))(error)),
    }
}

fn not_a_cluster(cluster: &Path) -> PrivateError {
    PrivateError::NotACluster {
        cluster: cluster.to_owned(),
    }
}

/// Makes the cluster with its role and its database.
///
/// All of it happens in a folder of another name, which becomes the cluster in one step at the end:
/// whoever is killed on the way leaves no half of a cluster behind that a later start would take
/// for a whole one.
pub(super) fn create(
    directory: &DataDirectory,
    binaries: &Binaries,
    account: &Account,
    settings: &[(String, String)],
) -> Result<(), PrivateError> {
    tracing::info!(
        directory = %directory.root().display(),
        "Making a new PostgreSQL {} database.", binaries.major
    );
    remove_unfinished(directory.root());
    // The process in the name: one that was killed a moment ago may have children that still write
    // to theirs.
    let unfinished = directory
        .root()
        .join(format!("{UNFINISHED}{}", std::process::id()));
    DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .and_then(|()| account.give(&unfinished))
        .map_err(PrivateError::io("create", &unfinished))?;
    let made = init(directory, binaries, account, settings, &unfinished)
        .and_then(|()| create_database(directory, binaries, account, settings, &unfinished))
        .and_then(|()| adopt(directory, &unfinished));
    if made.is_err() {
        remove_unfinished(directory.root());
    }
    made
}

/// The beginning of the names of folders in which clusters are made.
const UNFINISHED: &str = "postgres.unfinished-";

/// Clears away what killed starts have left. A folder that can't be removed is in nobody's way.
fn remove_unfinished(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn init(
    directory: &DataDirectory,
    binaries: &Binaries,
    account: &Account,
    settings: &[(String, String)],
    unfinished: &Path,
) -> Result<(), PrivateError> {
    let mut command = account.command(&binaries.initdb(), unfinished);
    command
        .arg("--pgdata")
        .arg(unfinished)
        .arg(format!("--username={ROLE}"))
        // Who reaches the socket has passed through a folder of mode 0700. Nobody comes over the
        // network, even if a setting should open it.
        .args(["--auth-local=trust", "--auth-host=reject"])
        .arg("--encoding=UTF8")
        .args(locale(binaries.major));
    if !is_durable(settings) {
        command.arg("--no-sync");
    }
    let output = command
        .output()
        .map_err(|error| account.explain(error, "run PostgreSQL's initdb in", directory.root()))?;
    check(directory, "initdb", &output)
}

/// Texts are sorted by their bytes: fast, the same on every machine, and no update of the system's
/// C library changes the order under an index (the plague of clusters with the system's locale).
/// What is a letter, and what its lower case, is told by Unicode all the same; plain `C` knows
/// ASCII only, and `lower('É')` would not be `é`.
fn locale(major: u32) -> &'static [&'static str] {
    if major >= 17 {
        // PostgreSQL's own tables: the same on every system.
        &[
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
    } else if cfg!(target_os = "macos") {
        &["--locale=C", "--lc-ctype=en_US.UTF-8"]
    } else {
        &["--locale=C", "--lc-ctype=C.UTF-8"]
    }
}

/// Makes Parlor's database. PostgreSQL's single-user mode reads SQL from its standard input, so
/// neither a server nor a client is needed for it.
fn create_database(
    directory: &DataDirectory,
    binaries: &Binaries,
    account: &Account,
    settings: &[(String, String)],
    unfinished: &Path,
) -> Result<(), PrivateError> {
    let mut command = account.command(&binaries.postgres(), unfinished);
    command.arg("--single").arg("-D").arg(unfinished);
    // Otherwise an error in the SQL is printed and forgotten.
    command.args(["-c", "exit_on_error=on"]);
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.arg("postgres");
    let output = run_with_input(&mut command, &format!("CREATE DATABASE {DATABASE};\n"))
        .map_err(|error| account.explain(error, "make a database in", directory.root()))?;
    check(directory, "postgres", &output)
}

fn run_with_input(command: &mut Command, input: &str) -> io::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ended early says why below, better than a broken pipe does.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

/// Gives the finished cluster its name, for good: the name is on the disk when this returns.
fn adopt(directory: &DataDirectory, unfinished: &Path) -> Result<(), PrivateError> {
    let cluster = directory.cluster();
    fs::rename(unfinished, &cluster).map_err(PrivateError::io("create", &cluster))?;
    File::open(directory.root())
        .and_then(|root| root.sync_all())
        .map_err(PrivateError::io("write", directory.root()))
}

/// Whether what is written must survive a crash of the machine; tests turn it off.
fn is_durable(settings: &[(String, String)]) -> bool {
    !settings
        .iter()
        .any(|(name, value)| name == "fsync" && value == "off")
}

fn check(
    directory: &DataDirectory,
    program: &'static str,
    output: &Output,
) -> Result<(), PrivateError> {
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Err(PrivateError::Initialise {
        data_dir: directory.root().to_owned(),
        program,
        output: format!("{} {} ({})", said[0].trim(), said[1].trim(), output.status),
    })
}
