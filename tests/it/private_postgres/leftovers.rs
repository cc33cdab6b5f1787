//! Files and processes of an earlier run that would keep a new one from starting.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::support::{Home, Reaped, is_alive, note, notes, until};

/// Writes the files a killed server leaves behind, naming `pid`.
fn leave_files_naming(home: &Home, pid: i32) {
    let cluster = home.cluster();
    let run = home.data_dir().join("run");
    let text = format!(
        "{pid}\n{}\n1700000000\n5432\n{}\n",
        cluster.display(),
        run.display()
    );
    fs::write(home.pid_file(), &text).unwrap();
    fs::write(run.join(".s.PGSQL.5432.lock"), &text).unwrap();
}

#[tokio::test]
async fn files_that_name_a_stranger_with_a_recycled_number_are_cleared_away() {
    let home = Home::new();
    let server = home.start().await;
    note(server.url(), "kept").await;
    server.stop().await;

    let sleep = Reaped(home.command_as_owner("sleep").arg("600").spawn().unwrap());
    leave_files_naming(&home, sleep.pid());
    let server = home.start().await;
    assert_eq!(notes(server.url()).await, ["kept"]);
    server.stop().await;
    assert!(is_alive(sleep.pid()));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn files_that_name_the_server_of_another_cluster_leave_that_one_alone() {
    let (home, other) = (Home::new(), Home::new());
    let neighbour = other.start().await;
    let postmaster = other.postmaster();
    home.start().await.stop().await;
    leave_files_naming(&home, postmaster);
    home.start().await.stop().await;
    assert!(is_alive(postmaster));
    neighbour.stop().await;
}

#[tokio::test]
async fn files_that_name_a_zombie_are_cleared_away() {
    let home = Home::new();
    home.start().await.stop().await;
    let zombie = Reaped(home.command_as_owner("true").spawn().unwrap());
    until("the process is a zombie", || !is_alive(zombie.pid())).await;
    leave_files_naming(&home, zombie.pid());
    home.start().await.stop().await;
}

/// Starts a server on the cluster behind Parlor's back, with the program that Parlor used.
#[cfg(target_os = "linux")]
async fn start_by_hand(home: &Home, socket_folder: &Path) -> Reaped {
    let server = home.start().await;
    let program = fs::read_link(format!("/proc/{}/exe", home.postmaster())).unwrap();
    server.stop().await;
    let child = home
        .command_as_owner(program)
        .current_dir("/")
        .arg("-D")
        .arg(home.cluster())
        .args(["-c", "listen_addresses="])
        .arg("-c")
        .arg(format!(
            "unix_socket_directories={}",
            socket_folder.display()
        ))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the server is ready", || {
        fs::read_to_string(home.pid_file()).is_ok_and(|text| text.contains("ready"))
    })
    .await;
    Reaped(child)
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_server_that_outlived_its_parlor_is_ended_and_replaced() {
    let home = Home::new();
    let run = home.data_dir().canonicalize();
    let run = run.unwrap_or_else(|_| home.data_dir()).join("run");
    let left = start_by_hand(&home, &run).await;
    let server = home.start().await;
    assert_ne!(home.postmaster(), left.pid());
    assert!(!is_alive(left.pid()));
    server.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_server_that_somebody_started_by_hand_is_left_to_them() {
    let home = Home::new();
    home.start().await.stop().await;
    let by_hand = start_by_hand(&home, &home.cluster()).await;
    let message = home.refused().await.to_string();
    assert!(message.contains("that Parlor did not start"), "{message}");
    assert!(message.contains(&by_hand.pid().to_string()), "{message}");
    assert!(is_alive(by_hand.pid()));
}

#[tokio::test]
async fn half_a_cluster_is_thrown_away() {
    let home = Home::new();
    let half = home.data_dir().join("postgres.unfinished-1");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    home.start().await.stop().await;
    assert!(!half.exists());
}
