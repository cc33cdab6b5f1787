//! The accept loop.
//!
//! `axum::serve` sets no deadline for a request's head, so a peer that sends half a head holds its
//! connection for ever. This loop does set one, and one for a peer that takes no answer, and lets so many
//! connections in and no more. It speaks HTTP/1.1 only: telling HTTP/2 from the first bytes
//! would mean to wait for bytes without a deadline again, and balancers speak HTTP/1.1 to what is behind
//! them.

use std::{convert::Infallible, future::pending, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt::SndBuf};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Server, Timings, guests::Line, steady::Steady};

/// What is held of a connection's bytes, in either direction, at most. A head must fit in.
const MAX_BUFFER_BYTES: usize = 128 * 1024;

/// How much the kernel keeps for a peer that does not take it; Linux doubles it for its own bookkeeping. Left
/// alone it would grow to 4 MiB a connection, out of sight of every limit here.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Accepts connections until the server is stopping, then waits for those that are open.
pub(super) async fn run(listener: TcpListener, router: Router, server: &Server) {
    let stopping = server.app.stopping();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match server.guests.connect(&server.app, peer) {
                    Some(line) => {
                        let connection = Connection { stream, peer, line, router: router.clone() };
                        connections.spawn(connection.serve(stopping.clone(), server.timings));
                    }
                    None => turn_away(&stream),
                },
                Err(error) => pause_after(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }

    // Dropped first: from here on the balancer's next connection is refused and goes elsewhere.
    drop(listener);
    server.sockets.close();
    let drained = timeout(server.timings.stop, async {
        while connections.join_next().await.is_some() {}
        server.sockets.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            sockets = server.sockets.len(),
            "stopping with connections still open"
        );
    }
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    line: Line,
    router: Router,
}

impl Connection {
    async fn serve(self, stopping: CancellationToken, timings: Timings) {
        // Small messages must not wait for company (Nagle's algorithm).
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        if let Err(error) = setsockopt(&self.stream, SndBuf, &SEND_BUFFER_BYTES) {
            tracing::debug!(%error, "could not set SO_SNDBUF");
        }
        let Self {
            stream,
            peer,
            line,
            router,
        } = self;
        let stream = Steady::new(stream, timings.write, line.deadline.clone());
        // Set by the first request, once its head is there.
        let heard = CancellationToken::new();
        let hearing = heard.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            hearing.cancel();
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(line.clone());
            let response = router.clone().oneshot(request);
            async { Ok::<_, Infallible>(response.await.unwrap_or_else(|never| match never {})) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(timings.idle)
                .max_buf_size(MAX_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let unheard = async {
            if timeout(timings.head, heard.cancelled()).await.is_ok() {
                pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = unheard => return,
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // A peer that hangs up or speaks no HTTP: its affair.
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// Says in one small write that the server is busy, and hangs up: nothing here may wait for anybody.
fn turn_away(stream: &TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        content-length: 0\r\nconnection: close\r\n\r\n";
    if let Err(error) = stream.try_write(BUSY) {
        tracing::debug!(%error, "turned away without a word");
    }
}

/// A connection that failed before it was accepted is nothing. Anything else, usually that no file
/// descriptors are left, would fail again at once: wait for some to come back.
async fn pause_after(error: &io::Error) {
    let passing = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    );
    if !passing {
        tracing::error!(%error, "could not accept a connection");
        sleep(Duration::from_secs(1)).await;
    }
}
