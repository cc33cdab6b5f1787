//! What keeps the private PostgreSQL from starting, and that the message tells what to mend.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use parlor::db::private::{PrivateError, PrivatePostgres};

use super::support::{Home, is_alive, note, notes, process_holding};

#[tokio::test]
async fn a_second_parlor_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let (first, url) = process_holding(&home);
    note(&url, "kept").await;
    let began = Instant::now();
    let refusal = home.refused().await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(matches!(refusal, PrivateError::InUse { .. }));
    let message = refusal.to_string();
    assert!(message.starts_with("Another Parlor is using "), "{message}");
    assert!(
        message.contains(&format!("(process {})", first.pid())),
        "{message}"
    );
    assert_eq!(notes(&url).await, ["kept"]);
}

#[tokio::test]
async fn a_cluster_of_a_version_that_is_not_here_is_named() {
    let home = Home::new();
    home.start().await.stop().await;
    fs::write(home.cluster().join("PG_VERSION"), "13\n").unwrap();
    let message = home.refused().await.to_string();
    assert!(message.contains("was made by PostgreSQL 13"), "{message}");
    assert!(message.contains("Install PostgreSQL 13"), "{message}");
}

#[tokio::test]
async fn a_folder_that_is_no_cluster_is_left_as_it_is() {
    let home = Home::new();
    let photo = home.cluster().join("photo.jpg");
    fs::create_dir_all(home.cluster()).unwrap();
    fs::write(&photo, "").unwrap();
    let message = home.refused().await.to_string();
    assert!(message.contains("is no PostgreSQL database"), "{message}");
    assert!(photo.exists());
}

#[tokio::test]
async fn a_folder_that_postgres_cannot_enter_is_named_with_the_way_to_open_it() {
    if !geteuid().is_root() {
        println!("skipped: only root runs PostgreSQL as somebody else");
        return;
    }
    let home = Home::new();
    fs::set_permissions(home.folder(), Permissions::from_mode(0o700)).unwrap();
    let message = home.refused().await.to_string();
    let folder = home.folder().display();
    assert!(
        message.contains(&format!("can't enter {folder}, ")),
        "{message}"
    );
    assert!(
        message.contains(&format!("chmod o+x {folder}")),
        "{message}"
    );
    assert!(message.contains("PARLOR_DATA_DIR"), "{message}");

    // As the message says.
    fs::set_permissions(home.folder(), Permissions::from_mode(0o701)).unwrap();
    home.start().await.stop().await;
}

#[tokio::test]
async fn a_folder_without_the_programs_is_named() {
    let home = Home::new();
    let mut options = home.options();
    options.pg_bin = Some(PathBuf::from("/nowhere"));
    let message = PrivatePostgres::start(options)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("PARLOR_PG_BIN is /nowhere, but it holds no `postgres`"),
        "{message}"
    );
}

#[tokio::test]
async fn a_setting_that_postgres_refuses_is_told_in_its_own_words() {
    let home = Home::new();
    home.start().await.stop().await;
    let mut options = home.options();
    options
        .settings
        .push(("shared_buffers".into(), "much".into()));
    let message = PrivatePostgres::start(options)
        .await
        .unwrap_err()
        .to_string();
    assert!(message.contains("did not start"), "{message}");
    assert!(message.contains("shared_buffers"), "{message}");
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing_running() {
    let home = Home::new();
    home.start().await.stop().await;
    let given_up = tokio::time::timeout(Duration::ZERO, PrivatePostgres::start(home.options()));
    assert!(given_up.await.is_err());
    // It holds the directory until what it began is over, and no longer.
    let server = home.start_when_free().await;
    assert!(is_alive(home.postmaster()));
    server.stop().await;
}
