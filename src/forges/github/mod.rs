//! Pull requests of a repository on github.com or a GitHub Enterprise Server.
//!
//! A pull request is found by its head branch and is ours if our account opened it and its text carries our signed mark
//! for the run; everything else is left alone. Drafts and conversations need GraphQL, the rest is REST 2022-11-28.
//! See `docs/forges.md`.

mod api;
pub mod documents;
mod offer;
mod reading;
mod wire;

#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;

use self::api::{Answer, Api};
use super::marker::Signer;
use super::remote::{Remote, RemoteSettings};
use super::{CommitStatus, Forge, ForgeError, PullRequestWish, Push, Pushed};
use crate::domain::bounds::first_chars;
use crate::domain::pull_request::{CheckState, PullRequest};
use crate::http::client::Verb;

/// Where github.com is asked.
pub const PUBLIC: &str = "https://api.github.com";

/// Characters of a title and UTF-16 units of a text that it takes.
const MOST: (usize, usize) = (256, 65_536);

/// Characters that the sentence of a status may have there.
const MOST_SUMMARY: usize = 140;

/// Which repository, and as whom.
#[derive(Debug, Clone)]
pub struct GithubForgeSettings {
    /// Address of the API: [`PUBLIC`], or `https://<host>/api/v3` of an Enterprise Server.
    pub base_url: String,
    /// The token; without one, every call is refused with what to do.
    pub token: Option<SecretString>,
    /// The token's account, where it may not be asked who it is.
    pub login: Option<String>,
    /// User or organization.
    pub owner: String,
    /// The repository.
    pub repository: String,
    /// What marks are signed with; without it, the token.
    pub signing_secret: Option<SecretString>,
    /// Author associations whose reviews and comments may steer agents, as GitHub spells them.
    pub trusted: Vec<String>,
    /// What is pushed to.
    pub remote: RemoteSettings,
    /// Least time between two writes (GitHub asks for a second).
    pub between_writes: Duration,
}

impl GithubForgeSettings {
    /// A repository on github.com, as GitHub's documents advise. Pushes go to `remote`.
    #[must_use]
    pub fn new(owner: &str, repository: &str, remote: RemoteSettings) -> Self {
        Self {
            base_url: PUBLIC.to_owned(),
            token: None,
            login: None,
            owner: owner.to_owned(),
            repository: repository.to_owned(),
            signing_secret: None,
            trusted: ["OWNER", "MEMBER", "COLLABORATOR"].map(str::to_owned).to_vec(),
            remote,
            between_writes: Duration::from_secs(1),
        }
    }
}

/// A repository on GitHub.
pub struct GithubForge {
    name: String,
    settings: GithubForgeSettings,
    api: Api,
    remote: Remote,
    signer: Signer,
}

impl GithubForge {
    /// Prepares to ask it; nothing is asked yet. Where the remote has no credentials of its own, the token is used.
    ///
    /// # Errors
    /// When an address or the token is nothing that can be used.
    pub fn new(mut settings: GithubForgeSettings) -> Result<Self, ForgeError> {
        let name = format!("github {}/{}", settings.owner, settings.repository);
        if settings.remote.credentials.is_none() {
            let token = settings.token.clone();
            // Whatever the user is called: GitHub looks at the token.
            settings.remote.credentials = token.map(|it| ("x-access-token".to_owned(), it));
        }
        let secret = settings.signing_secret.as_ref().or(settings.token.as_ref());
        let none = SecretString::from(String::new());
        Ok(Self {
            api: Api::new(&name, &settings)?,
            remote: Remote::new(&name, settings.remote.clone())?,
            signer: Signer::derived(secret.unwrap_or(&none), &name.to_lowercase()),
            name,
            settings,
        })
    }

    fn unavailable(&self, reason: String) -> ForgeError {
        ForgeError::Unavailable { forge: self.name.clone(), reason }
    }

    fn refusal(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.name.clone(), action: action.to_owned(), reason }
    }
}

#[async_trait]
impl Forge for GithubForge {
    fn name(&self) -> &str {
        &self.name
    }

    async fn probe(&self) -> Result<(), ForgeError> {
        let request = self.api.below(Verb::Get, "pulls").query("per_page", "1");
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
        let request = self.api.below(Verb::Post, "statuses").below(&status.commit);
        let state = match status.state {
            CheckState::Pending => "pending",
            CheckState::Passed => "success",
            CheckState::Failed => "failure",
        };
        let mut body = json!({
            "state": state, "context": status.name, "description": first_chars(&status.summary, MOST_SUMMARY - 1),
        });
        if let Some(url) = &status.url {
            body["target_url"] = json!(url);
        }
        let action = "take a status";
        match self.api.ask(&request.json(&body), action).await? {
            Answer::Done(_) => Ok(()),
            Answer::Gone(reason) | Answer::Invalid(reason) => Err(self.refusal(action, reason)),
        }
    }
}
