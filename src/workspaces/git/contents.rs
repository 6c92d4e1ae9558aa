//! Files as a commit has them, read from the object store: no checkout, no filter, nothing of the repository runs.

use super::super::{FileAt, WorkspaceError};
use super::command::{Git, lossy, split_nul};
use super::repository::commit_of;

/// Most entries that are listed at all.
const MOST_FILES: usize = 1_000;

/// See [`super::super::Workspaces::files_at`].
pub(super) async fn files_at(
    git: &Git,
    commit: &str,
    paths: &[&str],
    max_bytes: u64,
) -> Result<Vec<FileAt>, WorkspaceError> {
    let missing = || WorkspaceError::NoCommit { commit: commit.to_owned() };
    let commit = commit_of(git, commit).await?.ok_or_else(missing)?;
    let mut args =
        vec!["--literal-pathspecs", "ls-tree", "-r", "-l", "-z", "--full-tree", &commit, "--"];
    args.extend(paths);
    let listed = git.bytes(&args).await?;
    let mut found = Vec::new();
    for entry in split_nul(&listed.stdout).take(MOST_FILES) {
        let Some(entry) = Entry::read(&lossy(entry)) else { continue };
        let wanted = entry.is_file && entry.bytes <= max_bytes;
        let text = if wanted { blob(git, &entry.id).await? } else { None };
        found.push(FileAt { path: entry.path, bytes: entry.bytes, text });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// See [`super::super::Workspaces::versions`].
pub(super) async fn versions(
    git: &Git,
    commit: &str,
    path: &str,
    most: usize,
) -> Result<Vec<String>, WorkspaceError> {
    let missing = || WorkspaceError::NoCommit { commit: commit.to_owned() };
    let commit = commit_of(git, commit).await?.ok_or_else(missing)?;
    let count = format!("--max-count={most}");
    let args = ["--literal-pathspecs", "rev-list", &count, &commit, "--", path];
    Ok(git.text(&args).await?.lines().map(str::to_owned).collect())
}

async fn blob(git: &Git, id: &str) -> Result<Option<String>, WorkspaceError> {
    let said = git.bytes(&["cat-file", "blob", id]).await?;
    let text = String::from_utf8(said.stdout).ok();
    Ok(text.filter(|text| !text.contains('\0')))
}

/// `100644 blob <id>    <size>\t<path>`.
struct Entry {
    is_file: bool,
    id: String,
    bytes: u64,
    path: String,
}

impl Entry {
    fn read(line: &str) -> Option<Self> {
        let (facts, path) = line.split_once('\t')?;
        let mut words = facts.split_whitespace();
        let (mode, _kind, id, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        Some(Self {
            is_file: mode.starts_with("100"),
            id: id.to_owned(),
            bytes: size.parse().unwrap_or(0),
            path: path.to_owned(),
        })
    }
}
