//! `parlor user`: accounts from the command line.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};

use super::database;
use crate::auth::Passwords;
use crate::config::Config;
use crate::db::{self, Db};
use crate::domain::Role;
use crate::error::{AppError, AppResult};
use crate::services::accounts::Registration;
use crate::services::operator;

/// More than any password that could be taken, so that no other file is read to its end.
const MOST_BYTES: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Open an account
    ///
    /// Asks for the password on the terminal. Names that nobody may register, such
    /// as `admin`, can be given here.
    #[command(verbatim_doc_comment)]
    Create {
        /// 3 to 32 letters a to z, digits, '.', '_' and '-'
        name: String,
        /// Where mail reaches them; they can sign in with it too
        email: String,
        /// What they may do beyond their own sessions
        #[arg(long, value_enum, default_value_t = Right::Member)]
        role: Right,
        /// Read the password from standard input: all of it, less a line's end
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make somebody an admin, or a member again
    ///
    /// Who becomes a member again is signed out everywhere.
    #[command(verbatim_doc_comment)]
    Promote {
        /// Who
        name: String,
        /// What they may do beyond their own sessions
        #[arg(long, value_enum, default_value_t = Right::Admin)]
        to: Right,
    },
    /// Shut an account
    ///
    /// Its owner is signed out everywhere within a second and can't sign in any more.
    /// What they have written stays.
    #[command(verbatim_doc_comment)]
    Disable {
        /// Who
        name: String,
    },
    /// Open a shut account again
    ///
    /// Its owner signs in anew.
    #[command(verbatim_doc_comment)]
    Enable {
        /// Who
        name: String,
    },
}

/// A role that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Right {
    /// May do what everyone may
    Member,
    /// Runs the installation: sees addresses and personas
    Admin,
}

impl From<Right> for Role {
    fn from(right: Right) -> Self {
        match right {
            Right::Member => Self::Member,
            Right::Admin => Self::Admin,
        }
    }
}

/// Does it on the operator's database, or on the private one, also while a server runs there.
pub(super) async fn run(config: &Config, command: UserCommand) -> anyhow::Result<()> {
    // Before a database is started that would wait for somebody who types.
    let password = match &command {
        UserCommand::Create { password_stdin, .. } => Some(password(*password_stdin)?),
        _ => None,
    };
    let database = database::open_beside(config).await?;
    let done = carry_out(database.url(), command, password.unwrap_or_default()).await;
    database.close().await;
    println!("{}", done?);
    Ok(())
}

/// What was done, in a sentence.
async fn carry_out(url: &str, command: UserCommand, password: String) -> anyhow::Result<String> {
    db::migrate(url).await?;
    let db = Db::new(url, 1).map_err(AppError::told)?;
    let done = match command {
        UserCommand::Create {
            name, email, role, ..
        } => create(&db, name, email, password, role).await,
        UserCommand::Promote { name, to } => {
            let user = operator::promote(&db, &name, to.into()).await;
            user.map(|user| match to {
                Right::Admin => format!("{} is an admin.", user.username),
                Right::Member => format!("{} is a member, signed out everywhere.", user.username),
            })
        }
        UserCommand::Disable { name } => {
            operator::disable(&db, &name).await.map(|(user, logins)| {
                let name = user.username;
                format!("The account of {name} is shut. Logins ended: {logins}.")
            })
        }
        UserCommand::Enable { name } => operator::enable(&db, &name)
            .await
            .map(|user| format!("{} can sign in again.", user.username)),
    };
    done.map_err(AppError::told)
}

async fn create(
    db: &Db,
    username: String,
    email: String,
    password: String,
    role: Right,
) -> AppResult<String> {
    let passwords = Passwords::new(1)?;
    let registration = Registration {
        username,
        email,
        password,
        display_name: None,
    };
    let user = operator::create(db, &passwords, registration, role.into()).await?;
    Ok(format!(
        "{} has an account ({}).",
        user.username,
        user.role.as_str().to_lowercase()
    ))
}

fn password(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        let mut text = String::new();
        let read = io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_string(&mut text);
        read.context("The password can't be read from standard input")?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(line.strip_suffix('\r').unwrap_or(line).to_owned());
    }
    if !io::stdin().is_terminal() {
        bail!("There is no terminal to ask on: give the password to --password-stdin");
    }
    let ask = |prompt| rpassword::prompt_password(prompt).context("The password can't be read");
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        bail!("The two passwords differ");
    }
    Ok(password)
}
