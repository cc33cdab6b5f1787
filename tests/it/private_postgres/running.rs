//! What a running private PostgreSQL promises: it starts, stops, comes back, and keeps what was
//! committed.

use nix::unistd::{Pid, getpgid};
use parlor::db::private::PrivatePostgres;

use super::support::{Home, ask, is_alive, kill_9, note, notes, process_holding, try_ask, until};

#[tokio::test]
async fn the_first_start_makes_a_database_and_a_later_one_finds_it_again() {
    let home = Home::new();
    let server = home.start().await;
    let url = server.url().to_owned();
    assert_eq!(ask(&url, "current_database()").await, "parlor");
    assert_eq!(ask(&url, "current_user").await, "parlor");
    note(&url, "kept").await;
    let postmaster = home.postmaster();
    server.stop().await;
    assert!(!is_alive(postmaster));
    assert!(!home.pid_file().exists());

    let server = home.start().await;
    assert_eq!(server.url(), url);
    assert_eq!(notes(&url).await, ["kept"]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_committed_is_on_the_disk_and_nobody_comes_over_the_network() {
    let home = Home::new();
    let server = home.start().await;
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
    ] {
        let answer = ask(server.url(), &format!("current_setting('{setting}')")).await;
        assert_eq!(answer, value, "{setting}");
    }
    server.stop().await;

    let mut options = home.options();
    options.settings.push(("fsync".into(), "off".into()));
    let server = PrivatePostgres::start(options).await.unwrap();
    assert_eq!(ask(server.url(), "current_setting('fsync')").await, "off");
    server.stop().await;
}

#[tokio::test]
async fn text_is_sorted_by_bytes_and_every_alphabet_has_lower_case() {
    let home = Home::new();
    let server = home.start().await;
    assert_eq!(ask(server.url(), "lower('ÉΩЖ')").await, "éωж");
    assert_eq!(ask(server.url(), "'B' < 'a'").await, "true");
    server.stop().await;
}

#[tokio::test]
async fn ctrl_c_and_the_environment_stay_with_parlor() {
    let home = Home::new();
    let server = home.start().await;
    let postmaster = home.postmaster();
    let group = getpgid(Some(Pid::from_raw(postmaster))).unwrap();
    assert_eq!(group.as_raw(), postmaster);
    #[cfg(target_os = "linux")]
    {
        let environment = std::fs::read(format!("/proc/{postmaster}/environ")).unwrap();
        assert!(!String::from_utf8_lossy(&environment).contains("CARGO"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_as_well() {
    let home = Home::new();
    let server = home.start().await;
    let postmaster = home.postmaster();
    drop(server);
    until("PostgreSQL has ended", || !is_alive(postmaster)).await;
}

#[tokio::test]
async fn a_path_too_long_or_too_odd_for_a_socket_is_no_obstacle() {
    let long = "a-long-name-in-which-nothing-is-left-out/and-another-one-that-goes-on-and-on/\
                until-the-limit-is-passed/data";
    for inside in [long, "a name, with 100% of \"odd\" characters: ü&?#/data"] {
        let home = Home::with_data_in(inside);
        let server = home.start().await;
        note(server.url(), "kept").await;
        assert_eq!(notes(server.url()).await, ["kept"]);
        let folder = server
            .url()
            .split_once("host=")
            .and_then(|(_, rest)| rest.split('&').next())
            .unwrap()
            .to_owned();
        assert!(folder.starts_with("/tmp/parlor-"), "{folder}");
        server.stop().await;
        assert!(
            !std::path::Path::new(&folder).exists(),
            "{folder} is left behind"
        );
    }
}

#[tokio::test]
async fn postgres_killed_under_a_running_parlor_comes_back_with_every_committed_row() {
    let home = Home::new();
    let server = home.start().await;
    for round in 1..=2 {
        note(server.url(), &format!("before {round}")).await;
        let postmaster = home.postmaster();
        kill_9(postmaster);
        assert_eq!(notes(server.url()).await.len(), round);
        assert_ne!(home.postmaster(), postmaster);
    }
    server.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_query_that_outlives_its_server_does_not_keep_the_next_one_from_starting() {
    let home = Home::new();
    let server = home.start().await;
    note(server.url(), "kept").await;
    let url = server.url().to_owned();
    let query = tokio::spawn(async move { try_ask(&url, BUSY).await });
    let running = "select count(*)::text as answer from pg_stat_activity \
                where state = 'active' and query like 'do %'";
    while try_ask(server.url(), running).await.unwrap() != ["1"] {}
    kill_9(home.postmaster());
    assert_eq!(notes(server.url()).await, ["kept"]);
    assert!(query.await.unwrap().is_err());
    server.stop().await;
}

/// It waits for nothing, so it does not learn that its server is dead. It ends after the test's
/// deadline, so that a test that fails leaves nothing running for good.
#[cfg(target_os = "linux")]
const BUSY: &str = "do $$ declare ends timestamptz := clock_timestamp() + interval '90 s'; \
                    begin while clock_timestamp() < ends loop null; end loop; end $$";

#[tokio::test]
async fn postgres_ends_cleanly_when_parlor_is_killed() {
    let home = Home::new();
    let (process, url) = process_holding(&home);
    note(&url, "kept").await;
    let postmaster = home.postmaster();
    kill_9(process.pid());
    drop(process);
    #[cfg(target_os = "linux")]
    {
        until("PostgreSQL has ended", || !is_alive(postmaster)).await;
        // It removes this file at the very end of a clean shutdown.
        assert!(!home.pid_file().exists());
    }

    let server = home.start().await;
    assert_ne!(home.postmaster(), postmaster);
    assert_eq!(notes(server.url()).await, ["kept"]);
    server.stop().await;
}

#[tokio::test]
async fn a_parlor_that_was_just_killed_does_not_keep_the_next_one_from_starting() {
    let home = Home::new();
    let (process, url) = process_holding(&home);
    note(&url, "kept").await;
    kill_9(process.pid());
    // PostgreSQL has just begun to shut down.
    let server = home.start().await;
    assert_eq!(notes(server.url()).await, ["kept"]);
    server.stop().await;
}

#[tokio::test]
async fn parlor_and_postgres_killed_at_once_recover_with_every_committed_row() {
    let home = Home::new();
    let (process, url) = process_holding(&home);
    note(&url, "kept").await;
    let postmaster = home.postmaster();
    kill_9(process.pid());
    kill_9(postmaster);
    let server = home.start().await;
    assert_eq!(notes(server.url()).await, ["kept"]);
    server.stop().await;
}
