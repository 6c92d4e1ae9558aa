//! The side that answers requests: headers, limits, faults and the journal around what the routes do.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Shared;
use super::faults::Fault;
use super::limits::{Left, Scope};
use super::multipart;
use super::refusals::{Reply, refusal};
use super::routes::{self, Request};
use super::world::{Asked, Upload, World};

/// What every path begins with.
const BASE: &str = "/api/v10";
/// Longest body.
const LONGEST: usize = 64 * 1024 * 1024;
/// The first byte of a handshake of TLS.
const HANDSHAKE: u8 = 0x16;

/// One connection, over TLS or not: its first byte tells.
pub async fn converse(stream: TcpStream, shared: Arc<Shared>, tls: TlsAcceptor) {
    let mut first = [0_u8];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE => {
            let Ok(stream) = tls.accept(stream).await else { return };
            serve(stream, shared, true).await;
        }
        Ok(1) => serve(stream, shared, false).await,
        _ => {}
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, secure: bool) {
    let answer = service_fn(move |request| answer(Arc::clone(&shared), request, secure));
    let served = hyper::server::conn::http1::Builder::new();
    let _ended = served.serve_connection(TokioIo::new(stream), answer).await;
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "as planned")
}

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
    secure: bool,
) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), LONGEST).await.map_err(io::Error::other)?;
    let path = decoded(head.uri.path());
    let mut asked = read(head.method.as_str(), &path, &head.headers, &body, secure);
    head.uri.query().unwrap_or_default().clone_into(&mut asked.query);
    if let Some(file) = file(&shared, &path) {
        return Ok(file);
    }
    let fault = shared.world().faults.take(&asked.method, &asked.path);
    match fault {
        Some(Fault::Status(status)) => {
            asked.status = status;
            shared.world().journal.push(asked);
            let text = if status == 401 {
                r#"{"message": "401: Unauthorized", "code": 0}"#
            } else {
                "upstream"
            };
            return Ok(plain(status, text));
        }
        Some(Fault::LostRequest) => {
            shared.world().journal.push(asked);
            return Err(lost());
        }
        Some(Fault::Late(time)) => tokio::time::sleep(time).await,
        Some(Fault::LostReply) | None => {}
    }
    let (reply, left) = {
        let mut world = shared.world();
        let (reply, left) = decide(&mut world, &asked);
        asked.status = reply.status;
        asked.reply = reply.body.clone();
        world.journal.push(asked);
        (reply, left)
    };
    if matches!(fault, Some(Fault::LostReply)) {
        return Err(lost());
    }
    Ok(written(&reply, left.as_ref()))
}

fn read(method: &str, path: &str, headers: &HeaderMap, body: &Bytes, secure: bool) -> Asked {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let content_type = header("content-type");
    let (body, files) = if content_type.starts_with("multipart/form-data") {
        multipart::parse(&content_type, body).unwrap_or_default()
    } else {
        (serde_json::from_slice(body).unwrap_or_default(), Vec::<Upload>::new())
    };
    Asked {
        at: Instant::now(),
        method: method.to_owned(),
        path: path.strip_prefix(BASE).unwrap_or(path).to_owned(),
        query: String::new(),
        content_type,
        authorization: header("authorization"),
        body,
        files,
        status: 0,
        reply: Value::Null,
        secure,
    }
}

/// What becomes of a request, and how much of its bucket is left.
fn decide(world: &mut World, asked: &Asked) -> (Reply, Option<Left>) {
    let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
    let interaction = matches!(parts.as_slice(), ["interactions" | "webhooks", ..]);
    if world.limits.banned() {
        return (Reply { status: 429, body: json!("error code: 1015") }, None);
    }
    let own = format!("Bot {}", world.application.token);
    if routes::needs_token(&parts) && asked.authorization != own {
        world.limits.count_refusal();
        return (refusal(401, 0, "401: Unauthorized"), None);
    }
    let (route, place) = routes::template(&asked.method, &parts);
    let left = world.limits.take(&route, &place, &asked.path, interaction);
    if let Some((scope, wait)) = left.refused {
        if scope != Scope::Shared {
            world.limits.count_refusal();
        }
        let body = json!({
            "message": "You are being rate limited.",
            "retry_after": wait.as_secs_f64(),
            "global": scope == Scope::Global,
        });
        return (Reply { status: 429, body }, Some(left));
    }
    let query = query(&asked.query);
    let request = Request {
        method: &asked.method,
        path: &parts,
        query: &query,
        body: &asked.body,
        files: &asked.files,
    };
    let reply = world.answer(&request).unwrap_or_else(|refused| refused);
    if matches!(reply.status, 401 | 403) {
        world.limits.count_refusal();
    }
    (reply, Some(left))
}

fn written(reply: &Reply, left: Option<&Left>) -> Response<Body> {
    let mut response = Response::builder().status(reply.status).header("Via", "1.1 google");
    if let Some(left) = left {
        response = response
            .header("X-RateLimit-Limit", left.limit)
            .header("X-RateLimit-Remaining", left.remaining)
            .header("X-RateLimit-Reset", format!("{:.3}", left.reset()))
            .header("X-RateLimit-Reset-After", format!("{:.3}", left.reset_after.as_secs_f64()))
            .header("X-RateLimit-Bucket", &left.bucket);
        if let Some((scope, wait)) = left.refused {
            response = response
                .header("Retry-After", format!("{:.0}", wait.as_secs_f64().ceil()))
                .header("X-RateLimit-Scope", scope.name());
            if scope == Scope::Global {
                response = response.header("X-RateLimit-Global", "true");
            }
        }
    }
    let body = if reply.body.is_null() {
        Body::empty()
    } else {
        response = response.header("Content-Type", "application/json");
        Body::from(reply.body.to_string())
    };
    response.body(body).expect("a response")
}

fn plain(status: u16, text: &'static str) -> Response<Body> {
    let kind = if text.starts_with('{') { "application/json" } else { "text/plain" };
    Response::builder()
        .status(status)
        .header("Content-Type", kind)
        .body(Body::from(text))
        .expect("a response")
}

/// An attachment, as the service's other hosts give it out.
fn file(shared: &Shared, path: &str) -> Option<Response<Body>> {
    let world = shared.world();
    let (kind, bytes) = world.files.get(path)?;
    let response = Response::builder().status(200).header("Content-Type", kind);
    Some(response.body(Body::from(bytes.clone())).expect("a response"))
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// A text without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(own) if byte == b'%' => {
                bytes.push(own);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
