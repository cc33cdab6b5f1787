//! An API of quotes that plays scripts, one for each symbol it is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::model_server::upstream::{Step, head, read_head};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the API does for a symbol the first time, the second, and so on; the last for all that follow.
pub type Script = Vec<Vec<Step>>;

/// The running server. It ends with its test's runtime.
#[derive(Clone)]
pub struct QuotesApi {
    address: std::net::SocketAddr,
    asked: Arc<watch::Sender<Vec<String>>>,
    scripts: Arc<HashMap<String, Script>>,
}

impl QuotesApi {
    /// One that plays these scripts, and has a good quote of every other symbol.
    pub async fn start(scripts: impl IntoIterator<Item = (String, Script)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::new(watch::Sender::new(Vec::new())),
            scripts: Arc::new(scripts.into_iter().collect()),
        };
        let server = api.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        api
    }

    /// What `PARLOR_QUOTES_URL` is to be.
    pub fn url(&self) -> String {
        let address = self.address;
        format!("http://{address}/q/l/?s={{symbol}}&f=sd2t2ohlcv&h&e=csv")
    }

    /// What was asked for so far, as it stands in the addresses.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// How often this was asked for.
    pub fn times(&self, symbol: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|asked| *asked == symbol).count()
    }

    /// Waits until this has been asked for.
    pub async fn until_asked(&self, symbol: &str) {
        let mut asked = self.asked.subscribe();
        let asked = asked.wait_for(|asked| asked.iter().any(|it| it == symbol));
        let in_time = tokio::time::timeout(DEADLINE, asked).await;
        in_time.expect("it is asked in time").unwrap();
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read_head(&mut stream).await else {
            return;
        };
        let (_, rest) = request.split_once("?s=").unwrap();
        let (symbol, rest) = rest.split_once('&').unwrap();
        assert!(
            rest.starts_with("f=sd2t2ohlcv&h&e=csv HTTP/1.1\r\n"),
            "{request}"
        );
        let earlier = self.times(symbol);
        self.asked
            .send_modify(|asked| asked.push(symbol.to_owned()));
        let steps = match self.scripts.get(symbol) {
            Some(script) => script[earlier.min(script.len() - 1)].clone(),
            None => vec![quote(symbol, "183.05")],
        };
        for step in steps {
            if step.play(&mut stream).await.is_err() {
                return;
            }
        }
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

/// A quote as Stooq writes it.
pub fn quote(symbol: &str, close: &str) -> Step {
    csv(&format!(
        "Symbol,Date,Time,Open,High,Low,Close,Volume\r\n\
         {symbol},2026-11-20,22:00:11,184.9,185.09,182.13,{close},50759496\r\n"
    ))
}

/// An answer with this body.
pub fn csv(body: &str) -> Step {
    Step::Send(
        [
            head("200 OK", "Content-Type: text/csv\r\n"),
            body.as_bytes().to_vec(),
        ]
        .concat(),
    )
}
