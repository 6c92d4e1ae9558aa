//! Creating an issue for a part of another one, once.
//!
//! The issue has a signed mark from its first moment; whoever is interrupted looks for that mark before anything is
//! created again. The link as a sub-issue comes last and is only for people: the mark names the parent, too.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::{Answer, issues, parsed, unexpected};
use super::mirror::Watched;
use super::wire::{Created, Issue};
use super::{GithubTracker, Repository};
use crate::domain::ids::ItemId;
use crate::domain::work_item::{Priority, WorkItem};
use crate::http::client::{Request, Verb};
use crate::trackers::part_mark::PartMark;
use crate::trackers::{NewItem, TrackerError};

impl GithubTracker {
    pub(super) async fn create_part(&self, new: &NewItem) -> Result<WorkItem, TrackerError> {
        let (repository, parent) = self.locate(&new.parent)?;
        let mark = PartMark::new(&new.key, &new.parent, new.trust);
        let value = match self.created_before(repository, new, &mark).await? {
            Some(value) => value,
            None => {
                let request = issues(Verb::Post, repository).json(&self.body_of(new, &mark));
                parsed(&self.api.have(&request, "create an issue").await?)?
            }
        };
        let created: Created = read(value.clone())?;
        let issue: Issue = read(value)?;
        if issue.parent_issue_url.is_none() {
            self.link(repository, parent, created.id).await?;
        }
        Ok(self.admitted(repository, issue))
    }

    /// The issue that was created for this part before, by its mark and by who wrote it.
    async fn created_before(
        &self,
        repository: &Repository,
        new: &NewItem,
        mark: &PartMark,
    ) -> Result<Option<Value>, TrackerError> {
        let login = self.login().await?;
        let mut request = issues(Verb::Get, repository)
            .query("state", "all")
            .query("creator", &login)
            .query("sort", "created")
            .query("direction", "desc")
            .query("per_page", "100");
        if let Some(since) = &new.since {
            request = request.query("since", since);
        }
        let pages = self.api.pages(request, None, "look for a part of an issue").await?;
        let values = pages.map(|pages| pages.values).unwrap_or_default();
        Ok(values.into_iter().find(|value| {
            let ours = value.pointer("/user/login").and_then(Value::as_str);
            let text = value.get("body").and_then(Value::as_str).unwrap_or_default();
            ours.is_some_and(|author| author.eq_ignore_ascii_case(&login))
                && PartMark::find(text, &self.key).is_some_and(|(found, _)| found.key == mark.key)
        }))
    }

    fn body_of(&self, new: &NewItem, mark: &PartMark) -> Value {
        let settings = &self.settings;
        let mut labels: Vec<String> = settings.label.iter().cloned().collect();
        if new.priority != Priority::default() {
            labels.push(format!("{}{}", settings.labels.priority, new.priority.word()));
        }
        if new.lane != settings.default_lane {
            labels.push(format!("{}{}", settings.labels.lane, new.lane.word()));
        }
        // Nothing in the text may look like a hidden part of ours.
        let mut text = quiet(&new.body.replace("<!--", "&lt;!--"));
        let blockers: Vec<String> =
            new.blocked_by.iter().map(|id| Self::reference(new, id)).collect();
        if !blockers.is_empty() {
            text = format!("{text}\n\nBlocked by {}", blockers.join(", "));
        }
        text = format!("{text}\n\n{}", mark.render(&self.key));
        let mut body = json!({ "title": new.title, "body": text, "labels": labels });
        if let Some(assignee) = &settings.assignee {
            body["assignees"] = json!([assignee]);
        }
        body
    }

    /// `#12` for issues beside the parent.
    fn reference(new: &NewItem, id: &ItemId) -> String {
        let home = |id: &ItemId| id.identifier().rsplit_once('#').map(|(home, _)| home.to_owned());
        let number = id.identifier().rsplit_once('#').map_or("", |(_, number)| number);
        if home(id) == home(&new.parent) {
            format!("#{number}")
        } else {
            id.identifier().to_owned()
        }
    }

    /// Hangs the issue below its parent. A server without sub-issues, or with too many there, is none of our business: the
    /// mark says whose part it is.
    async fn link(
        &self,
        repository: &Repository,
        parent: u64,
        id: u64,
    ) -> Result<(), TrackerError> {
        let request = issues(Verb::Post, repository).below(&parent).below("sub_issues");
        let request: Request = request.json(&json!({ "sub_issue_id": id }));
        match self.api.ask(&request, "hang an issue below its parent").await {
            Ok(Answer::Done(_) | Answer::Unchanged | Answer::Gone(_)) => Ok(()),
            Err(TrackerError::Refused { reason, .. }) => {
                tracing::warn!(repository = %repository.name, parent, %reason,
                    "an issue could not be made a sub-issue; its text says whose part it is");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The issue as an item; it is known from now on.
    fn admitted(&self, repository: &Repository, issue: Issue) -> WorkItem {
        let (number, linked) = (issue.number, BTreeSet::new());
        let watched = Watched { issue: Ok(issue.clone()), linked };
        let named = watched.blockers(repository);
        let mut mirrors = self.mirrors();
        let known = mirrors.get_mut(&repository.name).and_then(|mirror| {
            mirror.put(number, watched.clone());
            mirror.item(&self.settings, repository, &watched)
        });
        known.unwrap_or_else(|| {
            let blocked_by = named.iter().map(|reference| self.settings.id_of(reference)).collect();
            self.settings.item(repository, &issue, blocked_by)
        })
    }
}

/// `text` in which nobody is mentioned: what would be a mention is shown as code.
fn quiet(text: &str) -> String {
    let mentions = |word: &str| {
        let after = word.split('@').skip(1);
        let mut after = after.filter_map(|rest| rest.chars().next());
        after.any(char::is_alphanumeric) && !word.contains('`')
    };
    let parts = text.split_inclusive(char::is_whitespace).map(|part| {
        let word = part.trim_end();
        match mentions(word) {
            true => format!("`{word}`{}", &part[word.len()..]),
            false => part.to_owned(),
        }
    });
    parts.collect()
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, TrackerError> {
    serde_json::from_value(value).map_err(|error| unexpected(&error.to_string()))
}
