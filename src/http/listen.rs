//! The accept loop.
//!
//! `axum::serve` sets no deadline for a request's head, so a peer that sends half a head holds its
//! connection for ever. This loop does set one, and one for a peer that takes no answer, and lets so many
//! connections in and no more. It speaks HTTP/1.1 only: telling HTTP/2 from the first bytes
//! would mean to wait for bytes without a deadline again, and balancers speak HTTP/1.1 to what is behind
//! them.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use nix::sys::socket::{
    setsockopt,
    sockopt::{SndBuf, TcpUserTimeout},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    Server, Timings,
    guests::Line,
    heads::{AnswerBody, Heads},
    steady::Steady,
};

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
        tune(&self.stream, &timings);
        let Self {
            stream,
            peer,
            line,
            router,
        } = self;
        let heads = Heads::new();
        let stream = Steady::new(stream, timings.write, line.deadline.clone(), heads.clone());
        let asked = heads.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let answering = asked.asked();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(line.clone());
            let response = router.clone().oneshot(request);
            async move {
                let response = response.await.unwrap_or_else(|never| match never {});
                Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, answering)))
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .header_read_timeout(None::<Duration>)
                .max_buf_size(MAX_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let mut overdue = pin!(heads.overdue(&timings));
        let mut is_stopping = false;
        let ended = loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                // Also while the server stops: it waits for what was begun, a head included.
                () = overdue.as_mut() => return,
                () = stopping.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        };
        if let Err(error) = ended {
            // A peer that hangs up or speaks no HTTP: its affair.
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// Tells the kernel what to do with a connection by itself.
fn tune(stream: &TcpStream, timings: &Timings) {
    // Small messages must not wait for company (Nagle's algorithm).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    if let Err(error) = setsockopt(stream, SndBuf, &SEND_BUFFER_BYTES) {
        tracing::debug!(%error, "could not set SO_SNDBUF");
    }
    // A peer that is gone without a word takes no heartbeat: left alone, the kernel would go on trying to send it for
    // a quarter of an hour, and what is held for the peer would be held as long.
    let gone = u32::try_from(2 * timings.ping.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = setsockopt(stream, TcpUserTimeout, &gone) {
        tracing::debug!(%error, "could not set TCP_USER_TIMEOUT");
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

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[tokio::test]
    async fn the_kernel_keeps_little_for_a_peer_and_not_for_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _) = accepted.unwrap();
        tune(&stream, &Timings::default());
        assert!(stream.nodelay().unwrap());
        assert_eq!(getsockopt(&stream, TcpUserTimeout).unwrap(), 24_000);
        let kept = getsockopt(&stream, SndBuf).unwrap();
        assert!(kept <= 2 * SEND_BUFFER_BYTES, "{kept}");
    }
}
