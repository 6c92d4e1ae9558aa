//! Asking Azure DevOps, and what its refusals mean.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::wire::{Connection, Identity};
use super::{AzureForgeSettings, PUBLIC, PUBLIC_IDENTITIES};
use crate::domain::bounds::first_chars;
use crate::forges::ForgeError;
use crate::forges::address::basic;
use crate::http::client::{Client, Reply, Request, Settings, Verb};
use crate::http::error::HttpError;

/// A pause after a refusal that names none.
const PAUSE: Duration = Duration::from_secs(60);

/// Characters of a refusal that are shown.
const LONGEST_REASON: usize = 300;

/// An answer that is none of the errors that concern everything.
pub(super) enum Answer {
    /// It was done.
    Done(Reply),
    /// There is no such thing, or it may not be read.
    Gone(String),
    /// It understands the wish and does not grant it.
    Invalid(String),
}

/// The service, seen from one repository.
pub(super) struct Api {
    forge: String,
    http: Client,
    identities: Client,
    settings: AzureForgeSettings,
    /// Whose the token is, once it was asked.
    account: Mutex<Option<Identity>>,
}

impl Api {
    pub(super) fn new(forge: &str, settings: &AzureForgeSettings) -> Result<Self, ForgeError> {
        let client = |base: &str| {
            let client = Client::new(Settings {
                authorization: Some(basic("", &settings.token)),
                headers: vec![
                    ("accept", "application/json".to_owned()),
                    // Or else a wrong token is answered with a page to sign in on.
                    ("x-tfs-fedauthredirect", "Suppress".to_owned()),
                ],
                ..Settings::new(base)
            });
            client.map_err(|error| unanswered(forge, &error))
        };
        let base = settings.base_url.trim_end_matches('/');
        let elsewhere = if base == PUBLIC { PUBLIC_IDENTITIES } else { base };
        let identities = settings.identities_url.as_deref().unwrap_or(elsewhere);
        Ok(Self {
            forge: forge.to_owned(),
            http: client(base)?,
            identities: client(identities)?,
            settings: settings.clone(),
            account: Mutex::default(),
        })
    }

    /// A request for what is below the repository.
    pub(super) fn below(&self, verb: Verb, path: &[&str]) -> Request {
        let settings = &self.settings;
        let request = Request::new(verb, "").below(&settings.organization);
        let request = request.below(&settings.project).below("_apis").below("git");
        let request = request.below("repositories").below(&settings.repository);
        let request = path.iter().fold(request, |request, part| request.below(*part));
        request.query("api-version", &settings.api_version)
    }

    /// A request for what belongs to the project.
    pub(super) fn project(&self, verb: Verb, path: &[&str]) -> Request {
        let request = Request::new(verb, "").below(&self.settings.organization);
        let request = request.below(&self.settings.project).below("_apis");
        path.iter().fold(request, |request, part| request.below(*part))
    }

    /// A request for what belongs to the whole organization.
    pub(super) fn organization(&self, verb: Verb, path: &[&str]) -> Request {
        let request = Request::new(verb, "").below(&self.settings.organization).below("_apis");
        path.iter().fold(request, |request, part| request.below(*part))
    }

    /// Asks; `action` says what for, as a verb phrase.
    pub(super) async fn ask(&self, request: &Request, action: &str) -> Result<Answer, ForgeError> {
        self.send(&self.http, request, action).await
    }

    /// Asks where people are looked up.
    pub(super) async fn look_up(&self, request: &Request) -> Result<Answer, ForgeError> {
        self.send(&self.identities, request, "look somebody up").await
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

    /// The body of `reply`.
    pub(super) fn parsed<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, ForgeError> {
        reply.json().map_err(|error| ForgeError::Unavailable {
            forge: self.forge.clone(),
            reason: format!("its answer is not understood: {error}"),
        })
    }

    /// Who we are.
    pub(super) async fn account(&self) -> Result<Identity, ForgeError> {
        if let Some(name) = &self.settings.account {
            let unique_name = Some(name.clone());
            return Ok(Identity { id: name.clone(), unique_name, display_name: None });
        }
        let known = self.account.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(account) = known {
            return Ok(account);
        }
        // It has been a preview in every version so far.
        let version = format!("{}-preview", self.settings.api_version);
        let request =
            self.organization(Verb::Get, &["connectionData"]).query("api-version", &version);
        let connection: Connection = self.have(&request, "ask whose the token is").await?;
        let account = connection.authenticated_user;
        *self.account.lock().unwrap_or_else(PoisonError::into_inner) = Some(account.clone());
        Ok(account)
    }

    async fn send(
        &self,
        client: &Client,
        request: &Request,
        action: &str,
    ) -> Result<Answer, ForgeError> {
        let reply = client.send(request).await.map_err(|error| unanswered(&self.forge, &error))?;
        let said = complaint(&reply);
        match reply.status {
            203 | 301 | 302 | 303 | 307 | 308 | 401 => Err(self.signed_out(&reply)),
            200..=299 if is_json(&reply) => Ok(Answer::Done(reply)),
            200..=299 => Err(self.signed_out(&reply)),
            403 => Err(self.credentials(format!("it may not {action}: {said}"))),
            404 if is_json(&reply) => Ok(Answer::Gone(said)),
            400 | 409 | 412 => Ok(Answer::Invalid(said)),
            429 => {
                let wait = reply.pause().unwrap_or(PAUSE);
                Err(ForgeError::Limited { forge: self.forge.clone(), wait })
            }
            408 | 500..=599 => Err(ForgeError::Unavailable {
                forge: self.forge.clone(),
                reason: format!(
                    "it answered with {} to the wish to {action}: {said}",
                    reply.status
                ),
            }),
            status => Err(self.refused(action, format!("{said} (status {status})"))),
        }
    }

    fn signed_out(&self, reply: &Reply) -> ForgeError {
        let reason = match reply.header("x-tfs-serviceerror") {
            Some(error) if !error.is_empty() => first_chars(error, LONGEST_REASON),
            _ if is_json(reply) => complaint(reply),
            _ => format!("it answers with {} and a page to sign in on", reply.status),
        };
        self.credentials(reason)
    }

    fn credentials(&self, reason: String) -> ForgeError {
        let hint = format!(
            "make a personal access token with the scopes \"Code (Read & write)\", \"Code (Status)\", \"Work Items (Read & \
             write)\" and \"Identity (Read)\" for the organization {}, give it to AZDO_PAT or `token` in [azdo], and \
             start again",
            self.settings.organization
        );
        ForgeError::Credentials { forge: self.forge.clone(), reason, hint }
    }

    fn refused(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.forge.clone(), action: action.to_owned(), reason }
    }
}

/// What the service says about a refusal.
fn complaint(reply: &Reply) -> String {
    #[derive(Deserialize, Default)]
    struct Body {
        #[serde(default)]
        message: Option<String>,
    }
    let said = reply.json::<Body>().unwrap_or_default().message.unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match said.is_empty() {
        true => format!("status {}", reply.status),
        false => first_chars(&said, LONGEST_REASON),
    }
}

/// Whether the answer is one of the interface, and not a page for people.
fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
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
