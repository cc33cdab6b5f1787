//! The program's commands.

mod database;
mod doctor;
mod dotenv;
mod logging;
mod reset;
mod restored;
mod serve;
mod signals;
mod user;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

// The comments from here to the commands' end are what `--help` prints, line by line: 80 columns at most.

/// A chat backend in one GraphQL schema
///
/// Settings come from environment variables and from a file `.env` in the
/// working directory; `.env.sample` lists them all. Without any, `parlor serve`
/// runs on a PostgreSQL of its own in ./data.
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API, the pages and the chatbots
    ///
    /// Brings the database up to date first. Ends gracefully on Ctrl-C or SIGTERM:
    /// live clients are told to come back, what is under way is finished. A second
    /// Ctrl-C ends at once.
    #[command(verbatim_doc_comment)]
    Serve {
        /// Leave the chatbots to `parlor worker`
        #[arg(long)]
        no_chatbots: bool,
    },
    /// Run the chatbots in a process of their own
    ///
    /// Needs a database and a bus that it shares with the servers: DATABASE_URL and
    /// PARLOR_NATS_URL. As many as you like may run. Brings the database up to date
    /// first, and ends gracefully like `serve`.
    #[command(verbatim_doc_comment)]
    Worker,
    /// Bring the database up to date and stop
    ///
    /// `serve` does it too. Processes that start together wait for each other. A
    /// database newer than this program is left alone.
    #[command(verbatim_doc_comment)]
    Migrate,
    /// Print the GraphQL schema
    Schema,
    /// Open accounts, give them rights, shut them
    ///
    /// May be run beside the servers, which act on it within a second.
    #[command(verbatim_doc_comment)]
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// Delete all data, after asking
    ///
    /// Every account, session and message goes; the database itself and the secret
    /// stay. Stop the servers that use it first.
    #[command(verbatim_doc_comment)]
    Reset {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Say that the database was replaced by an older copy
    ///
    /// Clients then read their sessions anew instead of going on from a place that
    /// means something else now. Run it after files of PostgreSQL were put back; a
    /// restored dump, a promoted standby and a recovery to a point in time are
    /// noticed without it. It does no harm at any time.
    #[command(verbatim_doc_comment)]
    Restored,
    /// Check what the server needs and say what to mend
    ///
    /// Configuration, database, bus, model server and clock.
    ///
    /// May be run beside a server. Ends with status 1 if there is anything to mend.
    #[command(verbatim_doc_comment)]
    Doctor,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Schema = cli.command {
        print!("{}", crate::api::sdl());
        return ExitCode::SUCCESS;
    }
    match configured(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("parlor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn configured(command: Command) -> anyhow::Result<ExitCode> {
    dotenv::read()?;
    let config = Config::from_env()?;
    logging::start(&config);
    crate::panics::log_uncaught();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve { no_chatbots } => serve::run(config, !no_chatbots)
                .await
                .map(|()| ExitCode::SUCCESS),
            Command::Worker => worker::run(config).await.map(|()| ExitCode::SUCCESS),
            Command::Restored => restored::run(&config).await.map(|()| ExitCode::SUCCESS),
            Command::Migrate => migrate(&config).await.map(|()| ExitCode::SUCCESS),
            Command::User { command } => user::run(&config, command)
                .await
                .map(|()| ExitCode::SUCCESS),
            Command::Reset { yes } => reset::run(&config, yes).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor => doctor::run(&config).await,
            Command::Schema => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let database = database::open(config).await?;
    let migrated = crate::db::migrate(database.url()).await;
    database.close().await;
    match migrated? {
        0 => println!("The database is up to date."),
        count => println!("The database is up to date: {count} migrations ran."),
    }
    Ok(())
}
