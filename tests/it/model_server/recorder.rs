//! Stands between Parlor and a real model server: writes down what is asked, and can hold an answer back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::upstream::{Request, read_with_bytes};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    holds: bool,
    /// How many callers left while their answer was held back.
    left: usize,
}

/// The proxy. It ends with its test's runtime.
pub struct Recorder {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Recorder {
    /// One that stands before this server.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let recorder = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(watch::Sender::new(State::default())),
        };
        let state = recorder.state.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(pass_on(caller, server, state.clone()));
            }
        });
        recorder
    }

    /// What `OPENAI_BASE_URL` is to be.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What was asked last.
    pub fn asked_last(&self) -> Request {
        self.state.borrow().requests.last().unwrap().clone()
    }

    /// Holds answers back from now on, after their first part; or lets all go.
    pub fn hold(&self, holds: bool) {
        self.state.send_modify(|state| state.holds = holds);
    }

    /// Waits until this many callers have left while their answer was held back.
    pub async fn left(&self, count: usize) {
        let mut state = self.state.subscribe();
        let left = state.wait_for(|state| state.left >= count);
        tokio::time::timeout(DEADLINE, left)
            .await
            .expect("it leaves in time")
            .unwrap();
    }
}

/// Passes one request on, and its answer back; the next needs a connection of its own.
async fn pass_on(mut caller: TcpStream, server: SocketAddr, state: Arc<watch::Sender<State>>) {
    let Some((request, bytes)) = read_with_bytes(&mut caller).await else {
        return;
    };
    state.send_modify(|state| state.requests.push(request));
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let first_line = bytes.windows(2).position(|end| end == b"\r\n").unwrap() + 2;
    let (first_line, rest) = bytes.split_at(first_line);
    let request = [first_line, b"Connection: close\r\n", rest].concat();
    upstream.write_all(&request).await.unwrap();

    let mut seen = state.subscribe();
    let mut part = vec![0; 4096];
    loop {
        let count = upstream.read(&mut part).await.unwrap();
        if count == 0 || caller.write_all(&part[..count]).await.is_err() {
            return;
        }
        let has_text = part[..count].windows(9).any(|text| text == b"\"content\"");
        if has_text && state.borrow().holds {
            tokio::select! {
                _ = seen.wait_for(|state| !state.holds) => {}
                // It says nothing more before it has the answer: this is the end of the connection.
                _ = caller.readable() => {
                    state.send_modify(|state| state.left += 1);
                    return;
                }
            }
        }
    }
}
