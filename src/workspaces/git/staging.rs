//! From files to trees and commits: staging everything, saving what is uncommitted, committing, putting back.

use sha2::{Digest, Sha256};

use super::super::names::with_trailers;
use super::super::{Fingerprint, WorkspaceError};
use super::command::{Git, lossy, split_nul};
use super::repository::commit_of;
use super::tree::Tree;

/// Levels of repositories inside repositories that are looked into.
const MAX_NESTING: usize = 16;
/// Lists the index, each entry with its flags and object.
const LISTING: [&str; 4] = ["ls-files", "-v", "--stage", "-z"];

/// Where the uncommitted work of a run is saved.
pub(super) fn wip_ref(run: crate::domain::ids::RunId) -> String {
    format!("refs/factory/wip/{run}")
}

/// Stages every file that is not ignored. Flags that hide changes are taken off first, and a repository inside the worktree
/// is staged as the files it has: git would record a link to commits that nobody else has, or give up.
pub(super) async fn stage_all(git: &Git) -> Result<(), WorkspaceError> {
    let mut listing = git.ask(&LISTING).await?;
    if !listing.succeeded() {
        // The index is broken: start from the commit.
        git.text(&["read-tree", "HEAD"]).await?;
        listing = git.bytes(&LISTING).await?.success()?;
    }
    reveal(git, &listing.stdout).await?;
    for _ in 0..MAX_NESTING {
        if !enter_nested(git).await? {
            break;
        }
    }
    git.text(&["add", "--all"]).await?;
    Ok(())
}

/// Takes off the flags that hide changes, and drops links to repositories that were made inside the worktree.
///
/// A flagged file gets a new entry, without what git noted of the file: git may have noted it while the flag kept it from
/// looking, and would believe that a change of the same second and size is none.
async fn reveal(git: &Git, listing: &[u8]) -> Result<(), WorkspaceError> {
    let (mut unchanged, mut skipped, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for entry in split_nul(listing) {
        let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
        let path = &entry[tab + 1..];
        let (tag, Some(entry)) = (entry[0], entry.get(2..)) else { continue };
        if tag.eq_ignore_ascii_case(&b'S') {
            push_nul(&mut skipped, entry);
        } else if tag.is_ascii_lowercase() {
            push_nul(&mut unchanged, entry);
        }
        if entry.starts_with(b"160000 ")
            && std::str::from_utf8(path)
                .is_ok_and(|path| git.cwd().join(path).join(".git").is_dir())
        {
            push_nul(&mut links, path);
        }
    }
    if !skipped.is_empty() && !is_sparse(git).await? {
        unchanged.append(&mut skipped);
    }
    if !unchanged.is_empty() {
        git.feed(&["update-index", "-z", "--index-info"], unchanged).await?;
    }
    if !links.is_empty() {
        git.feed(&["update-index", "-z", "--force-remove", "--stdin"], links).await?;
    }
    Ok(())
}

async fn is_sparse(git: &Git) -> Result<bool, WorkspaceError> {
    Ok(git.ask(&["config", "--type=bool", "--get", "core.sparseCheckout"]).await?.text() == "true")
}

/// Git looks into a directory that has staged files, repository or not; so each nested repository gets one, which is gone
/// again with the next `add` because there is no such file. Says whether there was a nested repository.
async fn enter_nested(git: &Git) -> Result<bool, WorkspaceError> {
    let others = git.bytes(&["ls-files", "--others", "--exclude-standard", "-z"]).await?;
    let nested: Vec<&[u8]> =
        split_nul(&others.stdout).filter(|path| path.ends_with(b"/")).collect();
    if nested.is_empty() {
        return Ok(false);
    }
    let empty = git.feed(&["hash-object", "-w", "--stdin"], Vec::new()).await?;
    let mut lines = Vec::new();
    for path in nested {
        lines.extend_from_slice(format!("100644 {empty}\t").as_bytes());
        lines.extend_from_slice(path);
        push_nul(&mut lines, b".factory-entered");
    }
    git.feed(&["update-index", "-z", "--index-info"], lines).await?;
    Ok(true)
}

fn push_nul(list: &mut Vec<u8>, item: &[u8]) {
    list.extend_from_slice(item);
    list.push(0);
}

async fn tree_of(git: &Git, commit: &str) -> Result<String, WorkspaceError> {
    git.text(&["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{tree}}")]).await
}

/// Writes a commit object.
pub(super) async fn commit_tree(
    git: &Git,
    tree: &str,
    parents: &[&str],
    message: &str,
) -> Result<String, WorkspaceError> {
    let mut args = vec!["commit-tree", tree];
    for parent in parents {
        args.extend(["-p", *parent]);
    }
    args.extend(["-F", "-"]);
    git.feed(&args, message.as_bytes().to_vec()).await
}

impl Tree<'_> {
    /// The tree of all files as they are.
    async fn files_tree(&self) -> Result<String, WorkspaceError> {
        let scratch = self.scratch_index().await?;
        stage_all(&scratch.git).await?;
        scratch.git.text(&["write-tree"]).await
    }

    /// The tree of what is staged; `None` when that has no tree (a merge is under way, the index is broken).
    async fn staged_tree(&self) -> Result<Option<String>, WorkspaceError> {
        let scratch = self.scratch_index().await?;
        let said = scratch.git.ask(&["write-tree"]).await?;
        Ok(said.succeeded().then(|| said.text()))
    }

    /// Everything a read-only stage could have changed.
    pub(super) async fn fingerprint(&self) -> Result<Fingerprint, WorkspaceError> {
        let symbolic = self.symbolic_head().await?.unwrap_or_default();
        let commit = commit_of(&self.git, "HEAD").await?.unwrap_or_default();
        let branch = commit_of(&self.git, &self.place.branch_ref()).await?.unwrap_or_default();
        let listing = self.git.ask(&LISTING).await?;
        let digest = hex::encode(Sha256::digest(&listing.stdout));
        let index = if listing.succeeded() { digest } else { "unreadable".to_owned() };
        let files = self.files_tree().await?;
        Ok(Fingerprint { head: format!("{symbolic} {commit}"), branch, index, files })
    }

    /// Fails, after saving, when the worktree is not on the run's branch. A branch that is only another name for some
    /// other branch counts as that one.
    pub(super) async fn require_branch(&self) -> Result<(), WorkspaceError> {
        let on = self.symbolic_head().await?;
        if on.as_deref() == Some(self.place.branch_ref().as_str()) {
            return Ok(());
        }
        let actual = match on {
            Some(name) => name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned(),
            None => format!("detached at {}", self.commit().await?),
        };
        let salvaged = self.salvage(None).await?;
        Err(WorkspaceError::WrongBranch {
            expected: self.place.record.branch.clone(),
            actual,
            salvaged,
        })
    }

    /// Commits everything that is uncommitted to the run's branch.
    pub(super) async fn commit_all(
        &self,
        message: &str,
        trailers: &[(String, String)],
    ) -> Result<(), WorkspaceError> {
        self.unlock()?;
        self.require_branch().await?;
        stage_all(&self.git).await?;
        let tree = self.git.text(&["write-tree"]).await?;
        let Some(head) = commit_of(&self.git, "HEAD").await? else {
            return Err(WorkspaceError::NoCommit { commit: self.place.record.branch.clone() });
        };
        if tree != tree_of(&self.git, &head).await? {
            let message = with_trailers(message, trailers);
            let commit = commit_tree(&self.git, &tree, &[&head], &message).await?;
            let branch = self.place.branch_ref();
            self.git
                .text(&[
                    "update-ref",
                    "--no-deref",
                    "-m",
                    "factory: commit",
                    &branch,
                    &commit,
                    &head,
                ])
                .await?;
        }
        self.forget_unfinished().await
    }

    /// Saves everything that `restore` to `wanted` (or removing the worktree) would lose: files, index, and commits that
    /// are on no branch.
    pub(super) async fn salvage(
        &self,
        wanted: Option<&str>,
    ) -> Result<Option<String>, WorkspaceError> {
        let head = self.commit().await?;
        let files = self.files_tree().await?;
        let clean = tree_of(&self.git, &head).await?;
        let staged = self.staged_tree().await?.unwrap_or_else(|| files.clone());
        let kept = match wanted {
            Some(wanted) => Some(wanted.to_owned()),
            None => commit_of(&self.git, &self.place.branch_ref()).await?,
        };
        let repository = &self.place.repository;
        let reachable = match &kept {
            Some(kept) => repository.contains(kept, &head).await?,
            None => false,
        };
        if files == clean && (staged == clean || staged == files) && reachable {
            return Ok(None);
        }
        self.save(&head, &files, (staged != clean && staged != files).then_some(staged.as_str()))
            .await
            .map(Some)
    }

    /// The dates are those of the commit below: saving the same twice gives the same commit, which is how it is noticed.
    async fn save(
        &self,
        head: &str,
        files: &str,
        staged: Option<&str>,
    ) -> Result<String, WorkspaceError> {
        let run = self.place.record.run;
        let name = wip_ref(run);
        let date = self.git.text(&["show", "--no-patch", "--format=%ct", head]).await?;
        let date = format!("@{date} +0000");
        let git = self.git.clone().with("GIT_AUTHOR_DATE", &date).with("GIT_COMMITTER_DATE", &date);
        let trailers = [(super::super::RUN_TRAILER.to_owned(), run.to_string())];
        let message = |subject: &str| with_trailers(subject, &trailers);
        let mut parents = vec![head.to_owned()];
        if let Some(staged) = staged {
            parents.push(commit_tree(&git, staged, &[head], &message("What was staged")).await?);
        }
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let text = message("Saved by the factory: work in progress");
        let mut saved = commit_tree(&git, files, &parents, &text).await?;
        if let Some(previous) = commit_of(&self.git, &name).await? {
            if self.place.repository.contains(&previous, &saved).await? {
                return Ok(previous);
            }
            saved = commit_tree(&git, files, &[&saved, &previous], &text).await?;
        }
        self.git
            .text(&["update-ref", "--no-deref", "-m", "factory: salvage", &name, &saved])
            .await?;
        Ok(saved)
    }

    /// Puts branch, index and files back to `head`.
    pub(super) async fn restore(&self, head: &str) -> Result<(), WorkspaceError> {
        self.unlock()?;
        let branch = self.place.branch_ref();
        let Some(head) = commit_of(&self.git, head).await? else {
            return Err(WorkspaceError::NoCommit { commit: head.to_owned() });
        };
        let saved = self.salvage(Some(&head)).await?;
        self.repair_link().await?;
        self.forget_unfinished().await?;
        if saved.is_none() && self.is_at(&head).await? {
            return Ok(());
        }
        self.save_branch(&head).await?;
        let git = &self.git;
        git.text(&["update-ref", "--no-deref", "-m", "factory: restore", &branch, &head]).await?;
        git.text(&["symbolic-ref", "-m", "factory: restore", "HEAD", &branch]).await?;
        // With everything staged, only files that differ are written: the others keep their times, on which builds rely.
        if stage_all(git).await.is_err() {
            self.drop_index()?;
        }
        git.text(&["reset", "--hard", "--quiet", &head]).await?;
        git.text(&["clean", "-ffdq"]).await?;
        Ok(())
    }

    /// Whether the worktree is on the run's branch, that is at `head`, and the index is sound and hides nothing.
    async fn is_at(&self, head: &str) -> Result<bool, WorkspaceError> {
        let listing = self.git.ask(&LISTING).await?;
        let plain = |entry: &[u8]| entry.first() == Some(&b'H');
        Ok(listing.succeeded()
            && split_nul(&listing.stdout).all(plain)
            && self.symbolic_head().await?.as_deref() == Some(self.place.branch_ref().as_str())
            && commit_of(&self.git, "HEAD").await?.as_deref() == Some(head))
    }

    /// Saves the commits of the branch that `head` has not, when the worktree was somewhere else.
    async fn save_branch(&self, head: &str) -> Result<(), WorkspaceError> {
        let Some(branch) = commit_of(&self.git, &self.place.branch_ref()).await? else {
            return Ok(());
        };
        let repository = &self.place.repository;
        if repository.contains(head, &branch).await? {
            return Ok(());
        }
        if let Some(saved) = commit_of(&self.git, &wip_ref(self.place.record.run)).await?
            && repository.contains(&saved, &branch).await?
        {
            return Ok(());
        }
        let tree = tree_of(&self.git, &branch).await?;
        let _saved = self.save(&branch, &tree, None).await?;
        Ok(())
    }

    /// Puts the files and index of a commit of [`Tree::salvage`] back as uncommitted work; the index as it was staged is
    /// not brought back.
    pub(super) async fn unpack(&self, saved: &str) -> Result<(), WorkspaceError> {
        self.git.text(&["read-tree", "--reset", "-u", saved]).await?;
        self.git.text(&["read-tree", "HEAD"]).await?;
        Ok(())
    }
}

/// The paths of NUL-separated output.
pub(super) fn paths(bytes: &[u8]) -> Vec<String> {
    split_nul(bytes).map(lossy).collect()
}
