//! Asking a service.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::error::HttpError;
use super::limits;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(15);

/// How often a request that changes nothing is sent, and the pause before the second time; it doubles.
const READS: (u32, Duration) = (3, Duration::from_millis(400));

/// Where a service is and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Everything is asked below this address.
    pub base: String,
    /// The whole `Authorization` header, if any.
    pub authorization: Option<SecretString>,
    /// Headers of every request.
    pub headers: Vec<(&'static str, String)>,
    /// How long one answer may take in all.
    pub timeout: Duration,
    /// Pauses that the service asks for are waited for up to this; longer ones are the caller's business.
    pub patience: Duration,
    /// Least time between two writes.
    pub between_writes: Duration,
    /// Bytes of an answer that are read.
    pub most: usize,
}

impl Settings {
    /// The service at `base`, asked with ordinary bounds and without any credentials.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            authorization: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            between_writes: Duration::ZERO,
            most: 32 << 20,
        }
    }
}

/// What a request does to the service, which says whether it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Reads, although it has a body (a search).
    Search,
    /// Makes something: twice makes two.
    Post,
    /// Changes what is there.
    Patch,
    /// Puts something in its place.
    Put,
    /// Takes something away.
    Delete,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Search | Self::Post => Method::POST,
            Self::Patch => Method::PATCH,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }

    /// Whether sending it twice is the same as sending it once.
    fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Search)
    }
}

/// Something to ask.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it does.
    pub verb: Verb,
    /// Parts of the path below the base, not yet encoded.
    pub path: Vec<String>,
    /// The query, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Headers of this request alone.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its content type.
    pub body: Option<(&'static str, Vec<u8>)>,
}

impl Request {
    /// A request without query and body. `path` is split at slashes, so parts that come from outside belong into
    /// [`Request::below`].
    #[must_use]
    pub fn new(verb: Verb, path: &str) -> Self {
        let parts = path.split('/').filter(|part| !part.is_empty());
        Self {
            verb,
            path: parts.map(str::to_owned).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// One more part of the path, whatever is in it.
    #[must_use]
    pub fn below(mut self, part: &(impl ToString + ?Sized)) -> Self {
        self.path.push(part.to_string());
        self
    }

    /// One more parameter of the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// With `body` as JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    /// With `bytes` of type `kind` as its body.
    #[must_use]
    pub fn body(mut self, kind: &'static str, bytes: Vec<u8>) -> Self {
        self.body = Some((kind, bytes));
        self
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the status says that it was done.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// For how long from when it came the service wants to be left alone, if it says so.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        limits::pause(self)
    }

    /// The body, if it is the JSON of a `T`.
    ///
    /// # Errors
    /// When it is not, with the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A service.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    settings: Settings,
    /// Not to be asked before the first, not to be written to before the second.
    free: Mutex<(Instant, Instant)>,
}

impl Client {
    /// Prepares to ask the service; sends nothing.
    ///
    /// # Errors
    /// When the address is none that can be asked, or the system has no usable certificates.
    pub fn new(settings: Settings) -> Result<Self, HttpError> {
        let unusable =
            |reason: String| HttpError::Unusable { address: settings.base.clone(), reason };
        let base = Url::parse(&settings.base).map_err(|error| unusable(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(unusable("it does not begin with http:// or https://".to_owned()));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let value =
                HeaderValue::from_str(value).map_err(|error| unusable(error.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(Policy::none())
            .default_headers(headers)
            .user_agent(concat!("enact-factory/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| unusable(chain(error)))?;
        let authorization = match &settings.authorization {
            None => None,
            Some(secret) => {
                let value = HeaderValue::from_str(secret.expose_secret());
                let mut value = value
                    .map_err(|_| unusable("the secret has characters no header may have".into()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let now = Instant::now();
        Ok(Self { http, base, authorization, settings, free: Mutex::new((now, now)) })
    }

    /// The host, as people know it.
    #[must_use]
    pub fn host(&self) -> String {
        self.base.host_str().unwrap_or_default().to_owned()
    }

    /// The request for what comes after `reply`, if there is more (`Link` with `rel="next"`, RFC 8288). Whichever host
    /// the link names: this one is asked.
    #[must_use]
    pub fn next_page(&self, reply: &Reply) -> Option<Request> {
        let links = reply.header("link")?.split(',');
        let mut next = links.filter(|link| link.contains("rel=\"next\""));
        let address = next.next()?.split_once('<')?.1.split_once('>')?.0;
        let url = self.base.join(address).ok()?;
        let below = url.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        let request = Request::new(Verb::Get, below);
        Some(Request { query: url.query_pairs().into_owned().collect(), ..request })
    }

    /// Leaves the service alone for `pause` from now, because of what an answer said in words.
    pub fn pause(&self, pause: Duration) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.0 = free.0.max(Instant::now() + pause);
    }

    /// Asks. What only reads is asked up to three times while the service is out of reach or broken (5xx); what writes
    /// is sent once, and again only when no connection could be made.
    ///
    /// # Errors
    /// When there is no answer. Whatever status an answer has, it is an answer.
    pub async fn send(&self, request: &Request) -> Result<Reply, HttpError> {
        let (most, mut pause) = READS;
        let mut tries = 1;
        loop {
            let answer = self.once(request).await;
            let again = match &answer {
                Ok(reply) => {
                    request.verb.reads() && reply.status >= 500 && limits::pause(reply).is_none()
                }
                Err(error @ (HttpError::Unreachable { .. } | HttpError::TimedOut { .. })) => {
                    request.verb.reads() || !error.maybe_done()
                }
                Err(_) => false,
            };
            if !again || tries == most {
                return answer;
            }
            sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    async fn once(&self, request: &Request) -> Result<Reply, HttpError> {
        self.wait_until_free(request.verb).await?;
        let until = Instant::now() + self.settings.timeout;
        let late = || HttpError::TimedOut { host: self.host(), after: self.settings.timeout };
        let sent = timeout_at(until, self.built(request)?.send()).await;
        let mut response = sent.map_err(|_| late())?.map_err(|error| self.broken(error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut reply = Reply { status, headers, body: Vec::new() };
        // Whatever becomes of the body: the wish to be left alone counts.
        self.leave_alone(&reply);
        loop {
            let chunk = timeout_at(until, response.chunk()).await.map_err(|_| late())?;
            let Some(chunk) = chunk.map_err(|error| self.broken(error))? else { return Ok(reply) };
            if reply.body.len() + chunk.len() > self.settings.most {
                return Err(HttpError::TooLarge { host: self.host(), most: self.settings.most });
            }
            reply.body.extend_from_slice(&chunk);
        }
    }

    fn built(&self, request: &Request) -> Result<reqwest::RequestBuilder, HttpError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut builder = self.http.request(request.verb.method(), url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some((kind, bytes)) = &request.body {
            builder = builder.header(CONTENT_TYPE, *kind).body(bytes.clone());
        }
        Ok(builder)
    }

    /// Waits until the service may be asked, if that is soon. Writes are a little apart from each other.
    async fn wait_until_free(&self, verb: Verb) -> Result<(), HttpError> {
        let at = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = if verb.reads() { free.0 } else { free.0.max(free.1) };
            let wait = at.saturating_duration_since(now);
            if wait > self.settings.patience {
                return Err(HttpError::Limited { host: self.host(), wait });
            }
            if !verb.reads() {
                free.1 = at.max(now) + self.settings.between_writes;
            }
            at
        };
        sleep_until(at).await;
        Ok(())
    }

    fn leave_alone(&self, reply: &Reply) {
        if let Some(pause) = limits::pause(reply) {
            self.pause(pause);
        }
    }

    fn broken(&self, error: reqwest::Error) -> HttpError {
        // Without a connection nothing was sent.
        let maybe_done = !(error.is_connect() || error.is_builder());
        HttpError::Unreachable { host: self.host(), reason: chain(error), maybe_done }
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "[::1]"))
        || url.host_str().is_some_and(|host| host.starts_with("127."))
}

/// The error with all its sources, but without the address.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
