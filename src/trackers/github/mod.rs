//! Issues of GitHub repositories, on github.com or a GitHub Enterprise Server.
//!
//! An item is called `github/<owner>/<name>#<number>`, with the repository's name as it is configured. Read are the issues
//! that carry the intake label or are assigned to the configured account; what they say is kept in memory, so that a
//! reading in which nothing has changed is one conditional request per repository. Written are three labels for the state,
//! open or closed, and one comment per run that is edited in place. See `docs/trackers/github.md`.

mod api;
mod creating;
mod item;
mod labels;
mod mirror;
pub mod probe;
mod reading;
mod references;
mod wire;
mod writing;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use self::api::Api;
use self::mirror::Mirror;
use super::status_comment::SigningKey;
use super::{Listing, NewItem, Tracker, TrackerError, TrackerUpdate, Updated};
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::standing::Standing;
use crate::domain::work_item::{Lane, WorkItem};

/// The name of this tracker in item identifiers.
pub const SOURCE: &str = "github";

/// Where github.com is asked.
pub const PUBLIC: &str = "https://api.github.com";

/// Which issues, how they are understood, and how they are written.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    /// Address of the API: [`PUBLIC`], or `https://<host>/api/v3` of an Enterprise Server.
    pub base_url: String,
    /// The token; without one, every call is refused with what to do.
    pub token: Option<SecretString>,
    /// What comments are signed with; without it, the token.
    pub signing_secret: Option<SecretString>,
    /// The token's account, where it may not be asked who it is.
    pub login: Option<String>,
    /// Whose issues.
    pub repositories: Vec<Repository>,
    /// The label that hands an issue to the factory; `None`: no label is needed.
    pub label: Option<String>,
    /// The account that an issue must be assigned to; `None`: to nobody in particular.
    pub assignee: Option<String>,
    /// What other labels mean.
    pub labels: Labels,
    /// Author associations whose text may steer agents, as GitHub spells them.
    pub trusted: Vec<String>,
    /// Lane of issues without a label for it.
    pub default_lane: Lane,
    /// Least time between two readings; in between, the last one is answered with.
    pub every: Duration,
    /// Time after which everything is read anew: it shows what has been deleted or transferred.
    pub everything_every: Duration,
    /// Least time between two writes (GitHub asks for a second).
    pub between_writes: Duration,
}

impl GithubSettings {
    /// Issues with the label `ai-factory` of `repositories`, on github.com, as GitHub's documents advise.
    #[must_use]
    pub fn new(repositories: Vec<Repository>) -> Self {
        Self {
            base_url: PUBLIC.to_owned(),
            token: None,
            signing_secret: None,
            login: None,
            repositories,
            label: Some("ai-factory".to_owned()),
            assignee: None,
            labels: Labels::default(),
            trusted: ["OWNER", "MEMBER", "COLLABORATOR"].map(str::to_owned).to_vec(),
            default_lane: Lane::Autopilot,
            every: Duration::from_secs(15),
            everything_every: Duration::from_secs(600),
            between_writes: Duration::from_secs(1),
        }
    }
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// The project that its issues belong to.
    pub project: Option<ProjectId>,
}

/// What labels mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Being worked on.
    pub in_progress: String,
    /// Waiting for people to look at the change.
    pub in_review: String,
    /// Stopped until a person changes something.
    pub blocked: String,
    /// What stands before a lane: `lane:` in `lane:manual`.
    pub lane: String,
    /// What stands before a priority: `priority:` in `priority:high`.
    pub priority: String,
    /// Put on while the change is made and checked; `None`: the comment alone says so.
    pub implementation_complete: Option<String>,
    /// Put on while the change is approved; `None`: the comment alone says so.
    pub review_passed: Option<String>,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            in_progress: "factory:in-progress".to_owned(),
            in_review: "factory:in-review".to_owned(),
            blocked: "factory:blocked".to_owned(),
            lane: "lane:".to_owned(),
            priority: "priority:".to_owned(),
            implementation_complete: None,
            review_passed: None,
        }
    }
}

/// Issues as work items.
pub struct GithubTracker {
    settings: GithubSettings,
    api: Api,
    key: SigningKey,
    /// The next reading asks, however soon it is.
    hurried: AtomicBool,
    /// What is known of each repository, by its name as configured.
    mirrors: Mutex<BTreeMap<String, Mirror>>,
}

impl GithubTracker {
    /// A tracker on the repositories in `settings`; nothing is asked yet.
    ///
    /// # Errors
    /// When the address or the token is nothing that can be sent.
    pub fn new(settings: GithubSettings) -> Result<Self, TrackerError> {
        let api = Api::new(&settings)?;
        let key = Self::signing_key(&settings);
        Ok(Self { settings, api, key, hurried: AtomicBool::new(false), mirrors: Mutex::default() })
    }

    /// What comments and parts are signed with.
    fn signing_key(settings: &GithubSettings) -> SigningKey {
        let secret = settings.signing_secret.as_ref().or(settings.token.as_ref());
        SigningKey::derived(secret.unwrap_or(&SecretString::from(String::new())))
    }

    fn mirrors(&self) -> MutexGuard<'_, BTreeMap<String, Mirror>> {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The repository and the number that `item` means, if it is one of ours.
    fn locate(&self, item: &ItemId) -> Result<(&Repository, u64), TrackerError> {
        if item.source() != SOURCE {
            let tracker = SOURCE.to_owned();
            return Err(TrackerError::ForeignItem { item: item.clone(), tracker });
        }
        let found = item.identifier().rsplit_once('#').and_then(|(name, number)| {
            let repositories = &self.settings.repositories;
            let repository = repositories.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
            Some((repository, number.parse().ok()?))
        });
        found.ok_or_else(|| TrackerError::UnknownItem { item: item.clone() })
    }
}

#[async_trait]
impl Tracker for GithubTracker {
    fn source(&self) -> &str {
        SOURCE
    }

    fn shows_cards(&self) -> bool {
        true
    }

    fn hurry(&self) {
        self.hurried.store(true, Ordering::Relaxed);
    }

    async fn list(&self) -> Result<Listing, TrackerError> {
        self.read(self.hurried.swap(false, Ordering::Relaxed)).await
    }

    async fn update(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        self.write(update).await
    }

    async fn standing(&self, item: &WorkItem) -> Result<Option<Standing>, TrackerError> {
        self.kept_standing(item).await
    }

    async fn create(&self, item: &NewItem) -> Result<WorkItem, TrackerError> {
        self.create_part(item).await
    }
}
