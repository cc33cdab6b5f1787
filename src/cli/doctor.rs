//! `parlor doctor`: checks what the server needs and says what to mend.
//!
//! That the configuration can be read at all was checked before any command runs.

use std::process::ExitCode;

use chrono::TimeDelta;

use super::database;
use crate::config::{Config, Database};
use crate::db;

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
    match database::open(config).await {
        Err(error) => report.bad("database", &format!("{error:#}")),
        Ok(database) => {
            check_database(&mut report, database.url()).await;
            database.close().await;
        }
    }
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

async fn check_database(report: &mut Report, url: &str) {
    let found = match db::inspect(url).await {
        Ok(found) => found,
        Err(error) => return report.bad("database", &format!("does not answer: {error:#}")),
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
