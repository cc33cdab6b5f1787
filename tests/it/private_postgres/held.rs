//! A process that holds a server, for tests that kill it. No test by itself.

use std::io::{Read, stdin};
use std::path::PathBuf;

use parlor::db::private::{Options, PrivatePostgres};

use super::support::HOLD;

#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn hold_a_server() {
    let Some(data_dir) = std::env::var_os(HOLD) else {
        return;
    };
    let options = Options {
        data_dir: PathBuf::from(data_dir),
        pg_bin: None,
        settings: Vec::new(),
    };
    let server = PrivatePostgres::start(options).await.unwrap();
    println!("serving {}", server.url());
    tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
    server.stop().await;
}
