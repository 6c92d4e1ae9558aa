//! What a branch changes, by git's own account.

use sha2::{Digest, Sha256};

use super::super::patch::{FilePatch, fit};
use super::super::{DiffText, WorkspaceError};
use super::command::{Git, lossy};
use crate::domain::change::Change;

/// Options of every diff: nothing of the repository's runs, and its configuration does not change the result.
const PLAIN: [&str; 5] = ["diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--full-index"];
/// Bytes of a diff that are looked at: beyond that, files are left out whatever the caller's bound.
const MAX_DIFF: usize = 64 * 1024 * 1024;

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    status: u8,
    path: String,
    /// Added and removed lines; absent when it is not text.
    lines: Option<(u64, u64)>,
}

/// Measures the difference from `base` to `head`.
pub(super) async fn measure(git: &Git, base: &str, head: &str) -> Result<Change, WorkspaceError> {
    let raw = raw(git, base, head, "--no-renames").await?;
    let entries = parse(&raw)?;
    let mut files: Vec<String> = entries.iter().map(|entry| entry.path.clone()).collect();
    files.sort();
    let lines = || entries.iter().filter_map(|entry| entry.lines);
    Ok(Change {
        head: head.to_owned(),
        files,
        insertions: lines().map(|(added, _)| added).sum(),
        deletions: lines().map(|(_, removed)| removed).sum(),
        diff_sha256: hex::encode(Sha256::digest(&raw)),
    })
}

/// The text of the difference from `base` to `head`, renames recognised.
pub(super) async fn diff(
    git: &Git,
    base: &str,
    head: &str,
    max_bytes: usize,
) -> Result<DiffText, WorkspaceError> {
    let entries = parse(&raw(git, base, head, "--find-renames").await?)?;
    let mut args = PLAIN.to_vec();
    args.extend(["-p", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/", base, head]);
    let said = git.ask_some(&args, MAX_DIFF).await?;
    if !said.succeeded() {
        return Err(said.error());
    }
    let mut blocks = split(&said.stdout);
    if said.truncated {
        let _partial = blocks.pop();
    }
    Ok(fit(pair(entries, &blocks), max_bytes))
}

/// Gives each file its part of the diff. A file that turned into something else, a link say, has two parts.
fn pair(entries: Vec<Entry>, blocks: &[&[u8]]) -> Vec<FilePatch> {
    let mut rest = blocks;
    entries
        .into_iter()
        .map(|entry| {
            let parts = if entry.status == b'T' { 2 } else { 1 };
            let text = (rest.len() >= parts).then(|| rest[..parts].concat());
            rest = rest.get(parts..).unwrap_or_default();
            let text = text.map(|bytes| lossy(&bytes));
            FilePatch { path: entry.path, text, binary: entry.lines.is_none() }
        })
        .collect()
}

/// Cuts a diff before each file. Lines of files never start with `d`: they are marked by a first character of their own.
fn split(diff: &[u8]) -> Vec<&[u8]> {
    let marker = b"diff --git ";
    let line_starts = std::iter::once(0)
        .chain(diff.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
    let starts: Vec<usize> = line_starts.filter(|at| diff[*at..].starts_with(marker)).collect();
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(diff.len()));
    starts.iter().zip(ends).map(|(start, end)| &diff[*start..end]).collect()
}

async fn raw(git: &Git, base: &str, head: &str, renames: &str) -> Result<Vec<u8>, WorkspaceError> {
    let mut args = PLAIN.to_vec();
    args.extend(["--raw", "--numstat", "-z", renames, base, head]);
    Ok(git.bytes(&args).await?.stdout)
}

/// Reads what `--raw --numstat -z` prints: first all files with what became of them, then all with their lines.
fn parse(output: &[u8]) -> Result<Vec<Entry>, WorkspaceError> {
    let mut fields = output.split(|byte| *byte == 0).peekable();
    let mut entries = Vec::new();
    while let Some(field) = fields.next_if(|field| field.starts_with(b":")) {
        let word = field.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let status = word.first().copied().unwrap_or_default();
        let first = fields.next().ok_or_else(unreadable)?;
        let path = if matches!(status, b'R' | b'C') {
            fields.next().ok_or_else(unreadable)?
        } else {
            first
        };
        entries.push(Entry { status, path: lossy(path), lines: None });
    }
    for entry in &mut entries {
        let field = fields.next().ok_or_else(unreadable)?;
        let mut columns = field.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(removed), Some(path)) =
            (columns.next(), columns.next(), columns.next())
        else {
            return Err(unreadable());
        };
        // A renamed file has its two names in fields of their own.
        let path = if path.is_empty() { fields.nth(1).ok_or_else(unreadable)? } else { path };
        if lossy(path) != entry.path {
            return Err(unreadable());
        }
        entry.lines = number(added).zip(number(removed));
    }
    Ok(entries)
}

fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn unreadable() -> WorkspaceError {
    let message = "its list of changed files cannot be read".to_owned();
    WorkspaceError::Git { command: "diff-tree".to_owned(), code: Some(0), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_and_numstat_are_read_together() {
        let output = b":100644 100644 a b M\0src/a\tb\0:100644 100644 a b R090\0old\0new\0:000000 100644 0 c A\0:pic\x001\t2\tsrc/a\tb\x003\t4\t\0old\0new\0-\t-\t:pic\0";
        let entries = parse(output).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.status, e.path.as_str(), e.lines)).collect();
        assert_eq!(
            seen,
            [(b'M', "src/a\tb", Some((1, 2))), (b'R', "new", Some((3, 4))), (b'A', ":pic", None)]
        );
        assert!(parse(b"").unwrap().is_empty());
        assert!(parse(b":1 2 3 4 M\0a\0").is_err());
    }

    #[test]
    fn a_diff_is_cut_before_each_file_only() {
        let diff = b"diff --git a/x b/x\n+diff --git a/y b/y\ndiff --git a/z b/z\n-x\n";
        let blocks = split(diff);
        assert_eq!(blocks.len(), 2);
        assert!(blocks[1].starts_with(b"diff --git a/z"));
    }
}
