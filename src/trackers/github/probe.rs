//! Whether the tracker can be used, for `doctor`.

use super::GithubTracker;
use super::api::{below, parsed};
use super::wire::Repository;
use crate::http::client::Verb;
use crate::trackers::TrackerError;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The account that the token belongs to.
    pub login: String,
    /// What somebody should look at, in sentences.
    pub remarks: Vec<String>,
}

impl GithubTracker {
    /// Asks whose the token is and what it may do with each repository. Changes nothing.
    ///
    /// # Errors
    /// When the service or a repository cannot be asked.
    pub async fn probe(&self) -> Result<Probe, TrackerError> {
        let login = self.login().await?;
        let mut remarks = Vec::new();
        for repository in &self.settings.repositories {
            let name = &repository.name;
            let reply = self
                .api
                .have(&below(Verb::Get, name), &format!("read the repository {name}"))
                .await?;
            let found: Repository = parsed(&reply)?;
            if found.has_issues == Some(false) {
                remarks.push(format!("{name} has its issues switched off"));
            }
            if found.archived == Some(true) {
                remarks.push(format!("{name} is archived: nothing can be written"));
            }
            let may = found.permissions.is_none_or(|may| may.push || may.triage);
            if !may {
                remarks.push(format!(
                    "{login} may not change the issues of {name}: it needs the role \"triage\" or \"write\" there"
                ));
            }
        }
        Ok(Probe { login, remarks })
    }
}
