//! Asking GitHub, and what its refusals mean.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::wire::{Complaint, Graph, User};
use super::{GithubForgeSettings, PUBLIC};
use crate::domain::bounds::first_chars;
use crate::forges::ForgeError;
use crate::http::client::{Client, Reply, Request, Settings, Verb};
use crate::http::error::HttpError;

/// A pause after a secondary limit that names none (GitHub's documents: at least a minute).
const SECONDARY: Duration = Duration::from_secs(60);

/// Characters of a refusal that are shown.
const LONGEST_REASON: usize = 300;

/// Pages of a listing that are read.
const MOST_PAGES: usize = 20;

/// An answer that is none of the errors that concern everything.
pub(super) enum Answer {
    /// It was done.
    Done(Reply),
    /// There is no such thing, or it is not for this account to see.
    Gone(String),
    /// It understands the wish and does not grant it.
    Invalid(String),
}

/// GitHub, seen from one repository.
pub(super) struct Api {
    forge: String,
    rest: Client,
    graph: Client,
    settings: GithubForgeSettings,
    /// Whose the token is, once it was asked.
    login: Mutex<Option<String>>,
}

impl Api {
    pub(super) fn new(forge: &str, settings: &GithubForgeSettings) -> Result<Self, ForgeError> {
        let base = settings.base_url.trim_end_matches('/');
        // An Enterprise Server has it beside its REST interface, github.com below the same address.
        let graph = base.strip_suffix("/v3").filter(|it| it.ends_with("/api")).unwrap_or(base);
        let client = |base: &str| {
            let bearer =
                |it: &SecretString| SecretString::from(format!("Bearer {}", it.expose_secret()));
            let client = Client::new(Settings {
                authorization: settings.token.as_ref().map(bearer),
                headers: vec![
                    ("accept", "application/vnd.github+json".to_owned()),
                    ("x-github-api-version", "2022-11-28".to_owned()),
                ],
                between_writes: settings.between_writes,
                ..Settings::new(base)
            });
            client.map_err(|error| unanswered(forge, &error))
        };
        Ok(Self {
            forge: forge.to_owned(),
            rest: client(base)?,
            graph: client(graph)?,
            settings: settings.clone(),
            login: Mutex::default(),
        })
    }

    /// A request for what is below the repository.
    pub(super) fn below(&self, verb: Verb, path: &str) -> Request {
        let (owner, name) = (&self.settings.owner, &self.settings.repository);
        let request = Request::new(verb, "repos").below(owner).below(name);
        path.split('/').fold(request, |request, part| request.below(part))
    }

    /// Asks; `action` says what for, as a verb phrase.
    pub(super) async fn ask(&self, request: &Request, action: &str) -> Result<Answer, ForgeError> {
        self.send(&self.rest, request, action).await
    }

    /// Asks for something that is there: its absence is a refusal too.
    pub(super) async fn have<T: DeserializeOwned>(
        &self,
        request: &Request,
        action: &str,
    ) -> Result<T, ForgeError> {
        match self.ask(request, action).await? {
            Answer::Done(reply) => self.parsed(&reply),
            Answer::Gone(reason) | Answer::Invalid(reason) => Err(self.refused(action, reason)),
        }
    }

    /// All pages of a listing, each of which is a `T`; none where there is no such thing.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        request: Request,
        action: &str,
    ) -> Result<Vec<T>, ForgeError> {
        let mut request = request.query("per_page", "100");
        let mut pages = Vec::new();
        for _ in 0..MOST_PAGES {
            let reply = match self.ask(&request, action).await? {
                Answer::Done(reply) => reply,
                Answer::Gone(_) => break,
                Answer::Invalid(reason) => return Err(self.refused(action, reason)),
            };
            pages.push(self.parsed(&reply)?);
            match self.rest.next_page(&reply) {
                Some(next) => request = next,
                None => break,
            }
        }
        Ok(pages)
    }

    /// Asks by GraphQL; nothing where the server has none.
    pub(super) async fn graph<T: DeserializeOwned>(
        &self,
        verb: Verb,
        document: &str,
        variables: &Value,
        action: &str,
    ) -> Result<Option<T>, ForgeError> {
        let body = json!({ "query": document, "variables": variables });
        let request = Request::new(verb, "graphql").json(&body);
        let reply = match self.send(&self.graph, &request, action).await? {
            Answer::Done(reply) => reply,
            Answer::Gone(_) => return Ok(None),
            Answer::Invalid(reason) => return Err(self.refused(action, reason)),
        };
        let graph: Graph<T> = self.parsed(&reply)?;
        let Some(error) = graph.errors.first() else {
            return graph.data.map(Some).ok_or_else(|| self.unexpected("it has no data"));
        };
        let said = first_chars(&error.message, LONGEST_REASON);
        match error.kind.as_str() {
            "RATE_LIMITED" => {
                self.graph.pause(SECONDARY);
                Err(ForgeError::Limited { forge: self.forge.clone(), wait: SECONDARY })
            }
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => {
                Err(self.credentials(format!("it may not {action}: {said}"), None))
            }
            _ => Err(self.refused(action, said)),
        }
    }

    /// Who we are.
    pub(super) async fn login(&self) -> Result<String, ForgeError> {
        if let Some(login) = &self.settings.login {
            return Ok(login.clone());
        }
        let known = self.login.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(login) = known {
            return Ok(login);
        }
        let user: User =
            self.have(&Request::new(Verb::Get, "user"), "ask whose the token is").await?;
        let login = user.login;
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(login.clone());
        Ok(login)
    }

    /// The body of `reply`.
    pub(super) fn parsed<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, ForgeError> {
        reply.json().map_err(|error| self.unexpected(&error.to_string()))
    }

    async fn send(
        &self,
        client: &Client,
        request: &Request,
        action: &str,
    ) -> Result<Answer, ForgeError> {
        if self.settings.token.is_none() {
            return Err(self.credentials("there is no token".to_owned(), None));
        }
        let reply = client.send(request).await.map_err(|error| unanswered(&self.forge, &error))?;
        match reply.status {
            200..=299 => Ok(Answer::Done(reply)),
            301 | 302 | 307 | 308 => Ok(Answer::Gone("it was moved".to_owned())),
            404 | 410 => Ok(Answer::Gone(complaint(&reply))),
            422 => Ok(Answer::Invalid(complaint(&reply))),
            _ => Err(self.refusal(client, &reply, action)),
        }
    }

    fn refusal(&self, client: &Client, reply: &Reply, action: &str) -> ForgeError {
        let said = complaint(reply);
        let limited = matches!(reply.status, 403 | 429);
        if let Some(wait) = reply.pause().filter(|_| limited) {
            return ForgeError::Limited { forge: self.forge.clone(), wait };
        }
        let lower = said.to_lowercase();
        let secondary = ["secondary rate limit", "abuse detection", "rate limit exceeded"];
        if limited && secondary.iter().any(|mark| lower.contains(mark)) {
            client.pause(SECONDARY);
            return ForgeError::Limited { forge: self.forge.clone(), wait: SECONDARY };
        }
        match reply.status {
            401 => self.credentials(said, None),
            403 => {
                let wanted = reply.header("x-accepted-github-permissions");
                self.credentials(format!("it may not {action}: {said}"), wanted)
            }
            500.. => ForgeError::Unavailable {
                forge: self.forge.clone(),
                reason: format!("it answered with status {}", reply.status),
            },
            status => self.refused(action, format!("{said} (status {status})")),
        }
    }

    fn credentials(&self, reason: String, wanted: Option<&str>) -> ForgeError {
        let variable = match self.settings.base_url == PUBLIC {
            true => "GITHUB_TOKEN or GH_TOKEN",
            false => "GH_ENTERPRISE_TOKEN or GITHUB_TOKEN",
        };
        let wanted = wanted.map_or(String::new(), |wanted| format!("; here it wants {wanted}"));
        let hint = format!(
            "set {variable}, or `token` in [github], to a token that is valid and has the permissions \"Contents: read \
             and write\", \"Pull requests: read and write\", \"Commit statuses: read and write\" and \"Checks: read\" on \
             the repository, or for a classic token the scope \"repo\"{wanted}; then start the daemon again"
        );
        ForgeError::Credentials { forge: self.forge.clone(), reason, hint }
    }

    fn unexpected(&self, reason: &str) -> ForgeError {
        let reason = format!("its answer is not understood: {reason}");
        ForgeError::Unavailable { forge: self.forge.clone(), reason }
    }

    fn refused(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.forge.clone(), action: action.to_owned(), reason }
    }
}

fn complaint(reply: &Reply) -> String {
    let said = reply.json::<Complaint>().unwrap_or_default().text();
    match said.is_empty() {
        true => format!("status {}", reply.status),
        false => first_chars(&said, LONGEST_REASON),
    }
}

fn unanswered(forge: &str, error: &HttpError) -> ForgeError {
    let forge = forge.to_owned();
    match error {
        HttpError::Limited { wait, .. } => ForgeError::Limited { forge, wait: *wait },
        HttpError::Unusable { .. } => {
            let action = "be asked".to_owned();
            ForgeError::Refused { forge, action, reason: error.to_string() }
        }
        HttpError::Unreachable { .. } | HttpError::TimedOut { .. } | HttpError::TooLarge { .. } => {
            ForgeError::Unavailable { forge, reason: error.to_string() }
        }
    }
}
