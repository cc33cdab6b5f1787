//! The program's commands.

mod database;
mod doctor;
mod dotenv;
mod logging;
mod reset;
mod serve;

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
    Serve,
    /// Bring the database up to date and stop
    ///
    /// `serve` does it too. Processes that start together wait for each other. A
    /// database newer than this program is left alone.
    #[command(verbatim_doc_comment)]
    Migrate,
    /// Print the GraphQL schema
    Schema,
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
    /// Check configuration, database and clock, and say what to mend
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve => serve::run(config).await.map(|()| ExitCode::SUCCESS),
            Command::Migrate => migrate(&config).await.map(|()| ExitCode::SUCCESS),
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
