//! What is kept in a repository that has no pull requests of its own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::remote::{Moved, Remote};
use super::super::{ForgeError, PullRequestWish};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::CheckState;

/// Where pull requests are, each under its number.
pub(super) const PULLS: &str = "refs/factory/pull/";

/// Where the statuses of commits are, each under the name of its commit.
pub(super) const STATUSES: &str = "refs/factory/status/";

/// The one file of a record.
const FILE: &str = "record.json";

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) run: RunId,
    pub(super) item: ItemId,
    pub(super) branch: String,
    pub(super) base: String,
    /// Where its branch was when this was written.
    pub(super) head: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) draft: bool,
    pub(super) reviewers: Vec<String>,
    pub(super) labels: Vec<String>,
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) state: CheckState,
    pub(super) url: Option<String>,
    pub(super) summary: String,
}

impl Record {
    /// The record that `wish` makes of what is known.
    pub(super) fn wished(wish: &PullRequestWish, known: Option<Self>) -> Self {
        let (mut reviewers, mut labels, base) = match known {
            Some(known) => (known.reviewers, known.labels, known.base),
            None => (Vec::new(), Vec::new(), wish.base.clone()),
        };
        for (all, more) in [(&mut reviewers, &wish.reviewers), (&mut labels, &wish.labels)] {
            for name in more {
                if !all.contains(name) {
                    all.push(name.clone());
                }
            }
        }
        Self {
            run: wish.run,
            item: wish.item.clone(),
            branch: wish.branch.clone(),
            base,
            head: wish.head.clone(),
            title: wish.title.clone(),
            body: wish.body.clone(),
            draft: wish.draft,
            reviewers,
            labels,
        }
    }
}

/// The number of a pull request, by its ref.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(PULLS)?.parse().ok()
}

/// What the record at `commit`, which was fetched, says.
pub(super) async fn read<T: DeserializeOwned>(
    remote: &Remote,
    commit: &str,
) -> Result<T, ForgeError> {
    let place = format!("{commit}:{FILE}");
    let text = remote.text(&remote.scratch(), &["cat-file", "blob", &place]).await?;
    serde_json::from_str(&text).map_err(|error| {
        remote.refusal("be read", format!("the record {commit} is damaged: {error}"))
    })
}

/// Puts `record` under `name`, on top of what was found there.
pub(super) async fn write<T: Serialize + Sync>(
    remote: &Remote,
    name: &str,
    before: Option<&str>,
    record: &T,
) -> Result<Moved, ForgeError> {
    let git = remote.scratch();
    let text = serde_json::to_vec_pretty(record).unwrap_or_default();
    let feed = async |args: &[&str], input: Vec<u8>| {
        let said = git.feed(args, Some(input)).await;
        let said = said.map_err(|reason| remote.unavailable(reason))?;
        match said.succeeded() {
            true => Ok(said.text()),
            false => Err(remote.refusal("keep a record", said.complaint())),
        }
    };
    let blob = feed(&["hash-object", "-w", "--stdin"], text).await?;
    let tree = feed(&["mktree"], format!("100644 blob {blob}\t{FILE}\n").into_bytes()).await?;
    let mut args = vec!["commit-tree", "--no-gpg-sign", &tree];
    args.extend(before.into_iter().flat_map(|before| ["-p", before]));
    let commit = feed(&args, b"enact-factory\n".to_vec()).await?;
    remote.moved(&git, &commit, name, before, "keep a record").await
}
