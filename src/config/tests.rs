//! What configurations are read, and what is said of those that are not.

use std::collections::HashMap;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::read(|name| variables.get(name).map(|value| (*value).into()))
}

#[test]
fn nothing_set_means_a_private_database_to_explore() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.database, Database::Private { binaries: None });
    assert!(config.introspection && config.graphiql && config.secret.is_none());
}

#[test]
fn a_database_of_ones_own_closes_what_was_open_for_exploring() {
    let config = read(&[
        ("DATABASE_URL", "postgres://db/parlor"),
        ("PARLOR_SECRET", "0123456789abcdef0123456789abcdef"),
    ])
    .unwrap();
    assert!(!config.introspection && !config.graphiql);
}

#[test]
fn every_fault_is_named_at_once_and_no_secret_is_repeated() {
    let error = read(&[
        ("DATABASE_URL", "mysql://user:hunter2@db"),
        ("PARLOR_LISTEN", "here"),
        ("PARLOR_DATABASE_POOL", "1"),
        ("PARLOR_NATS_URL", "http://ada:hunter2@nats"),
        ("PARLOR_REPLY_LEASE", "1"),
        ("PARLOR_GUEST_DAYS", "0"),
        ("PARLOR_SECRET", "too short"),
        ("PARLOR_ALLOWED_ORIGINS", "https://a.example, b.example"),
        ("PARLOR_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("PARLOR_INTROSPECTION", "perhaps"),
        ("PARLOR_QUOTES_URL", "https://quotes.example/?key=hunter2"),
        ("PARLOR_LOG", "a=b=c"),
        ("PARLOR_LOG_FORMAT", "xml"),
    ])
    .unwrap_err();
    assert_eq!(error.faults.len(), 13, "{error}");
    let told = error.to_string();
    assert!(!told.contains("hunter2") && !told.contains("too short"));
}

#[test]
fn a_limit_is_a_number_in_its_range() {
    let config = read(&[("PARLOR_MAX_FIELDS", "20")]).unwrap();
    assert_eq!(
        config.limits,
        Limits {
            fields: 20,
            ..Limits::default()
        }
    );
    for setting in Limits::SETTINGS {
        let Setting {
            variable,
            least,
            most,
            ..
        } = *setting;
        for good in [least, most] {
            read(&[(variable, &good.to_string())]).unwrap();
        }
        let too_much = (most + 1).to_string();
        let too_little = least
            .checked_sub(1)
            .map_or("-1".to_owned(), |n| n.to_string());
        for bad in [too_much.as_str(), &too_little, "many", "1e3"] {
            let told = read(&[(variable, bad)]).unwrap_err().to_string();
            let rule = format!("{variable} is a number from {least} to {most};");
            assert!(told.contains(&rule), "{told}");
        }
    }
}

#[test]
fn the_page_of_limits_lists_each_with_its_default() {
    let page = include_str!("../../docs/LIMITS.md");
    let sample = include_str!("../../.env.sample");
    let limits = Limits::SETTINGS.iter().map(|setting| {
        let Setting { least, most, .. } = setting;
        let range = format!(" {least} to {most} |");
        (setting.variable, setting.default.to_string(), range)
    });
    let rates = Rates::SETTINGS.iter();
    let rates = rates.map(|(name, default)| (*name, (*default).to_owned(), "|".to_owned()));
    for (variable, default, range) in limits.chain(rates) {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{variable}` |")))
            .unwrap_or_else(|| panic!("{variable} is not on the page"));
        assert!(row.contains(&format!("| `{default}` |")), "{row}");
        assert!(row.ends_with(&range), "{row}");
        let line = format!("#{variable}={default}");
        assert!(sample.lines().any(|it| it == line), "{line}");
    }
}

#[test]
fn a_misspelt_setting_is_a_fault_and_what_a_platform_injects_is_not() {
    let names = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Config::read_all(|_| None, names)
    };
    let told = names(&["PARLOR_MAX_FIELD", "PARLOR_BLUE_CHEESE", "PARLOR_PG_BIN"]);
    assert_eq!(
        told.unwrap_err().faults,
        [
            "PARLOR_MAX_FIELD is no setting; PARLOR_MAX_FIELDS may be meant",
            "PARLOR_BLUE_CHEESE is no setting",
        ]
    );
    names(&[
        "PATH",
        "PARLOR_PORT",
        "PARLOR_PORT_8000_TCP_ADDR",
        "PARLOR_SERVICE_HOST",
    ])
    .unwrap();
}

#[test]
fn a_shared_database_needs_a_shared_secret() {
    let error = read(&[("DATABASE_URL", "postgres://db/parlor")]).unwrap_err();
    assert!(error.to_string().contains("PARLOR_SECRET is required"));
}

#[test]
fn quotes_are_stooqs_or_ones_own_or_off() {
    let quotes = |variables: &[(&str, &str)]| read(variables).unwrap().quotes;
    let host = |quotes: Option<QuotesUrl>| quotes.map(|quotes| quotes.host());
    assert_eq!(host(quotes(&[])).as_deref(), Some("stooq.com"));
    let own = quotes(&[("PARLOR_QUOTES_URL", "http://127.0.0.1:81/{symbol}")]);
    assert_eq!(host(own).as_deref(), Some("127.0.0.1:81"));
    assert_eq!(quotes(&[("PARLOR_QUOTES_URL", "off")]), None);
}
