//! Listening, and bounds on whoever connects.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::runtime::tasks::Tasks;

/// Bytes of a request's head; hyper asks for at least 8 KiB.
const MOST_HEAD: usize = 32 * 1024;

/// Pause after the system refused to accept a connection (usually: no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long answers under way may take when the daemon stops.
const GRACE: Duration = Duration::from_secs(3);

/// What a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections served at once; others wait to be accepted.
    pub connections: usize,
    /// Time until a request's head is there, also until the next one's on a connection that is kept.
    pub head: Duration,
    /// Time until a request's body is there.
    pub body: Duration,
    /// Bytes of a body.
    pub most: usize,
}

impl Default for Bounds {
    /// 25 MB is the most that GitHub delivers.
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            most: 25_000_000,
        }
    }
}

/// The port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct PortError {
    /// The address as configured.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// A port that is listened on.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    bounds: Bounds,
}

impl HttpServer {
    /// Listens on `address`; port 0 is any that is free.
    ///
    /// # Errors
    /// When the system refuses, usually because somebody else listens there.
    pub async fn bind(address: SocketAddr, bounds: Bounds) -> Result<Self, PortError> {
        let failed = |source| PortError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, bounds })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers by `router` until `stop`; then nothing new is accepted, and what is under way gets a moment to end.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let Self { listener, bounds, .. } = self;
        let mut connections = Tasks::default();
        loop {
            let has_room = connections.len() < bounds.connections;
            tokio::select! {
                () = stop.cancelled() => break,
                _ended = connections.next_ended() => {}
                accepted = listener.accept(), if has_room => match accepted {
                    Ok((stream, _)) => {
                        let one = serve_one(stream, router.clone(), bounds, stop.clone());
                        connections.spawn("http connection", one);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted on the HTTP port");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        connections.join_all().await;
    }
}

async fn serve_one(stream: TcpStream, router: Router, bounds: Bounds, stop: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(MOST_HEAD);
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_late) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended badly");
    }
}
