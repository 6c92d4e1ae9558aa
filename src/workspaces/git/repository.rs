//! A repository: recognising one, making its configuration harmless, asking for its refs and its base branch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::WorkspaceError;
use super::super::names::BRANCH_PREFIX;
use super::command::{Git, Runner, split_nul};

/// Where a commit is known by a full ref name.
pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// A repository as configured by the user.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// Real path of what was configured: the top of a checkout, or the repository itself when bare.
    pub(super) top: PathBuf,
    /// Real path of the directory that all its worktrees share.
    pub(super) common: PathBuf,
    /// Git for everything that concerns no checkout.
    pub(super) git: Git,
    /// Git that knows which HEAD the configured path has.
    here: Git,
}

impl Repository {
    /// Recognises the repository at `path`.
    pub(super) async fn open(runner: &Arc<Runner>, path: &Path) -> Result<Self, WorkspaceError> {
        let not_one = || WorkspaceError::NotARepository { path: path.to_owned() };
        let top = path.canonicalize().map_err(|_| not_one())?;
        if !top.is_dir() {
            return Err(not_one());
        }
        let probe = runner.at(&top);
        let said = probe
            .ask(&[
                "rev-parse",
                "--path-format=absolute",
                "--git-dir",
                "--git-common-dir",
                "--is-inside-work-tree",
            ])
            .await?;
        if !said.succeeded() {
            return Err(if said.complaint().contains("not a git repository") {
                not_one()
            } else {
                said.error()
            });
        }
        let answer = said.text();
        let mut lines = answer.lines();
        let (Some(git_dir), Some(common), Some(inside)) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(not_one());
        };
        let git_dir = real(Path::new(git_dir))?;
        let common = real(Path::new(common))?;
        if inside == "true" {
            check_top(&probe, path, &top).await?;
        } else if git_dir != top {
            return Err(WorkspaceError::NotTheTop { path: path.to_owned(), top: git_dir });
        }
        let git = harmless(
            runner.at(&common).with_path("GIT_DIR", &common).with_path("GIT_COMMON_DIR", &common),
        )
        .await?;
        let here = git.clone().with_path("GIT_DIR", &git_dir);
        Ok(Self { top, common, git, here })
    }

    /// The repository that shares `common`, without a checkout of it.
    pub(super) async fn shared(
        runner: &Arc<Runner>,
        common: &Path,
    ) -> Result<Self, WorkspaceError> {
        if !common.join("objects").is_dir() {
            return Err(WorkspaceError::NotARepository { path: common.to_owned() });
        }
        let git = harmless(
            runner.at(common).with_path("GIT_DIR", common).with_path("GIT_COMMON_DIR", common),
        )
        .await?;
        Ok(Self { top: common.to_owned(), common: common.to_owned(), here: git.clone(), git })
    }

    /// The commit that a full ref name or an object id stands for.
    pub(super) async fn commit_of(&self, name: &str) -> Result<Option<String>, WorkspaceError> {
        commit_of(&self.git, name).await
    }

    /// The commit of a branch, local before origin's; `None` also when `branch` is no name for a branch.
    pub(super) async fn base_commit(&self, branch: &str) -> Result<Option<String>, WorkspaceError> {
        let name = branch_ref(branch);
        if !self.git.holds(&["check-ref-format", &name]).await? {
            return Ok(None);
        }
        match self.commit_of(&name).await? {
            Some(commit) => Ok(Some(commit)),
            None => self.commit_of(&format!("refs/remotes/origin/{branch}")).await,
        }
    }

    /// Whether `ancestor` is `commit` or one of its ancestors.
    pub(super) async fn contains(
        &self,
        commit: &str,
        ancestor: &str,
    ) -> Result<bool, WorkspaceError> {
        self.git.holds(&["merge-base", "--is-ancestor", ancestor, commit]).await
    }

    /// The base branch and its commit.
    pub(super) async fn base(
        &self,
        configured: Option<&str>,
    ) -> Result<(String, String), WorkspaceError> {
        if let Some(branch) = configured {
            let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
            let missing = || WorkspaceError::BaseMissing { branch: branch.to_owned() };
            return match self.base_commit(branch).await? {
                Some(commit) => Ok((branch.to_owned(), commit)),
                None if self.is_empty().await? => {
                    Err(WorkspaceError::NoCommits { path: self.top.clone() })
                }
                None => Err(missing()),
            };
        }
        for candidate in self.base_candidates().await? {
            if let Some(commit) = self.base_commit(&candidate).await? {
                return Ok((candidate, commit));
            }
        }
        if self.is_empty().await? {
            return Err(WorkspaceError::NoCommits { path: self.top.clone() });
        }
        Err(WorkspaceError::BaseUnresolved)
    }

    /// Names of branches that may be the base, likeliest first; they need not exist.
    async fn base_candidates(&self) -> Result<Vec<String>, WorkspaceError> {
        let mut candidates = Vec::new();
        let origin = self.git.ask(&["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"]).await?;
        candidates.extend(origin.text().strip_prefix("refs/remotes/origin/").map(str::to_owned));
        let head = self.here.ask(&["symbolic-ref", "--quiet", "HEAD"]).await?.text();
        // Somebody looking at a run's branch does not make it a base.
        candidates.extend(
            head.strip_prefix("refs/heads/")
                .filter(|name| !name.starts_with(BRANCH_PREFIX))
                .map(str::to_owned),
        );
        let configured = self.git.ask(&["config", "--get", "init.defaultBranch"]).await?.text();
        candidates.extend([configured, "main".to_owned(), "master".to_owned()]);
        candidates.retain(|name| !name.is_empty());
        Ok(candidates)
    }

    async fn is_empty(&self) -> Result<bool, WorkspaceError> {
        let any = self.git.text(&["rev-list", "--all", "--max-count=1"]).await?;
        Ok(any.is_empty() && self.commit_of("HEAD").await?.is_none())
    }
}

/// The commit that a full ref name or an object id stands for.
pub(super) async fn commit_of(git: &Git, name: &str) -> Result<Option<String>, WorkspaceError> {
    let wanted = format!("{name}^{{commit}}");
    let said = git.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).await?;
    let answer = said.text();
    Ok((said.succeeded() && is_object_id(&answer)).then_some(answer))
}

/// Whether `text` is a full object id, SHA-1 or SHA-256.
pub(super) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Overrides everything in the configuration that names a program to be run by what we do: filters, merge drivers, hooks.
/// Other programs a configuration can name are switched off for every call or by the options of the calls that would run
/// them.
pub(super) async fn harmless(git: Git) -> Result<Git, WorkspaceError> {
    let listed = git.bytes(&["config", "--list", "--name-only", "-z", "--includes"]).await?;
    let mut overrides = std::collections::BTreeMap::new();
    for key in split_nul(&listed.stdout) {
        let Ok(key) = std::str::from_utf8(key) else {
            if runs_something(&String::from_utf8_lossy(key)) {
                let reason = "a filter, driver or hook has a name that is not UTF-8".to_owned();
                return Err(WorkspaceError::UnsafeConfiguration { reason });
            }
            continue;
        };
        for (variable, value) in neutral(key) {
            overrides.insert(variable, value);
        }
    }
    if overrides.len() > 4096 {
        return Err(WorkspaceError::UnsafeConfiguration {
            reason: "too many filters and drivers".to_owned(),
        });
    }
    Ok(git.overriding(overrides))
}

fn runs_something(key: &str) -> bool {
    !neutral(key).is_empty()
}

/// What makes the section of `key` harmless.
fn neutral(key: &str) -> Vec<(String, String)> {
    let Some((section, rest)) = key.split_once('.') else { return Vec::new() };
    let Some((name, _)) = rest.rsplit_once('.') else { return Vec::new() };
    let set =
        |variable: &str, value: &str| (format!("{section}.{name}.{variable}"), value.to_owned());
    match section.to_ascii_lowercase().as_str() {
        "filter" => {
            vec![set("clean", ""), set("smudge", ""), set("process", ""), set("required", "false")]
        }
        // An empty driver would succeed and keep our side; a failing one is a conflict.
        "merge" => vec![set("driver", "false")],
        "hook" => vec![set("enabled", "false")],
        _ => Vec::new(),
    }
}

async fn check_top(probe: &Git, path: &Path, top: &Path) -> Result<(), WorkspaceError> {
    let found = real(Path::new(
        &probe.text(&["rev-parse", "--path-format=absolute", "--show-toplevel"]).await?,
    ))?;
    if found != top {
        return Err(WorkspaceError::NotTheTop { path: path.to_owned(), top: found });
    }
    let parent = probe.text(&["rev-parse", "--show-superproject-working-tree"]).await?;
    if parent.is_empty() {
        Ok(())
    } else {
        Err(WorkspaceError::SubModule { path: path.to_owned(), parent: PathBuf::from(parent) })
    }
}

/// `path` without symbolic links.
pub(super) fn real(path: &Path) -> Result<PathBuf, WorkspaceError> {
    path.canonicalize().map_err(|source| WorkspaceError::Io {
        action: "resolve",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_run_something_are_made_harmless() {
        assert_eq!(neutral("filter.a.b=c.clean").len(), 4);
        assert_eq!(neutral("filter.a.b=c.clean")[0].0, "filter.a.b=c.clean");
        assert_eq!(neutral("merge.x.driver"), [("merge.x.driver".to_owned(), "false".to_owned())]);
        assert!(neutral("merge.conflictstyle").is_empty());
        assert!(neutral("user.name").is_empty());
        assert!(runs_something("hook.x.command"));
    }
}
