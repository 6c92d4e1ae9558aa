//! Gate `parent`: an epic is never run itself.
//!
//! While it has open children they are the work. When all are settled it is still held: its text describes what they
//! have already done, so running it would do the work twice. A person closes it, or takes the links away if something
//! is left to do.

use std::collections::BTreeMap;

use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;

use super::super::because::{HeldBecause, Items};
use super::super::context::{Context, ItemView};
use super::super::dependencies::{is_done, is_open};
use super::super::held::Held;

/// The parts of a parent. Withdrawn ones that were not done do not count.
#[derive(Default)]
pub(crate) struct Family<'a> {
    open: Vec<&'a ItemId>,
    done: usize,
    not_done: usize,
}

/// Every parent with its parts.
pub(crate) fn families(items: &BTreeMap<ItemId, ItemRecord>) -> BTreeMap<&ItemId, Family<'_>> {
    let mut families: BTreeMap<&ItemId, Family<'_>> = BTreeMap::new();
    for (id, record) in items {
        let Some(parent) = record.item.parent.as_ref().filter(|parent| *parent != id) else {
            continue;
        };
        if is_done(record) {
            families.entry(parent).or_default().done += 1;
        } else if is_open(record) {
            families.entry(parent).or_default().open.push(id);
        } else if record.present {
            families.entry(parent).or_default().not_done += 1;
        }
    }
    families
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let family = context.families.get(view.id)?;
    if family.open.is_empty() {
        let because = HeldBecause::ChildrenSettled { done: family.done, not_done: family.not_done };
        return Some(Held::new(because).released_by("close it by hand"));
    }
    let children = Items::first_of(family.open.iter().copied());
    Some(Held::new(HeldBecause::OpenChildren { children }))
}
