//! One HTTP connection that is kept open.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection of one person.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    authorization: Option<String>,
}

impl Line {
    /// Connects.
    pub async fn open(address: SocketAddr, token: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address,
            authorization: token.map(|token| format!("Bearer {token}")),
        })
    }

    /// Sends a body and takes the answer, which must be a good one.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Bytes> {
        self.whole(Method::POST, path, body.into()).await
    }

    /// Asks, and takes the answer, which must be a good one.
    pub async fn get(&mut self, path: &str) -> Result<Bytes> {
        self.whole(Method::GET, path, Bytes::new()).await
    }

    /// Sends a body and takes the answer as it comes.
    pub async fn stream(&mut self, path: &str, body: &'static str) -> Result<Stream> {
        let answer = self.ask(Method::POST, path, Bytes::from_static(body.as_bytes()));
        Ok(Stream(answer.await?.into_body()))
    }

    async fn whole(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        timeout(PATIENCE, async {
            let answer = self.ask(method, path, body).await?;
            Ok(answer.into_body().collect().await?.to_bytes())
        })
        .await
        .context("no answer in time")?
    }

    async fn ask(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request);
        let answer = answer.await?;
        ensure!(
            answer.status().is_success(),
            "{} to {path}",
            answer.status()
        );
        Ok(answer)
    }
}

/// An answer as it comes.
pub struct Stream(Incoming);

impl Stream {
    /// The next bytes; nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
