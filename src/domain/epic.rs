//! Epics: work items that a planner has divided into parts, which are items of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{EffectKey, ItemId, RunId};
use super::run::StagePlan;
use super::time::Timestamp;
use super::work_item::Priority;

/// One part of an item, as the planner describes it. Untrusted text: a model wrote it that read the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// One line.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// What must hold when it is done.
    pub acceptance: Vec<String>,
    /// How long an agent is expected to need, in minutes.
    pub estimated_minutes: u32,
    /// Its own importance; the parent's where the planner says nothing.
    pub priority: Option<Priority>,
    /// Numbers (from 1) of parts that must be done first; always smaller ones than its own.
    pub depends_on: Vec<u32>,
}

/// A part that is in the tracker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedPart {
    /// The item it became.
    pub item: ItemId,
    /// When that was recorded.
    pub at: Timestamp,
}

/// What is known of an item that was divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epic {
    /// The run whose planner divided it.
    pub run: RunId,
    /// Why it was divided.
    pub reason: String,
    /// Its parts; part number `n` is at index `n - 1`.
    pub parts: Vec<Part>,
    /// When its parts were wanted; absent while a person has to agree to them.
    pub agreed: Option<Timestamp>,
    /// The parts that are in the tracker, by number.
    pub created: BTreeMap<u32, CreatedPart>,
}

impl Epic {
    /// How many parts it has.
    #[must_use]
    pub fn total(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// The part with that number.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<&Part> {
        self.parts.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The number of the part that is to be created next; nothing when all are there, or nobody has agreed yet.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        self.agreed?;
        (1..=self.total()).find(|number| !self.created.contains_key(number))
    }

    /// The items that part `number` waits for, as far as they are there.
    #[must_use]
    pub fn blockers(&self, number: u32) -> Vec<ItemId> {
        let depends_on = self.part(number).map(|part| part.depends_on.as_slice());
        let created = |number: &u32| self.created.get(number).map(|part| part.item.clone());
        depends_on.unwrap_or_default().iter().filter_map(created).collect()
    }
}

/// What the part of a divided item is known by, whatever happens while it is created.
#[must_use]
pub fn part_key(parent: &ItemId, run: RunId, number: u32) -> EffectKey {
    EffectKey(format!("work/{parent}/part/{run}/{number}"))
}

/// What a run's planner may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivisionPlan {
    /// What the item was estimated at, in minutes.
    pub estimated_minutes: u32,
    /// The estimate over which items are divided, in minutes.
    pub threshold_minutes: u32,
    /// Parts it may have at most.
    pub most_parts: u32,
    /// Whether a person has to agree to the parts.
    pub approval: bool,
}

/// The operator's rules for dividing items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DivisionPolicy {
    /// Whether items are divided at all. Default no.
    pub enabled: bool,
    /// The estimate over which items are divided, in minutes. Default 30 (seed 001).
    pub threshold_minutes: u32,
    /// How many levels of parts there may be below an item that nobody divided. Default 2.
    pub max_depth: u32,
    /// Parts of one item. Default 5.
    pub max_children: u32,
    /// Parts of all items in a UTC day. Default 20.
    pub daily_limit: u32,
    /// Whether a person has to agree to the parts before they are created. Default no.
    pub approval: bool,
    /// How the planner is driven.
    pub stage: StagePlan,
}

#[cfg(test)]
mod tests;
