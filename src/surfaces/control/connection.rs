//! One client from its first line to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::runtime::handle::{DaemonHandle, Stopping};
use crate::store::StoreReader;

use super::follow;
use super::lines::{Incoming, read_line, write_line};
use super::server::Standing;
use super::wire::{ErrorCode, LONGEST_ACTOR, LONGEST_REQUEST, PROTOCOL, Request, Response};

/// How long a client may say nothing.
const IDLE: Duration = Duration::from_secs(60);

/// How long a client that is turned away may take to read why.
const REFUSAL: Duration = Duration::from_millis(200);

/// What clients are served from.
pub(super) struct Served {
    /// The door to the loop.
    pub(super) handle: DaemonHandle,
    /// The log.
    pub(super) store: Arc<dyn StoreReader>,
    /// How long the daemon means to run.
    pub(super) standing: Standing,
    /// Set when the daemon has stopped.
    pub(super) stop: CancellationToken,
}

/// Why a request is not carried out.
struct Refusal {
    code: ErrorCode,
    message: String,
}

/// Tells a client why it is not served.
pub(super) async fn refuse(stream: UnixStream, code: ErrorCode, message: &str) {
    let (_reader, mut writer) = stream.into_split();
    let refusal = Response::Error { code, message: message.to_owned() };
    // Whoever does not want to know is not waited for.
    let _unread = timeout(REFUSAL, write_line(&mut writer, &refusal)).await;
}

/// Serves one client until it hangs up, falls silent, or the daemon stops.
pub(super) async fn serve(stream: UnixStream, served: Served) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    if let Err(error) = talk(&mut reader, &mut writer, &served).await {
        tracing::debug!(%error, "a client of the control socket is gone");
    }
}

async fn talk(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    served: &Served,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let incoming = tokio::select! {
            () = served.stop.cancelled() => return Ok(()),
            incoming = timeout(IDLE, read_line(reader, &mut buffer, LONGEST_REQUEST)) => incoming,
        };
        let Ok(incoming) = incoming else { return Ok(()) };
        let line = match incoming? {
            Incoming::Line(line) => line,
            Incoming::End => return Ok(()),
            Incoming::TooLong => {
                let message = format!("a request may have {LONGEST_REQUEST} bytes at most");
                let refusal = Response::Error { code: ErrorCode::TooLarge, message };
                return write_line(writer, &refusal).await;
            }
        };
        match understand(&line) {
            Ok(Request::Follow { after, run, item }) => {
                let filter = follow::Filter { run, item };
                return follow::follow(reader, writer, served, after, filter).await;
            }
            Ok(request) => write_line(writer, &answer(request, served).await).await?,
            Err(Refusal { code, message }) => {
                write_line(writer, &Response::Error { code, message }).await?;
            }
        }
    }
}

/// A request, or what is wrong with it. The version is looked at first, because other versions look different.
fn understand(line: &[u8]) -> Result<Request, Refusal> {
    let malformed = |error: serde_json::Error| Refusal {
        code: ErrorCode::Malformed,
        message: format!("not a request: {error}"),
    };
    let mut value: Value = serde_json::from_slice(line).map_err(malformed)?;
    let theirs = value.get("protocol").and_then(Value::as_u64);
    if theirs != Some(u64::from(PROTOCOL)) {
        let theirs = theirs.map_or_else(|| "none".to_owned(), |number| number.to_string());
        let version = env!("CARGO_PKG_VERSION");
        let message = format!(
            "this daemon (version {version}) speaks protocol {PROTOCOL}, the request is in {theirs}; \
             restart the daemon with the version you are using"
        );
        return Err(Refusal { code: ErrorCode::Protocol, message });
    }
    let request = value.get_mut("request").map(Value::take).unwrap_or_default();
    let request: Request = serde_json::from_value(request).map_err(malformed)?;
    match &request {
        Request::Submit { actor, .. } | Request::Drain { actor, .. } if !is_actor(actor) => {
            Err(Refusal {
                code: ErrorCode::Malformed,
                message: format!("an actor is 1 to {LONGEST_ACTOR} printable characters"),
            })
        }
        Request::Ping { .. }
        | Request::Submit { .. }
        | Request::Status {}
        | Request::Why { .. }
        | Request::HandOver {}
        | Request::Drain { .. }
        | Request::Follow { .. } => Ok(request),
    }
}

fn is_actor(text: &str) -> bool {
    let length = text.chars().count();
    (1..=LONGEST_ACTOR).contains(&length) && !text.chars().any(char::is_control)
}

async fn answer(request: Request, served: &Served) -> Response {
    match request {
        Request::Ping { .. } => match served.store.head().await {
            Ok(head) => Response::Pong {
                protocol: PROTOCOL,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                process: std::process::id(),
                temporary: served.standing == Standing::Temporary,
                head: head.gseq,
            },
            Err(error) => store_error(&error),
        },
        Request::Submit { command, actor } => match served.handle.submit(command, &actor).await {
            Ok(reply) => reply.into(),
            Err(stopping) => is_stopping(stopping),
        },
        Request::Status {} => match served.handle.status().await {
            Ok(status) => Response::Status { status: Box::new(status.into()) },
            Err(stopping) => is_stopping(stopping),
        },
        Request::Why { target } => match served.handle.why(&target).await {
            Ok(explanation) => {
                Response::Why { explanation: explanation.map(|found| Box::new(found.into())) }
            }
            Err(stopping) => is_stopping(stopping),
        },
        Request::HandOver {} => match served.handle.hand_over().await {
            Ok(agents) => Response::HandedOver { agents },
            Err(stopping) => is_stopping(stopping),
        },
        Request::Drain { parked, actor } => match served.handle.drain(parked, &actor).await {
            Ok(drained) => Response::Drained { drained },
            Err(stopping) => is_stopping(stopping),
        },
        Request::Follow { .. } => {
            let message = "following cannot be answered in one line".to_owned();
            Response::Error { code: ErrorCode::Malformed, message }
        }
    }
}

fn is_stopping(stopping: Stopping) -> Response {
    Response::Error { code: ErrorCode::Stopping, message: stopping.to_string() }
}

/// The answer when the log cannot be read.
pub(super) fn store_error(error: &crate::store::error::StoreError) -> Response {
    let message = format!("the event log cannot be read: {}", error.failure().message);
    Response::Error { code: ErrorCode::Store, message }
}
