//! Gate `duplicate`: the same task is not done twice.
//!
//! Two items are twins when they belong to the same project and their titles and texts are equal up to case and blanks.
//! The texts themselves are compared, so there is nothing that could collide.

use std::collections::BTreeMap;

use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::policy::Policy;

use super::super::because::{HeldBecause, TwinState};
use super::super::context::{Context, ItemView};
use super::super::dependencies::is_done;
use super::super::held::Held;

/// Groups of twins, and who of them has the task already.
#[derive(Clone)]
pub(crate) struct Twins<'a> {
    group: BTreeMap<&'a ItemId, usize>,
    /// Per group, the most decisive first.
    taken: BTreeMap<usize, Vec<(TwinState, &'a ItemId)>>,
}

impl<'a> Twins<'a> {
    /// Finds all twins among `items`.
    pub(crate) fn new(
        items: &'a BTreeMap<ItemId, ItemRecord>,
        policy: &'a Policy,
        runs: &BTreeMap<&ItemId, RunId>,
    ) -> Self {
        let mut twins = Self { group: BTreeMap::new(), taken: BTreeMap::new() };
        for (number, members) in groups(items, policy).into_iter().enumerate() {
            for id in members {
                twins.group.insert(id, number);
                let Some(record) = items.get(id) else { continue };
                if runs.contains_key(id) || record.status == ItemStatus::InFlight {
                    twins.taken.entry(number).or_default().push((TwinState::Running, id));
                } else if is_done(record) {
                    twins.taken.entry(number).or_default().push((TwinState::Done, id));
                }
            }
        }
        twins.taken.values_mut().for_each(|taken| taken.sort());
        twins
    }

    /// From now on `item` has the task.
    pub(crate) fn choose(&mut self, item: &'a ItemId) {
        if let Some(group) = self.group.get(item) {
            self.taken.entry(*group).or_default().push((TwinState::Chosen, item));
        }
    }

    /// The twin that has the task of `view` already. What the operator asks for directly may be done again, but not
    /// twice at once.
    pub(crate) fn check(&self, view: &ItemView<'_>) -> Option<Held> {
        let taken = self.taken.get(self.group.get(view.id)?)?;
        let (twin, of) = taken.iter().find(|(twin, id)| {
            *id != view.id && !(*twin == TwinState::Done && view.is_one_off())
        })?;
        let held = Held::new(HeldBecause::Duplicate { of: (*of).clone(), twin: *twin });
        Some(held.released_by("cancel it, or say in its text how it differs"))
    }
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    context.twins.check(view)
}

type Names<'a> = Vec<&'a ItemId>;

/// Groups of two or more. Texts are only looked at where titles are equal.
fn groups<'a>(items: &'a BTreeMap<ItemId, ItemRecord>, policy: &'a Policy) -> Vec<Names<'a>> {
    let mut by_title: BTreeMap<(&ProjectId, String), Names<'a>> = BTreeMap::new();
    for (id, record) in items {
        let named = record.item.project.as_ref().or(policy.default_project.as_ref());
        let Some(project) = named else { continue };
        by_title.entry((project, normalise(&record.item.title))).or_default().push(id);
    }
    let mut groups = Vec::new();
    for same_title in by_title.into_values().filter(|names| names.len() > 1) {
        let mut by_body: BTreeMap<String, Names<'a>> = BTreeMap::new();
        for id in same_title {
            let Some(record) = items.get(id) else { continue };
            by_body.entry(normalise(&record.item.body)).or_default().push(id);
        }
        groups.extend(by_body.into_values().filter(|names| names.len() > 1));
    }
    groups
}

fn normalise(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
