//! A repository in memory: commits of whole file sets, branches, and merging by file.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::super::FileAt;
use super::super::patch::FilePatch;
use crate::domain::change::Change;
use crate::domain::ids::RunId;

/// Paths and contents.
pub(super) type Files = BTreeMap<String, String>;

/// One commit.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) parents: Vec<String>,
    pub(super) files: Files,
    pub(super) message: String,
}

/// A repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub(super) default_branch: String,
    pub(super) branches: BTreeMap<String, String>,
    pub(super) commits: BTreeMap<String, Commit>,
    /// Branch and base commit of each run.
    pub(super) claims: BTreeMap<RunId, (String, String)>,
    /// What was saved of each run.
    pub(super) saved: BTreeMap<RunId, String>,
}

impl Repository {
    /// Adds a commit; the same commit twice is one.
    pub(super) fn add(&mut self, parents: Vec<String>, files: Files, message: String) -> String {
        let id = hex::encode(Sha256::digest(format!("{parents:?}\0{files:?}\0{message}")));
        let id = id[..40].to_owned();
        let _same = self.commits.insert(id.clone(), Commit { parents, files, message });
        id
    }

    /// The commit and all its ancestors, nearest first.
    pub(super) fn ancestry(&self, commit: &str) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        let mut next = std::collections::VecDeque::from([commit.to_owned()]);
        while let Some(id) = next.pop_front() {
            if let Some(found) = self.commits.get(&id)
                && seen.insert(id.clone())
            {
                next.extend(found.parents.iter().cloned());
                order.push(id);
            }
        }
        order
    }

    pub(super) fn contains(&self, commit: &str, ancestor: &str) -> bool {
        self.ancestry(commit).iter().any(|id| id == ancestor)
    }

    /// First parents from `commit` on, itself included.
    pub(super) fn first_parents(&self, commit: &str) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = Some(commit.to_owned());
        while let Some(id) = next {
            next = self.commits.get(&id).and_then(|found| found.parents.first().cloned());
            chain.push(id);
        }
        chain
    }

    pub(super) fn files(&self, commit: &str) -> Files {
        self.commits.get(commit).map(|found| found.files.clone()).unwrap_or_default()
    }

    /// The files at `paths` and below them, those of more than `max_bytes` without their text.
    pub(super) fn files_at(&self, commit: &str, paths: &[&str], max_bytes: u64) -> Vec<FileAt> {
        let wanted = |path: &String| {
            paths.iter().any(|it| {
                path == it || path.strip_prefix(it).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let files = self.files(commit).into_iter().filter(|(path, _)| wanted(path));
        let found = files.map(|(path, text)| {
            let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
            let text = Some(text).filter(|text| bytes <= max_bytes && !text.contains('\0'));
            FileAt { path, bytes, text }
        });
        found.collect()
    }

    /// The commits before `commit`, itself included, that changed `path`, newest first.
    pub(super) fn versions(&self, commit: &str, path: &str, most: usize) -> Vec<String> {
        let history = self.first_parents(commit);
        let text = |id: Option<&String>| id.and_then(|id| self.files(id).get(path).cloned());
        let changed = history
            .iter()
            .enumerate()
            .filter(|(index, id)| text(Some(id)) != text(history.get(index + 1)));
        changed.map(|(_, id)| id.clone()).take(most).collect()
    }

    /// The files of both sides together, or the paths that both changed differently.
    pub(super) fn merged(&self, ours: &str, theirs: &str) -> Result<Files, Vec<String>> {
        let known: BTreeSet<String> = self.ancestry(ours).into_iter().collect();
        let base = self.ancestry(theirs).into_iter().find(|id| known.contains(id));
        let base = base.map(|id| self.files(&id)).unwrap_or_default();
        let (ours, theirs) = (self.files(ours), self.files(theirs));
        let mut conflicts = Vec::new();
        let mut merged = Files::new();
        let paths: BTreeSet<&String> =
            base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        for path in paths {
            let (was, our, their) = (base.get(path), ours.get(path), theirs.get(path));
            let taken = if our == was { their } else { our };
            if our != was && their != was && our != their {
                conflicts.push(path.clone());
            }
            if let Some(text) = taken {
                let _none = merged.insert(path.clone(), text.clone());
            }
        }
        if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
    }

    /// The difference between two commits, file by file.
    pub(super) fn patches(&self, base: &str, head: &str) -> Vec<FilePatch> {
        let changes = self.changes(base, head).into_iter();
        changes
            .map(|(path, was, is)| {
                let mut text =
                    format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n");
                let (removed, added) = changed_lines(&was, &is);
                text.extend(removed.iter().map(|line| format!("-{line}\n")));
                text.extend(added.iter().map(|line| format!("+{line}\n")));
                FilePatch {
                    binary: is.contains('\0') || was.contains('\0'),
                    path,
                    text: Some(text),
                }
            })
            .collect()
    }

    pub(super) fn measure(&self, base: &str, head: &str) -> Change {
        let changes = self.changes(base, head);
        let lines = |(_, was, is): &(String, String, String)| {
            let (removed, added) = changed_lines(was, is);
            (removed.len() as u64, added.len() as u64)
        };
        Change {
            head: head.to_owned(),
            files: changes.iter().map(|(path, ..)| path.clone()).collect(),
            insertions: changes.iter().map(|change| lines(change).1).sum(),
            deletions: changes.iter().map(|change| lines(change).0).sum(),
            diff_sha256: hex::encode(Sha256::digest(format!("{changes:?}"))),
        }
    }

    /// Path, old text and new text of each changed file; a missing file counts as empty.
    fn changes(&self, base: &str, head: &str) -> Vec<(String, String, String)> {
        let (was, is) = (self.files(base), self.files(head));
        let paths: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let changed = paths.into_iter().filter(|path| was.get(*path) != is.get(*path));
        let text = |files: &Files, path: &String| files.get(path).cloned().unwrap_or_default();
        changed.map(|path| (path.clone(), text(&was, path), text(&is, path))).collect()
    }
}

/// The lines between the common beginning and the common end: the whole truth only for one changed place per file.
fn changed_lines<'a>(was: &'a str, is: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut was, mut is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    while !was.is_empty() && was.last() == is.last() {
        let (_, _) = (was.pop(), is.pop());
    }
    let same = was.iter().zip(&is).take_while(|(old, new)| old == new).count();
    (was.split_off(same), is.split_off(same))
}
