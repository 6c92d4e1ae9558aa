//! Deliveries of trackers: whoever has the secret may say that there may be news. What the delivery says is not read.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::runtime::clock::Clock;
use crate::runtime::hints::Hints;

use super::incoming;
use super::secrets::{Login, Signed};
use super::seen::Seen;
use super::server::Bounds;

/// Source word of the tracker on GitHub.
const GITHUB: &str = "github";

/// Source word of the tracker on Azure DevOps.
const AZURE_DEVOPS: &str = "azdo";

/// Bytes of a delivery of Azure DevOps, which is kept in memory while it is read, in contrast to one of GitHub.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// What trackers prove themselves with. Without a secret nobody is let in.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// What GitHub signs its deliveries with.
    pub github: Option<SecretString>,
    /// What Azure DevOps sends with its deliveries.
    pub azure_devops: Option<Login>,
}

impl Secrets {
    /// Source words of the trackers that can prove themselves.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let github = self.github.as_ref().map(|_| GITHUB.to_owned());
        let azure_devops = self.azure_devops.as_ref().map(|_| AZURE_DEVOPS.to_owned());
        github.into_iter().chain(azure_devops).collect()
    }
}

/// Takes deliveries.
pub struct Hooks {
    secrets: Secrets,
    hints: Arc<Hints>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    seen: Mutex<Seen>,
}

impl Hooks {
    /// Hooks that say `hints` when there may be news.
    #[must_use]
    pub fn new(secrets: Secrets, hints: Arc<Hints>, clock: Arc<dyn Clock>, bounds: Bounds) -> Self {
        Self { secrets, hints, clock, bounds, seen: Mutex::default() }
    }

    /// Nobody is told what was wrong. Every doubling of their number is worth a line.
    fn refuse(&self, source: &str) -> StatusCode {
        let refused = self.hints.refused();
        if refused.is_power_of_two() {
            tracing::warn!(source, refused, "a delivery without the right secret was refused");
        }
        StatusCode::UNAUTHORIZED
    }

    /// Counts a delivery and wakes the loop, unless it has come before.
    fn accept(&self, source: &str, name: &str, is_news: bool) -> StatusCode {
        let name = format!("{source}/{name}");
        let is_named = name.len() > source.len() + 1;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = is_named && seen.before(&name);
        drop(seen);
        self.hints.accepted(source, repeated, self.clock.now());
        if is_news && !repeated {
            self.hints.look_at(source);
            return StatusCode::ACCEPTED;
        }
        StatusCode::OK
    }
}

/// `POST /hooks/github`: the raw body is signed with HMAC-SHA256.
pub(super) async fn github(State(hooks): State<Arc<Hooks>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let secret = hooks.secrets.github.as_ref().filter(|_| head.method == Method::POST);
    let Some(mut signed) = secret.and_then(|secret| Signed::begin(&head.headers, secret)) else {
        return hooks.refuse(GITHUB);
    };
    let read = incoming::read(&head.headers, body, hooks.bounds, |piece| signed.take(piece)).await;
    if let Err(status) = read {
        return status;
    }
    if !signed.ends_right() {
        return hooks.refuse(GITHUB);
    }
    let is_ping = header(&head.headers, "x-github-event") == "ping";
    hooks.accept(GITHUB, header(&head.headers, "x-github-delivery"), !is_ping)
}

/// What a delivery of Azure DevOps is called.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default)]
    subscription_id: Value,
    #[serde(default)]
    notification_id: Value,
}

/// `POST /hooks/azure-devops`: name and password come with the request.
pub(super) async fn azure_devops(State(hooks): State<Arc<Hooks>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let login = hooks.secrets.azure_devops.as_ref().filter(|_| head.method == Method::POST);
    if !login.is_some_and(|login| login.is_right(&head.headers)) {
        return hooks.refuse(AZURE_DEVOPS);
    }
    let bounds = Bounds { most: hooks.bounds.most.min(MOST_KEPT), ..hooks.bounds };
    let mut text = Vec::new();
    let keep = |piece: &[u8]| text.extend_from_slice(piece);
    if let Err(status) = incoming::read(&head.headers, body, bounds, keep).await {
        return status;
    }
    let Ok(named) = serde_json::from_slice::<Named>(&text) else {
        return StatusCode::BAD_REQUEST;
    };
    let name = match (&named.subscription_id, &named.notification_id) {
        (Value::Null, _) | (_, Value::Null) => String::new(),
        (subscription, notification) => format!("{subscription}/{notification}"),
    };
    hooks.accept(AZURE_DEVOPS, &name, true)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
