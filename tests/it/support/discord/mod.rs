//! A scripted Discord on the loopback: the gateway over a websocket, the requests over TLS and without, what people
//! do there, and the ways in which the service refuses or fails.
//!
//! Clients that insist on `https://discord.com` are given [`Discord::rest`] as its address and [`Discord::authority`] as
//! an authority that they trust. What the service does not understand it refuses, so that nothing passes here that
//! would fail there. Everything it was asked is in its journal.

pub mod commands;
pub mod contract;
pub mod driver;
pub mod faults;
pub mod gateway;
pub mod interactions;
pub mod limits;
pub mod limits_of_messages;
pub mod messages;
pub mod multipart;
pub mod objects;
pub mod refusals;
pub mod rest;
pub mod routes;
pub mod sessions;
pub mod trouble;
pub mod world;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use world::World;

/// The token that is taken.
pub const TOKEN: &str = "MTAwMDAwMDAwMDAwMDAwMDAwMA.Gfactory.scripted-token-of-the-factory-0123456";

/// Which side of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Gateway,
    Rest,
}

/// Whether one side is up, as wished and as it is.
struct Side {
    wished: watch::Sender<bool>,
    listens: Arc<AtomicBool>,
}

/// What the connections and the tests have in common.
pub struct Shared {
    world: Mutex<World>,
}

impl Shared {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service, and what people do on it. It ends with the value.
pub struct Discord {
    shared: Arc<Shared>,
    gateway: SocketAddr,
    rest: SocketAddr,
    home: TempDir,
    sides: [Side; 2],
    thread: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Drop for Discord {
    fn drop(&mut self) {
        let _gone = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Discord {
    /// Starts the service with a bot and nothing else, on a thread of its own.
    pub fn start() -> Self {
        let [gateway, rest] = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let addresses = [&gateway, &rest].map(|it| it.local_addr().expect("an address"));
        let world = World::new(TOKEN, format!("ws://{}", addresses[0]));
        let shared = Arc::new(Shared { world: Mutex::new(world) });
        let (authority, tls) = certificates();
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("authority.pem"), authority).expect("a file");
        let (stop, stopped) = watch::channel(false);
        let (own, other) = (Arc::clone(&shared), Arc::clone(&shared));
        let (gateway_side, gateway_loop) =
            side(gateway, move |stream| gateway::converse(stream, Arc::clone(&own)));
        let (rest_side, rest_loop) =
            side(rest, move |stream| rest::converse(stream, Arc::clone(&other), tls.clone()));
        let thread = std::thread::spawn(move || run(gateway_loop, rest_loop, stopped));
        Self {
            shared,
            gateway: addresses[0],
            rest: addresses[1],
            home,
            sides: [gateway_side, rest_side],
            thread: Some(thread),
            stop,
        }
    }

    /// Where `discord.com` is to be looked for; http without TLS is understood there too.
    pub fn rest(&self) -> SocketAddr {
        self.rest
    }

    /// The address of the gateway, as `GET /gateway` names it.
    pub fn gateway(&self) -> String {
        format!("ws://{}", self.gateway)
    }

    /// The authority of the certificate of `discord.com`, in a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join("authority.pem")
    }

    /// Everything there is, to be looked at or changed.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    fn side(&self, part: Part) -> &Side {
        &self.sides[usize::from(part == Part::Rest)]
    }

    /// Whether a side takes connections now.
    pub fn listens(&self, part: Part) -> bool {
        self.side(part).listens.load(Ordering::SeqCst)
    }
}

fn run(
    gateway: impl Future<Output = ()>,
    rest: impl Future<Output = ()>,
    mut stopped: watch::Receiver<bool>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async move {
        tokio::select! {
            () = gateway => {}
            () = rest => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
}

/// One side and the loop that serves it; the port stays the same however often it goes down.
fn side<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    converse: impl Fn(TcpStream) -> F,
) -> (Side, impl Future<Output = ()>) {
    let (wished, mut up) = watch::channel(true);
    let listens = Arc::new(AtomicBool::new(true));
    let side = Side { wished, listens: Arc::clone(&listens) };
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a listener");
    let serving = async move {
        let mut first = Some(listener);
        while up.wait_for(|up| *up).await.is_ok() {
            let listener = match first.take() {
                Some(first) => tokio::net::TcpListener::from_std(first).expect("a listener"),
                None => again(address).await,
            };
            listens.store(true, Ordering::SeqCst);
            let mut open = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _)) = accepted {
                            let _nodelay = stream.set_nodelay(true);
                            open.spawn(converse(stream));
                        }
                    }
                    Some(_) = open.join_next() => {}
                    _ = up.wait_for(|up| !*up) => break,
                }
            }
            drop(listener);
            open.shutdown().await;
            listens.store(false, Ordering::SeqCst);
        }
    };
    (side, serving)
}

/// The same port again; what is left of its old connections may keep it for a moment.
async fn again(address: SocketAddr) -> tokio::net::TcpListener {
    loop {
        if let Ok(listener) = tokio::net::TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An authority, and what a server needs to be `discord.com` for those who trust it.
fn certificates() -> (String, TlsAcceptor) {
    let mut about = CertificateParams::new(Vec::new()).expect("parameters");
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let authority = about.self_signed(&authority_key).expect("an authority");
    let names = ["discord.com", "cdn.discordapp.com", "media.discordapp.net"].map(str::to_owned);
    let key = KeyPair::generate().expect("a key");
    let about = CertificateParams::new(names.to_vec()).expect("parameters");
    let certificate = about.signed_by(&key, &authority, &authority_key).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("a configuration");
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}
