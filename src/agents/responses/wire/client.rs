//! The connection to the server.

use std::error::Error as _;
use std::ops::Deref;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::agents::classification::one_line;
use crate::domain::time::Timestamp;

use super::super::settings::Api;
use super::sse::Decoder;
use super::trouble::{RetryHeaders, Trouble};
use super::{Heard, Reader, Reply, path};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(20);

/// How long one answer may take in all, however steadily it trickles.
const LONGEST_ANSWER: Duration = Duration::from_secs(30 * 60);

/// Bytes of a refusal that are read.
const LONGEST_REFUSAL: usize = 256 * 1024;

/// Bytes of an answer that is not streamed that are read.
const LONGEST_WHOLE: usize = 32 * 1024 * 1024;

/// A server, and how to be let in.
pub(in super::super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    models: Url,
    api: Api,
    key: Option<SecretString>,
    idle: Duration,
}

impl Client {
    /// Prepares to talk to the server at `base_url`, to which `/v1` is added when it has no path of its own.
    ///
    /// # Errors
    /// When the address is none that can be asked, or the system has no usable certificates.
    pub(in super::super) fn new(
        base_url: &str,
        api: Api,
        key: Option<SecretString>,
        idle: Duration,
    ) -> Result<Self, Trouble> {
        let base = base(base_url)?;
        let below = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
            url
        };
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A key is for the address it was configured for.
            .redirect(Policy::none())
            .user_agent(concat!("enact-factory/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| Trouble::configuration(chain(error)))?;
        Ok(Self { http, endpoint: below(path(api)), models: below("/models"), api, key, idle })
    }

    /// Asks; `heard` is called whenever bytes arrive.
    ///
    /// # Errors
    /// When there is no complete answer, with what that means.
    pub(in super::super) async fn ask(
        &self,
        body: &Value,
        now: &(dyn Fn() -> Timestamp + Sync),
        heard: &mut (dyn FnMut() + Send),
    ) -> Result<Reply, Trouble> {
        let longest = Instant::now() + LONGEST_ANSWER;
        let request = self.request(self.http.post(self.endpoint.clone()));
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream")
            .body(body.to_string());
        let sent = timeout_at(self.patience(longest), request.send()).await;
        let mut response = sent.map_err(|_| self.silent())?.map_err(broken)?;
        heard();
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let headers = retry_headers(response.headers());
            let text = self.text(&mut response, LONGEST_REFUSAL, longest).await.unwrap_or_default();
            return Err(Trouble::status(status, &headers, &text, now()));
        }
        let mut reader = Reader::new(self.api);
        let read = self.answer(&mut response, &mut reader, longest, heard).await;
        match read {
            Ok(Heard::Done | Heard::More) => Ok(reader.reply()),
            Ok(Heard::Failed(error)) => {
                Err(Trouble::in_stream(&error, now()).after_beginning(reader.tokens()))
            }
            Err(trouble) => Err(trouble.after_beginning(reader.tokens())),
        }
    }

    async fn answer(
        &self,
        response: &mut Response,
        reader: &mut Reader,
        longest: Instant,
        heard: &mut (dyn FnMut() + Send),
    ) -> Result<Heard, Trouble> {
        if content_type(response.headers()).contains("event-stream") {
            return self.stream(response, reader, longest, heard).await;
        }
        let text = self.text(response, LONGEST_WHOLE, longest).await?;
        let whole = serde_json::from_str(&text);
        let whole = whole.map_err(|_| {
            Trouble::connection(format!("neither a stream nor JSON: {}", one_line(&text)))
        })?;
        Ok(reader.whole(&whole))
    }

    /// The ids of the models there are; an empty list when the server does not say.
    ///
    /// # Errors
    /// When it cannot be reached or refuses the key.
    pub(in super::super) async fn models(&self, now: Timestamp) -> Result<Vec<String>, Trouble> {
        let longest = Instant::now() + self.idle;
        let request = self.request(self.http.get(self.models.clone()));
        let sent = timeout_at(longest, request.send()).await;
        let mut response = sent.map_err(|_| self.silent())?.map_err(broken)?;
        let status = response.status().as_u16();
        let text = self.text(&mut response, LONGEST_WHOLE, longest).await.unwrap_or_default();
        if matches!(status, 401 | 403) {
            return Err(Trouble::status(status, &RetryHeaders::default(), &text, now));
        }
        let list = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let list = list["data"].as_array().cloned().unwrap_or_default();
        Ok(list.iter().filter_map(|model| model["id"].as_str()).map(str::to_owned).collect())
    }

    fn request(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    async fn stream(
        &self,
        response: &mut Response,
        reader: &mut Reader,
        longest: Instant,
        heard: &mut (dyn FnMut() + Send),
    ) -> Result<Heard, Trouble> {
        let mut decoder = Decoder::default();
        while let Some(bytes) = self.chunk(response, longest).await? {
            heard();
            let events =
                decoder.push(&bytes).map_err(|error| Trouble::connection(error.to_string()))?;
            for data in events {
                match reader.event(&data) {
                    Heard::More => {}
                    end @ (Heard::Done | Heard::Failed(_)) => return Ok(end),
                }
            }
        }
        match decoder.finish().map(|data| reader.event(&data)) {
            Some(end @ (Heard::Done | Heard::Failed(_))) => Ok(end),
            _ if reader.may_end() => Ok(Heard::Done),
            _ => Err(Trouble::connection("the stream ended in the middle of the answer")),
        }
    }

    async fn text(
        &self,
        response: &mut Response,
        most: usize,
        longest: Instant,
    ) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        while let Some(more) = self.chunk(response, longest).await? {
            bytes.extend_from_slice(&more);
            if bytes.len() > most {
                bytes.truncate(most);
                break;
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The next bytes, within the patience for a silent server and that for a slow one.
    async fn chunk(
        &self,
        response: &mut Response,
        longest: Instant,
    ) -> Result<Option<impl Deref<Target = [u8]>>, Trouble> {
        let read = timeout_at(self.patience(longest), response.chunk()).await;
        read.map_err(|_| self.silent())?.map_err(broken)
    }

    fn patience(&self, longest: Instant) -> Instant {
        longest.min(Instant::now() + self.idle)
    }

    fn silent(&self) -> Trouble {
        Trouble::connection(format!("the server said nothing for {} s", self.idle.as_secs_f32()))
    }
}

fn base(text: &str) -> Result<Url, Trouble> {
    let wrong = |why: &str| Trouble::configuration(format!("the base address is wrong: {why}"));
    let mut url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "it must not hold a user or a password; the key has a setting of its own",
        ));
    }
    for end in ["/responses", "/chat/completions"] {
        let path = url.path().trim_end_matches('/').to_owned();
        if let Some(above) = path.strip_suffix(end) {
            url.set_path(above);
        }
    }
    if matches!(url.path(), "" | "/") {
        url.set_path("/v1");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "[::1]"))
        || url.host_str().is_some_and(|host| host.starts_with("127."))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

fn retry_headers(headers: &HeaderMap) -> RetryHeaders {
    let value =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    RetryHeaders { retry_after: value("retry-after"), retry_after_ms: value("retry-after-ms") }
}

fn broken(error: reqwest::Error) -> Trouble {
    if error.is_builder() {
        return Trouble::configuration(chain(error));
    }
    Trouble::connection(chain(error))
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
