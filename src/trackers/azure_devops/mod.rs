//! Azure DevOps: work items of one project, on Azure DevOps Services or Server.
//!
//! Reads which items are on the board and what has changed since the last time; answers from what it knows between two
//! readings. Types and states are the process's own and are understood by category. Written back: the state, the two
//! checkboxes (fields, or tags), and one comment per run that is edited in place. Every change names the revision that
//! it was decided upon, and is decided anew when that is no longer the current one; so nothing that people write is
//! overwritten. The comment carries the keys of the updates that are in it, signed: asking again changes nothing, and
//! what others write, however it looks, says nothing.

mod attaching;
mod changing;
mod comment;
mod commenting;
mod creation;
mod item;
mod mirror;
mod process;
mod query;
mod reading;
mod refusal;
mod service;
mod text;
mod update;
mod wire;

#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::comment::Signer;
use self::mirror::Mirror;
use self::process::Process;
use self::service::Boards;
use self::wire::RepositoryIds;
use super::{Listing, NewItem, Tracker, TrackerError, TrackerUpdate, Updated};
use crate::domain::ids::ProjectId;
use crate::domain::standing::Standing;
use crate::domain::work_item::{ItemState, Lane, WorkItem};

/// The name of this tracker in item identifiers.
pub const SOURCE: &str = "azdo";

/// Where the items are, which of them count, and how they are understood.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    /// Address of the service; the organization (or a server's collection) comes below it.
    pub base_url: String,
    /// The organization.
    pub organization: String,
    /// The project.
    pub project: String,
    /// The team that `@CurrentIteration` is asked for.
    pub team: Option<String>,
    /// Personal access token.
    pub token: SecretString,
    /// What comments are signed with; without one, the token.
    pub signing_secret: Option<SecretString>,
    /// Version of the REST interface.
    pub api_version: String,
    /// Which items count.
    pub filter: Filter,
    /// Field that holds the lane; without one, and for items that have none in it, tags do.
    pub lane_field: Option<String>,
    /// Lane of items that name none.
    pub lane: Lane,
    /// Checkbox field for `implementationComplete`; without one, it is a tag.
    pub implementation_field: Option<String>,
    /// Checkbox field for `reviewPassed`; without one, it is a tag.
    pub review_field: Option<String>,
    /// Tags that stand in for states.
    pub state_tags: StateTags,
    /// States whose meaning is not that of their category, by name.
    pub states: BTreeMap<String, ItemState>,
    /// Unique names of people whose items need no approval; `@domain` is everybody of it, `*` everybody.
    pub trusted_authors: Vec<String>,
    /// Projects by tag or area path.
    pub projects: Vec<(String, ProjectId)>,
    /// Project of items that none of these is for.
    pub default_project: Option<ProjectId>,
    /// Least time between two readings of the board.
    pub poll: Duration,
    /// Pauses that the service asks for are waited for up to this.
    pub patience: Duration,
}

/// Tags that stand in for states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTags {
    /// The item is [`ItemState::Blocked`].
    pub blocked: String,
    /// The item is [`ItemState::InReview`], where its type has no state for that.
    pub in_review: String,
    /// The item is [`ItemState::Cancelled`], where its type has no state for that.
    pub cancelled: String,
}

/// Which items count. Whatever is empty lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Area paths, one of which an item is under.
    pub area_paths: Vec<String>,
    /// Iteration path that it is under, or a macro such as `@CurrentIteration`.
    pub iteration: Option<String>,
    /// Names of types; empty: all that are not about tests, reviews or feedback.
    pub types: Vec<String>,
    /// Tags, all of which it has.
    pub tags: Vec<String>,
    /// Unique name of the person it is assigned to, or `@Me`.
    pub assigned_to: Option<String>,
}

impl AzureSettings {
    /// One project of an organization with ordinary settings: nobody is trusted, and nothing is driven by itself.
    #[must_use]
    pub fn new(organization: &str, project: &str, token: SecretString) -> Self {
        Self {
            base_url: "https://dev.azure.com".to_owned(),
            organization: organization.to_owned(),
            project: project.to_owned(),
            team: None,
            token,
            signing_secret: None,
            api_version: "7.1".to_owned(),
            filter: Filter::default(),
            lane_field: None,
            lane: Lane::None,
            implementation_field: None,
            review_field: None,
            state_tags: StateTags {
                blocked: "blocked".to_owned(),
                in_review: "in-review".to_owned(),
                cancelled: "cancelled".to_owned(),
            },
            states: BTreeMap::new(),
            trusted_authors: Vec::new(),
            projects: Vec::new(),
            default_project: None,
            poll: Duration::from_secs(30),
            patience: Duration::from_secs(30),
        }
    }
}

/// Work items of a project on Azure DevOps.
pub struct AzureDevOpsTracker {
    settings: AzureSettings,
    boards: Boards,
    signer: Signer,
    mirror: Mutex<Mirror>,
    process: Mutex<Option<(Process, Instant)>>,
    /// When the board was read last.
    read: Mutex<Option<Instant>>,
    /// The next reading asks, however soon it is.
    hurried: AtomicBool,
    /// Taken while the board is being read.
    reading: Semaphore,
    /// Whose the token is, once it was asked; nobody where the service does not say.
    identity: Mutex<Option<Option<String>>>,
    /// Numbers of repositories by name; nothing for those that the token may not read.
    repositories: Mutex<BTreeMap<String, Option<RepositoryIds>>>,
}

impl AzureDevOpsTracker {
    /// Prepares to ask the service; sends nothing.
    ///
    /// # Errors
    /// When the address or the token are none that can be used.
    pub fn new(settings: AzureSettings) -> Result<Self, TrackerError> {
        let boards = Boards::new(&settings).map_err(|error| TrackerError::Refused {
            tracker: SOURCE.to_owned(),
            action: "be asked".to_owned(),
            reason: error.to_string(),
        })?;
        let signer = Signer::new(settings.signing_secret.as_ref().unwrap_or(&settings.token));
        Ok(Self {
            settings,
            boards,
            signer,
            mirror: Mutex::default(),
            process: Mutex::default(),
            read: Mutex::default(),
            hurried: AtomicBool::new(false),
            reading: Semaphore::new(1),
            identity: Mutex::default(),
            repositories: Mutex::default(),
        })
    }

    /// Looks whether the service is there, takes the token and knows the project: one call. Answers with the names of
    /// the types that count.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self) -> Result<Vec<String>, TrackerError> {
        let process = self.discover().await?;
        let work = process.work(&self.settings.filter.types);
        Ok(work.map(|item_type| item_type.name.clone()).collect())
    }

    /// Reads the board if it is time to. Whether it was.
    async fn read_if_due(&self) -> Result<bool, TrackerError> {
        // It is never closed.
        let _reading = self.reading.acquire().await.ok();
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let hurried = self.hurried.swap(false, Ordering::Relaxed);
        let is_due = hurried || read.is_none_or(|at| at.elapsed() >= self.settings.poll);
        if is_due {
            self.read_board().await?;
            *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(is_due)
    }

    fn mirror(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tracker for AzureDevOpsTracker {
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
        let is_fresh = !self.read_if_due().await?;
        let process = self.known_process().await?;
        Ok(self.mirror().listing(&process, &self.settings, is_fresh))
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
