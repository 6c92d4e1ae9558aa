//! Pull requests of a repository on Azure DevOps, Services or Server.
//!
//! A pull request is found by its source branch and is ours if our account opened it and its text carries our signed mark
//! for the run; everything else is left alone. Interface version 7.1. See `docs/forges.md`.

mod api;
mod offer;
mod reading;
mod wire;

#[cfg(test)]
pub(super) mod tests;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};

use self::api::{Answer, Api};
use self::wire::{List, Status, StatusContext};
use super::marker::Signer;
use super::remote::{Remote, RemoteSettings};
use super::{CommitStatus, Forge, ForgeError, PullRequestWish, Push, Pushed};
use crate::domain::pull_request::{CheckState, PullRequest};
use crate::http::client::{Request, Verb};

/// Where Azure DevOps Services are asked.
pub const PUBLIC: &str = "https://dev.azure.com";

/// Where Azure DevOps Services are asked who somebody is.
pub const PUBLIC_IDENTITIES: &str = "https://vssps.dev.azure.com";

/// Characters of a title and UTF-16 units of a text that it takes.
const MOST: (usize, usize) = (400, 4_000);

/// What the mark takes of a text, and some more.
const ROOM: usize = 600;

/// Which repository, and as whom.
#[derive(Debug, Clone)]
pub struct AzureForgeSettings {
    /// Address of the service; the organization (or a server's collection) comes below it.
    pub base_url: String,
    /// Where people are looked up, if that is elsewhere.
    pub identities_url: Option<String>,
    /// The organization.
    pub organization: String,
    /// The project.
    pub project: String,
    /// The repository, by name or id.
    pub repository: String,
    /// Personal access token.
    pub token: SecretString,
    /// The token's account (unique name or id), where it may not be asked who it is.
    pub account: Option<String>,
    /// What marks are signed with; without it, the token.
    pub signing_secret: Option<SecretString>,
    /// Unique names of people whose reviews and comments may steer agents; `@domain` is everybody of it, `*` everybody.
    pub trusted: Vec<String>,
    /// Version of the REST interface.
    pub api_version: String,
    /// What is pushed to.
    pub remote: RemoteSettings,
}

impl AzureForgeSettings {
    /// A repository on Azure DevOps Services, where nobody is trusted. Pushes go to `remote`.
    #[must_use]
    pub fn new(
        (organization, project, repository): (&str, &str, &str),
        token: SecretString,
        remote: RemoteSettings,
    ) -> Self {
        Self {
            base_url: PUBLIC.to_owned(),
            identities_url: None,
            organization: organization.to_owned(),
            project: project.to_owned(),
            repository: repository.to_owned(),
            token,
            account: None,
            signing_secret: None,
            trusted: Vec::new(),
            api_version: "7.1".to_owned(),
            remote,
        }
    }
}

/// A repository on Azure DevOps.
pub struct AzureForge {
    name: String,
    settings: AzureForgeSettings,
    api: Api,
    remote: Remote,
    signer: Signer,
}

impl AzureForge {
    /// Prepares to ask it; nothing is asked yet. Where the remote has no credentials of its own, the token is used.
    ///
    /// # Errors
    /// When an address or the token is nothing that can be used.
    pub fn new(mut settings: AzureForgeSettings) -> Result<Self, ForgeError> {
        let AzureForgeSettings { organization, project, repository, .. } = &settings;
        let name = format!("azdo {organization}/{project}/{repository}");
        if settings.remote.credentials.is_none() {
            settings.remote.credentials = Some((String::new(), settings.token.clone()));
        }
        let secret = settings.signing_secret.as_ref().unwrap_or(&settings.token);
        Ok(Self {
            api: Api::new(&name, &settings)?,
            remote: Remote::new(&name, settings.remote.clone())?,
            signer: Signer::derived(secret, &name.to_lowercase()),
            name,
            settings,
        })
    }

    /// The newest statuses of a commit.
    async fn statuses(&self, commit: &str) -> Result<Vec<Status>, ForgeError> {
        let request = self.statuses_of(Verb::Get, commit).query("latestOnly", "true");
        match self.api.ask(&request.query("top", "1000"), "read statuses").await? {
            Answer::Done(reply) => Ok(self.api.parsed::<List<Status>>(&reply)?.value),
            Answer::Gone(_) | Answer::Invalid(_) => Ok(Vec::new()),
        }
    }

    fn statuses_of(&self, verb: Verb, commit: &str) -> Request {
        self.api.below(verb, &["commits", commit, "statuses"])
    }

    fn unavailable(&self, reason: String) -> ForgeError {
        ForgeError::Unavailable { forge: self.name.clone(), reason }
    }

    fn refusal(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.name.clone(), action: action.to_owned(), reason }
    }
}

#[async_trait]
impl Forge for AzureForge {
    fn name(&self) -> &str {
        &self.name
    }

    fn longest_body(&self) -> usize {
        MOST.1 - ROOM
    }

    async fn probe(&self) -> Result<(), ForgeError> {
        let request = self.api.below(Verb::Get, &["pullrequests"]).query("$top", "1");
        match self.api.ask(&request, "find pull requests").await? {
            Answer::Done(_) => Ok(()),
            Answer::Gone(reason) | Answer::Invalid(reason) => {
                Err(self.refusal("show its pull requests", reason))
            }
        }
    }

    async fn push(&self, push: &Push) -> Result<Pushed, ForgeError> {
        self.remote.push(push).await
    }

    async fn open(&self, wish: &PullRequestWish) -> Result<PullRequest, ForgeError> {
        self.remote.check_commit(&wish.head)?;
        let number = self.offer(wish).await?;
        self.read(number).await
    }

    async fn read(&self, number: u64) -> Result<PullRequest, ForgeError> {
        self.read_all(number).await
    }

    async fn report(&self, status: &CommitStatus) -> Result<(), ForgeError> {
        self.remote.check_commit(&status.commit)?;
        let state = match status.state {
            CheckState::Pending => "pending",
            CheckState::Passed => "succeeded",
            CheckState::Failed => "failed",
        };
        let context = StatusContext::named(&status.name);
        // Each post adds one, so the same is not posted again.
        let known = self.statuses(&status.commit).await?.into_iter().any(|it| {
            let same = (it.state.as_str(), it.description.unwrap_or_default(), it.target_url);
            it.context == context && same == (state, status.summary.clone(), status.url.clone())
        });
        if known {
            return Ok(());
        }
        let mut body = json!({
            "state": state, "description": status.summary, "context": { "name": context.name, "genre": context.genre },
        });
        if let Some(url) = &status.url {
            body["targetUrl"] = json!(url);
        }
        let request = self.statuses_of(Verb::Post, &status.commit).json(&body);
        let _status: Value = self.api.have(&request, "take a status").await?;
        Ok(())
    }
}
