//! `parlor doctor`: checks what the server needs and says what to mend.
//!
//! That the configuration can be read at all was checked before any command runs.

use std::path::Path;
use std::process::ExitCode;

use chrono::TimeDelta;

use super::database;
use crate::bots::{self, Finding};
use crate::bus::look_at_nats;
use crate::config::{Config, Database};
use crate::db;
use crate::db::private::{PrivateError, PrivatePostgres};

/// Tokens and leases compare clocks: more than this apart, they end early or late.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// Prints a line per check; fails if one does.
pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut report = Report { healthy: true };
    report.good("configuration", "every variable can be used");
    match database::secret(config) {
        Ok(_) => report.good("secret", "there is one of at least 32 bytes"),
        Err(error) => report.bad("secret", &format!("{error:#}")),
    }
    for unfit in crate::http::unfit_documents(config) {
        report.bad("trusted documents", &unfit);
    }
    match database::open(config).await {
        Ok(database) => {
            check_database(&mut report, config, database.url()).await;
            database.close().await;
        }
        Err(error) => match error.downcast_ref() {
            Some(PrivateError::InUse { data_dir, holder }) => {
                check_beside_a_server(&mut report, config, data_dir, *holder).await;
            }
            _ => report.bad("database", &format!("{error:#}")),
        },
    }
    if let Some(url) = &config.nats {
        match look_at_nats(url).await {
            Ok(version) => report.good("bus", &format!("NATS {version} answers")),
            Err(error) => report.bad(
                "bus",
                &format!("{error}. Until it does, live feeds look at the log every two seconds (PARLOR_NATS_URL)"),
            ),
        }
    }
    check_model_server(&mut report, config).await;
    tell_of_quotes(&mut report, config);
    if let Database::Url(_) = config.database
        && config.introspection
    {
        report.note(
            "introspection",
            "is on: anyone may read the schema (PARLOR_INTROSPECTION)",
        );
    }
    Ok(if report.healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A server that runs is no fault: its database is open to whoever may run it.
async fn check_beside_a_server(
    report: &mut Report,
    config: &Config,
    data_dir: &Path,
    holder: Option<i32>,
) {
    let process = holder.map_or(String::new(), |pid| format!(" (process {pid})"));
    let place = data_dir.display();
    report.note("server", &format!("is running on {place}{process}"));
    match PrivatePostgres::running_on(data_dir) {
        Some(url) => check_database(report, config, &url).await,
        None => report.note("database", "can be looked at only by the user who runs it"),
    }
}

/// Without a model server there is nothing to say: the chatbot of the house needs none.
async fn check_model_server(report: &mut Report, config: &Config) {
    let Some(openai) = &config.openai else {
        return;
    };
    match bots::check(openai).await {
        Finding::Good => report.good("models", "the model server has all that are allowed"),
        Finding::Missing(models) => report.bad(
            "models",
            &format!(
                "the model server does not list {}: check PARLOR_OPENAI_MODELS, or load them there",
                models.join(", ")
            ),
        ),
        Finding::Bad(complaint) => report.bad("models", &format!("the model server {complaint}")),
    }
    if openai.sends_in_the_clear() {
        report.note(
            "models",
            "conversations and the key travel unencrypted to OPENAI_BASE_URL: trust that network, or use https",
        );
    }
}

/// Only what is configured: a machine without a way out is no fault, and nobody may want to be asked.
fn tell_of_quotes(report: &mut Report, config: &Config) {
    let finding = match &config.quotes {
        Some(quotes) => format!(
            "are asked of {} when a command wants one; not tried here (PARLOR_QUOTES_URL)",
            quotes.host()
        ),
        None => "are switched off (PARLOR_QUOTES_URL)".to_owned(),
    };
    report.note("quotes", &finding);
}

async fn check_database(report: &mut Report, config: &Config, url: &str) {
    let found = match db::inspect(url).await {
        Ok(found) => found,
        Err(error) => {
            let hint = match config.database {
                Database::Url(_) => {
                    ". Check DATABASE_URL, and that PostgreSQL is up and lets this machine in"
                }
                Database::Private { .. } => "",
            };
            return report.bad("database", &format!("does not answer: {error:#}{hint}"));
        }
    };
    report.good("database", &format!("PostgreSQL {} answers", found.version));
    if found.clock_difference > CLOCK_TOLERANCE {
        let seconds = found.clock_difference.num_seconds();
        report.bad(
            "clock",
            &format!("this machine's and the database's are {seconds} s apart: set both by NTP"),
        );
    } else {
        report.good("clock", "agrees with the database's");
    }
    let known = db::newest_migration();
    match found.newest_migration {
        Some(newest) if newest > known => {
            report.bad(
                "migrations",
                "the database is newer than this program: run the newer one",
            );
        }
        Some(newest) if newest == known => report.good("migrations", "all ran"),
        _ => report.note(
            "migrations",
            "some are missing: `serve` and `migrate` run them",
        ),
    }
}

struct Report {
    healthy: bool,
}

impl Report {
    fn good(&mut self, what: &str, finding: &str) {
        println!("ok    {what}: {finding}");
    }

    fn note(&mut self, what: &str, finding: &str) {
        println!("note  {what}: {finding}");
    }

    fn bad(&mut self, what: &str, finding: &str) {
        println!("BAD   {what}: {finding}");
        self.healthy = false;
    }
}
