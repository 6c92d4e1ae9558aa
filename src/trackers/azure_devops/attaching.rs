//! Links from an item to its run's branch and pull request, and the evidence attached to it: each once.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::AzureDevOpsTracker;
use super::refusal::Failed;
use super::wire::{RawItem, Relation, RepositoryIds};
use crate::domain::bounds::first_chars;
use crate::domain::card::RunCard;
use crate::trackers::{TrackerError, TrackerUpdate, links};

/// Links and attachments of an item; the service takes no more of them.
const MOST_LINKS: usize = 1000;
const MOST_ATTACHMENTS: usize = 100;

/// Characters of the evidence; the service takes 60 MB.
const LONGEST_EVIDENCE: usize = 60_000;

/// A pull request of the organization's own repositories.
#[derive(Debug, PartialEq, Eq)]
struct OwnPullRequest<'a> {
    project: &'a str,
    repository: &'a str,
    number: &'a str,
}

/// What is to be added to an item.
#[derive(Debug, Default)]
pub(super) struct Additions {
    /// Operations of a JSON Patch.
    pub(super) operations: Vec<Value>,
    /// What could not be added and why.
    pub(super) refused: Option<String>,
}

impl AzureDevOpsTracker {
    /// The links that `update` wants and that the item does not have. Its evidence is uploaded for that.
    pub(super) async fn additions(
        &self,
        raw: &RawItem,
        update: &TrackerUpdate,
    ) -> Result<Additions, Failed> {
        let Some(card) = &update.card else { return Ok(Additions::default()) };
        let mut wanted = self.pages(card).await?;
        wanted.retain(|link| !has(raw, link));
        let mut additions = Additions { operations: wanted, refused: None };
        self.attach(raw, card, &mut additions).await?;
        let links = raw.relations.as_ref().map_or(0, Vec::len);
        let room = MOST_LINKS.saturating_sub(links);
        if additions.operations.len() > room {
            additions.operations.truncate(room);
            additions.refused = Some(format!("its links were not drawn: it has {links} already"));
        }
        let add = |link: Value| json!({ "op": "add", "path": "/relations/-", "value": link });
        additions.operations = additions.operations.into_iter().map(add).collect();
        Ok(additions)
    }

    /// Branch and pull request, as links of the service's own kind where they are its own.
    async fn pages(&self, card: &RunCard) -> Result<Vec<Value>, Failed> {
        let Some(address) = card.pull_request.as_deref().and_then(links::web_address) else {
            return Ok(Vec::new());
        };
        if let Some(own) = self.own(address)
            && let Some(ids) = self.ids_of(&own).await?
        {
            let place = format!("{}%2F{}", ids.project.id, ids.id);
            let artifact = |kind: &str, rest: &str, name: &str| {
                json!({ "rel": "ArtifactLink", "url": format!("vstfs:///Git/{kind}/{place}%2F{rest}"),
                        "attributes": { "name": name } })
            };
            let mut wanted = vec![artifact("PullRequestId", own.number, "Pull Request")];
            if let Some(branch) = &card.branch {
                let branch = format!("GB{}", branch.replace('%', "%25").replace('/', "%2F"));
                wanted.push(artifact("Ref", &branch, "Branch"));
            }
            return Ok(wanted);
        }
        let of = card.run.map_or_else(String::new, |run| format!(" of run {}", run.short()));
        let page = |url: &str, what: &str| {
            json!({ "rel": "Hyperlink", "url": url,
                    "attributes": { "comment": format!("{what}{of}") } })
        };
        let mut wanted = vec![page(address, "Pull request")];
        let branch = card.branch.as_ref().and_then(|branch| links::branch_page(address, branch));
        wanted.extend(branch.map(|branch| page(&branch, "Branch")));
        Ok(wanted)
    }

    /// The pull request at `address`, if it is one of this organization.
    fn own<'a>(&self, address: &'a str) -> Option<OwnPullRequest<'a>> {
        let base = self.settings.base_url.trim_end_matches('/');
        let rest = address.strip_prefix(base)?.strip_prefix('/')?;
        let mut parts = rest.split('/');
        let organization = parts.next()?;
        if !organization.eq_ignore_ascii_case(&self.settings.organization) {
            return None;
        }
        let parts: Vec<&str> = parts.collect();
        match parts[..] {
            [project, "_git", repository, "pullrequest", number] => {
                number.parse::<u64>().ok()?;
                Some(OwnPullRequest { project, repository, number })
            }
            _ => None,
        }
    }

    /// The numbers of a repository; `None` where the token may not read it.
    async fn ids_of(&self, own: &OwnPullRequest<'_>) -> Result<Option<RepositoryIds>, Failed> {
        let name = format!("{}/{}", own.project, own.repository).to_lowercase();
        let known = {
            let repositories = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
            repositories.get(&name).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let asked = match self.boards.repository(own.project, own.repository).await {
            Ok(ids) => Some(ids),
            // Without the permission to read code, a plain link is what there is.
            Err(
                Failed::Missing
                | Failed::Tracker(TrackerError::Refused { .. } | TrackerError::Credentials { .. }),
            ) => None,
            Err(failed) => return Err(failed),
        };
        let mut repositories = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        repositories.insert(name, asked.clone());
        Ok(asked)
    }

    /// Attaches the evidence of a run that has some, unless it is there. Whoever dies between the upload and the link
    /// leaves a file that nothing refers to.
    async fn attach(
        &self,
        raw: &RawItem,
        card: &RunCard,
        additions: &mut Additions,
    ) -> Result<(), Failed> {
        let (Some(evidence), Some(run)) = (&card.evidence, card.run) else { return Ok(()) };
        let name = format!("factory-run-{}.md", run.short());
        let attached = || raw.relations.iter().flatten().filter(|it| it.rel == "AttachedFile");
        if attached().any(|it| it.name() == Some(name.as_str())) {
            return Ok(());
        }
        if attached().count() >= MOST_ATTACHMENTS {
            let reason = format!("its evidence was not attached: it has {MOST_ATTACHMENTS} files");
            additions.refused = Some(reason);
            return Ok(());
        }
        let text = first_chars(evidence, LONGEST_EVIDENCE);
        match self.boards.upload(&name, text.into_bytes()).await {
            Ok(uploaded) => {
                let comment = format!("Evidence of run {}", run.short());
                additions.operations.push(json!({
                    "rel": "AttachedFile", "url": uploaded.url,
                    "attributes": { "name": name, "comment": comment },
                }));
            }
            Err(Failed::Tracker(TrackerError::Refused { reason, .. })) => {
                additions.refused = Some(format!("its evidence was not attached: {reason}"));
            }
            Err(failed) => return Err(failed),
        }
        Ok(())
    }
}

/// Whether the item has the link already, by whomever it was drawn.
fn has(raw: &RawItem, link: &Value) -> bool {
    let same = |known: &Relation| {
        link["rel"] == known.rel.as_str()
            && link["url"].as_str().is_some_and(|url| url.eq_ignore_ascii_case(&known.url))
    };
    raw.relations.iter().flatten().any(same)
}
