//! Asking GitHub, and what its refusals mean.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::wire::Complaint;
use super::{GithubSettings, PUBLIC, Repository, SOURCE};
use crate::http::client::{Client, Reply, Request, Settings, Verb};
use crate::http::error::HttpError;
use crate::trackers::TrackerError;

/// A pause after a secondary limit that names none (GitHub's documents: at least a minute).
const SECONDARY: Duration = Duration::from_secs(60);

/// For how long a token that was refused is not tried again: GitHub locks out who keeps trying.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Pages of a listing that are read: 10000 things.
const MOST_PAGES: usize = 100;

/// An answer that is none of the errors that concern everything.
pub(super) enum Answer {
    /// It was done.
    Done(Reply),
    /// Nothing has changed since the given state.
    Unchanged,
    /// There is no such thing (any more), or it is not for this account to see, or it is elsewhere.
    Gone(String),
}

/// All pages of a listing.
pub(super) struct Pages {
    /// What is listed.
    pub(super) values: Vec<Value>,
    /// The state of the first page.
    pub(super) etag: Option<String>,
    /// When the service answered first, by its own clock.
    pub(super) date: Option<String>,
}

/// GitHub.
pub(super) struct Api {
    client: Client,
    has_token: bool,
    public: bool,
    /// The last refusal of the token, and until when it counts.
    refused: Mutex<Option<(Instant, String)>>,
    /// Whose the token is, once it was asked.
    login: Mutex<Option<String>>,
}

impl Api {
    pub(super) fn new(settings: &GithubSettings) -> Result<Self, TrackerError> {
        let bearer =
            |token: &SecretString| SecretString::from(format!("Bearer {}", token.expose_secret()));
        let headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        let client = Client::new(Settings {
            authorization: settings.token.as_ref().map(bearer),
            headers,
            between_writes: settings.between_writes,
            ..Settings::new(&settings.base_url)
        });
        Ok(Self {
            client: client.map_err(|error| unanswered(&error))?,
            has_token: settings.token.is_some(),
            public: settings.base_url == PUBLIC,
            refused: Mutex::default(),
            login: Mutex::default(),
        })
    }

    /// Asks; `action` says what for, as a verb phrase.
    pub(super) async fn ask(
        &self,
        request: &Request,
        action: &str,
    ) -> Result<Answer, TrackerError> {
        self.check_token()?;
        let reply = self.client.send(request).await.map_err(|error| unanswered(&error))?;
        match reply.status {
            200..=299 => Ok(Answer::Done(reply)),
            304 => Ok(Answer::Unchanged),
            301 | 302 | 307 | 308 => Ok(Answer::Gone("it was moved".to_owned())),
            404 | 410 => Ok(Answer::Gone(complaint(&reply))),
            _ => Err(self.refusal(&reply, action)),
        }
    }

    /// Asks for something that is there: its absence is a refusal too.
    pub(super) async fn have(
        &self,
        request: &Request,
        action: &str,
    ) -> Result<Reply, TrackerError> {
        match self.ask(request, action).await? {
            Answer::Done(reply) => Ok(reply),
            Answer::Unchanged => {
                Err(refused(action, "it says that nothing has changed".to_owned()))
            }
            Answer::Gone(reason) => Err(refused(action, reason)),
        }
    }

    /// Every page of a listing, or none; `None` when nothing has changed since `etag`.
    pub(super) async fn pages(
        &self,
        request: Request,
        etag: Option<&str>,
        action: &str,
    ) -> Result<Option<Pages>, TrackerError> {
        let mut request = match etag {
            Some(etag) => request.header("if-none-match", etag),
            None => request,
        };
        let mut pages = Pages { values: Vec::new(), etag: None, date: None };
        for page in 0..MOST_PAGES {
            let reply = match self.ask(&request, action).await? {
                Answer::Done(reply) => reply,
                Answer::Unchanged if page == 0 => return Ok(None),
                Answer::Unchanged => return Err(unexpected("a page has no content")),
                Answer::Gone(reason) => return Err(refused(action, reason)),
            };
            if page == 0 {
                pages.etag = reply.header("etag").map(str::to_owned);
                pages.date = reply.header("date").map(str::to_owned);
            }
            let values: Vec<Value> = parsed(&reply)?;
            pages.values.extend(values);
            match self.client.next_page(&reply) {
                Some(next) => request = next,
                None => return Ok(Some(pages)),
            }
        }
        Err(refused(action, format!("there are more than {MOST_PAGES} pages of them")))
    }

    pub(super) fn login(&self) -> Option<String> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn remember_login(&self, login: &str) {
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(login.to_owned());
    }

    fn check_token(&self) -> Result<(), TrackerError> {
        if !self.has_token {
            return Err(self.credentials("there is no token".to_owned(), None));
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match &*refused {
            Some((until, reason)) if Instant::now() < *until => {
                Err(self.credentials(reason.clone(), None))
            }
            _ => Ok(()),
        }
    }

    fn refusal(&self, reply: &Reply, action: &str) -> TrackerError {
        let said = complaint(reply);
        let limited = matches!(reply.status, 403 | 429);
        if let Some(wait) = reply.pause().filter(|_| limited) {
            return TrackerError::Limited { tracker: SOURCE.to_owned(), wait };
        }
        let lower = said.to_lowercase();
        let secondary = ["secondary rate limit", "abuse detection", "rate limit exceeded"];
        if limited && secondary.iter().any(|mark| lower.contains(mark)) {
            self.client.pause(SECONDARY);
            return TrackerError::Limited { tracker: SOURCE.to_owned(), wait: SECONDARY };
        }
        match reply.status {
            401 => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused = Some((Instant::now() + AFTER_REFUSAL, said.clone()));
                self.credentials(said, None)
            }
            403 => {
                let wanted = reply.header("x-accepted-github-permissions");
                self.credentials(format!("it may not {action}: {said}"), wanted)
            }
            500.. => TrackerError::Unavailable {
                tracker: SOURCE.to_owned(),
                reason: format!("it answered with status {}", reply.status),
            },
            status => refused(action, format!("{said} (status {status})")),
        }
    }

    fn credentials(&self, reason: String, wanted: Option<&str>) -> TrackerError {
        let variable = if self.public {
            "GITHUB_TOKEN or GH_TOKEN"
        } else {
            "GH_ENTERPRISE_TOKEN or GITHUB_TOKEN"
        };
        let wanted = wanted.map_or(String::new(), |wanted| format!("; here it wants {wanted}"));
        let hint = format!(
            "set {variable}, or `token` in [github], to a token that is valid and has the permissions \"Issues: read and \
             write\" and \"Metadata: read\" on the repositories, or for a classic token the scope \"repo\"{wanted}; then \
             start the daemon again"
        );
        TrackerError::Credentials { tracker: SOURCE.to_owned(), reason, hint }
    }
}

/// The issues of a repository, or what is below them.
pub(super) fn issues(verb: Verb, repository: &Repository) -> Request {
    below(verb, &repository.name).below("issues")
}

/// What is below the repository `name`.
pub(super) fn below(verb: Verb, name: &str) -> Request {
    let (owner, name) = name.split_once('/').unwrap_or((name, ""));
    Request::new(verb, "repos").below(owner).below(name)
}

/// The body of `reply`.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(reply: &Reply) -> Result<T, TrackerError> {
    reply.json().map_err(|error| unexpected(&error.to_string()))
}

pub(super) fn unexpected(reason: &str) -> TrackerError {
    let reason = format!("its answer is not understood: {reason}");
    TrackerError::Unavailable { tracker: SOURCE.to_owned(), reason }
}

fn refused(action: &str, reason: String) -> TrackerError {
    TrackerError::Refused { tracker: SOURCE.to_owned(), action: action.to_owned(), reason }
}

fn complaint(reply: &Reply) -> String {
    let said = reply.json::<Complaint>().unwrap_or_default().text();
    match said.is_empty() {
        true => format!("status {}", reply.status),
        false => said,
    }
}

fn unanswered(error: &HttpError) -> TrackerError {
    let tracker = SOURCE.to_owned();
    match error {
        HttpError::Limited { wait, .. } => TrackerError::Limited { tracker, wait: *wait },
        HttpError::Unusable { .. } => TrackerError::Refused {
            tracker,
            action: "be asked".to_owned(),
            reason: error.to_string(),
        },
        HttpError::Unreachable { .. } | HttpError::TimedOut { .. } | HttpError::TooLarge { .. } => {
            TrackerError::Unavailable { tracker, reason: error.to_string() }
        }
    }
}
