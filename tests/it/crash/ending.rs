//! What is there in the end, and what must not be.

use std::collections::{BTreeMap, BTreeSet};

use enact_factory::domain::run::Outcome;

use crate::support::factory::Factory;

/// What two rounds are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// Per item: execution status, state in its file, failed attempts, merges.
    pub(super) items: BTreeMap<String, (String, String, u32, usize)>,
    /// Every file on the base branch; the lines of the one that items clash over are sorted.
    pub(super) tree: BTreeMap<String, String>,
    /// How many events it took.
    pub(super) events: u64,
}

impl Ending {
    /// As it is now.
    pub(super) fn of(factory: &Factory, items: &[&str]) -> Self {
        let picture = factory.picture().expect("a picture");
        let subjects = factory.repository.merge_subjects();
        let item = |name: &&str| {
            let found = picture.item(name);
            let start = format!("Merge {name}:");
            let merges = subjects.iter().filter(|subject| subject.starts_with(&start)).count();
            let values = (found.status.clone(), factory.item_state(name), found.attempts, merges);
            ((*name).to_owned(), values)
        };
        let mut tree = factory.repository.tree();
        if let Some(list) = tree.get_mut("list.txt") {
            let mut lines: Vec<&str> = list.lines().collect();
            lines.sort_unstable();
            *list = lines.join("\n");
        }
        let events = factory.events().last().map_or(0, |recorded| recorded.gseq);
        Self { items: items.iter().map(item).collect(), tree, events }
    }
}

/// No stray process, no worktree of a delivered run, nothing merged or logged twice, every receipt in order.
pub(super) fn assert_nothing_left(factory: &Factory, items: &[&str]) {
    assert_eq!(factory.survivors(), []);
    let merges = factory.repository.merged_log();
    let merged: Vec<&String> = merges.iter().flat_map(|merge| &merge.runs).collect();
    let distinct: BTreeSet<&&String> = merged.iter().collect();
    assert_eq!(merged.len(), distinct.len(), "a run was merged twice: {merges:?}");
    let first_parents =
        factory.repository.git(&["rev-list", "--count", "--first-parent", "refs/heads/main"]);
    assert_eq!(first_parents, (merges.len() + 2).to_string(), "only merges came onto the base");
    for item in items {
        assert_log_is_whole(factory, item);
    }
    assert_worktrees_are_needed(factory, items);
    factory.verify_receipts();
}

/// Every update that was asked for stands in the file, once, in order.
fn assert_log_is_whole(factory: &Factory, item: &str) {
    let marks = factory.item_log_marks(item);
    let expected: Vec<String> =
        (1..=marks.len()).map(|number| format!("work/local/{item}/update/{number}")).collect();
    assert_eq!(marks, expected, "{}", factory.item_file(item));
    let events = factory.events();
    let requested = events.iter().filter(|recorded| {
        recorded.kind == "work_item.update_requested"
            && recorded.stream.as_str() == format!("work/local/{item}")
    });
    assert_eq!(marks.len(), requested.count(), "{item}: {}", factory.item_file(item));
}

/// A worktree is there for runs that did not succeed, and for nothing else.
fn assert_worktrees_are_needed(factory: &Factory, items: &[&str]) {
    let kept: BTreeSet<String> = items
        .iter()
        .flat_map(|item| factory.runs(item))
        .filter(|run| run.outcome != Some(Outcome::Succeeded))
        .map(|run| run.id.to_string())
        .collect();
    let directories = factory.worktrees();
    let listed = factory.repository.worktrees();
    for path in directories.iter().map(|path| path.display().to_string()).chain(listed) {
        let needed = kept.iter().any(|run| path.contains(run.as_str()));
        assert!(needed, "{path} is left over; kept: {kept:?}");
    }
}
