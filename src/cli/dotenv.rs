//! The file `.env` in the working directory. What is set in the environment goes before it.

use anyhow::bail;

const FILE: &str = ".env";

/// Adds its variables to the environment; no file, no variables. Call it before there are threads.
///
/// Only the working directory's own is read: a folder above may hold another project's, and with it another
/// database.
pub(super) fn read() -> anyhow::Result<()> {
    let mut before = None;
    match load(&mut before) {
        Err(fault) if fault.not_found() => Ok(()),
        // dotenvy would tell the line, which may hold a secret.
        Err(dotenvy::Error::LineParse(..)) => {
            let line = before.map_or("its first line".to_owned(), |name| {
                format!("the line after {name}")
            });
            bail!(
                "The file .env can't be read: {line} is not NAME=value. \
                 A value with spaces or # stands in single quotes."
            )
        }
        Err(fault) => bail!("The file .env can't be read: {fault}"),
        Ok(()) => Ok(()),
    }
}

/// Adds all of it or nothing; `before` is the last variable that could be read.
fn load(before: &mut Option<String>) -> dotenvy::Result<()> {
    for entry in dotenvy::from_path_iter(FILE)? {
        *before = Some(entry?.0);
    }
    dotenvy::from_path(FILE)
}
