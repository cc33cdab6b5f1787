//! A model server that plays scripts, one for each model it is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::door::{Door, Place};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the server does next on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes again and again, until nobody takes them.
    Forever(Vec<u8>),
    /// Does nothing until the other side has gone.
    Hang,
    /// Ends the connection with a reset instead of an end.
    Reset,
}

/// What the server does when a model is asked for the first time, the second, and so on; the last is played
/// for all that follow.
pub type Script = Vec<Vec<Step>>;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its first line and its headers, as they came.
    pub head: String,
    /// Its body.
    pub body: Value,
}

impl Request {
    /// The model that was asked for.
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap()
    }
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// How many connections the other side has ended while the server hung.
    left: usize,
}

/// The running server. It ends with its test's runtime.
#[derive(Clone)]
pub struct Upstream {
    place: Arc<Place>,
    /// Sees to the door, as it is now.
    porter: Arc<Mutex<JoinHandle<()>>>,
    service: Service,
}

/// What becomes of those who are let in.
#[derive(Clone)]
struct Service {
    seen: Arc<watch::Sender<Seen>>,
    scripts: Arc<HashMap<String, Script>>,
}

impl Upstream {
    /// One that plays these scripts, and is well-behaved towards all other models.
    pub async fn start(scripts: impl IntoIterator<Item = (String, Script)>) -> Self {
        let service = Service {
            seen: Arc::new(watch::Sender::new(Seen::default())),
            scripts: Arc::new(scripts.into_iter().collect()),
        };
        let place = Place::take();
        let porter = tokio::spawn(service.clone().let_in(place.listen().await));
        Self {
            place: Arc::new(place),
            porter: Arc::new(Mutex::new(porter)),
            service,
        }
    }

    /// Has its callers fare otherwise from now on. Those who were let in before are served to their end.
    pub async fn set_door(&self, door: Door) {
        let mut porter = self.porter.lock().await;
        porter.abort();
        // Until nobody listens any more.
        let _ = (&mut *porter).await;
        let place = &self.place;
        *porter = match door {
            Door::Open => tokio::spawn(self.service.clone().let_in(place.listen().await)),
            Door::Shut => tokio::spawn(async {}),
            Door::Crowded => tokio::spawn(hold(place.listen_crowded().await)),
            Door::Unattended => tokio::spawn(hold(place.listen().await)),
            Door::Deaf => tokio::spawn(leave_standing(place.listen().await)),
        };
    }

    /// What `OPENAI_BASE_URL` is to be.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.place.address())
    }

    /// All requests for a model so far.
    pub fn requests(&self, model: &str) -> Vec<Request> {
        self.service.requests(model)
    }

    /// Forgets all requests, and plays each script from its beginning again.
    pub fn forget(&self) {
        self.service.seen.send_modify(|seen| seen.requests.clear());
    }

    /// Waits until the other side has left this many hanging connections.
    pub async fn left(&self, count: usize) {
        let mut seen = self.service.seen.subscribe();
        let left = seen.wait_for(|seen| seen.left >= count);
        tokio::time::timeout(DEADLINE, left)
            .await
            .expect("it leaves in time")
            .unwrap();
    }
}

impl Service {
    async fn let_in(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(stream));
        }
    }

    fn requests(&self, model: &str) -> Vec<Request> {
        let seen = self.seen.borrow();
        let of = seen
            .requests
            .iter()
            .filter(|request| request.model() == model);
        of.cloned().collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let Some(request) = read(&mut stream).await else {
            return;
        };
        let earlier = self.requests(request.model()).len();
        let steps = match self.scripts.get(request.model()) {
            Some(script) => script[earlier.min(script.len() - 1)].clone(),
            None => vec![Step::Send(answer(&[says("All is well."), done()]))],
        };
        self.seen.send_modify(|seen| seen.requests.push(request));
        for step in steps {
            let hangs = matches!(step, Step::Hang);
            // Whoever has gone does not hear the rest.
            if step.play(&mut stream).await.is_err() {
                if hangs {
                    self.seen.send_modify(|seen| seen.left += 1);
                }
                return;
            }
        }
        let _ = stream.shutdown().await;
        // Until the other side has read it: closing with bytes unread would be a reset.
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
    }
}

/// Keeps something for ever.
async fn hold<T>(_it: T) {
    std::future::pending().await
}

/// Takes calls and does nothing with them.
async fn leave_standing(listener: TcpListener) {
    let mut calls = Vec::new();
    while let Ok(call) = listener.accept().await {
        calls.push(call);
    }
}

impl Step {
    /// Does it; an error if there is nobody any more.
    pub async fn play(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Step::Forever(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Step::Hang => {
                let _ = stream.read(&mut [0]).await;
                return Err(std::io::ErrorKind::NotConnected.into());
            }
            Step::Reset => {
                stream.set_zero_linger()?;
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
        }
        Ok(())
    }
}

/// Reads one request; nothing if there is none.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let (request, _) = read_with_bytes(stream).await?;
    Some(request)
}

/// Reads a request without a body: its first line and its headers; nothing if there is none.
pub async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads one request, and gives it as it came as well.
pub async fn read_with_bytes(stream: &mut TcpStream) -> Option<(Request, Vec<u8>)> {
    let begun = Instant::now();
    let mut bytes = Vec::new();
    while begun.elapsed() < DEADLINE {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().unwrap())
        });
        let length: usize = length.unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
            return Some((Request { head, body }, bytes));
        }
    }
    None
}

/// The head of an answer with this status and these further headers, that ends with the connection.
pub fn head(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n").into_bytes()
}

/// The head of a stream of events.
pub fn stream_head() -> Vec<u8> {
    head("200 OK", "Content-Type: text/event-stream\r\n")
}

/// A whole stream of these events, which ends with the connection.
pub fn answer(events: &[String]) -> Vec<u8> {
    [stream_head(), events.concat().into_bytes()].concat()
}

/// An event that says something.
pub fn says(text: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
}

/// An event that says that the reply is over, and why.
pub fn finishes(reason: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

/// The event after the last.
pub fn done() -> String {
    "data: [DONE]\n\n".to_owned()
}

/// An event with any data.
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}
