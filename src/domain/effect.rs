//! Side effects: requested in the same transaction as the events that want them, done at least once, visible once.

use serde::{Deserialize, Serialize};

use super::card::RunCard;
use super::ids::{EffectKey, ItemId, RunId};
use super::work_item::ItemState;

/// A requested side effect. Its key is a function of its content, so asking twice is asking once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Effect {
    /// Take the run's item in its tracker, or renew that: nothing is worked on before.
    Claim {
        /// Whose.
        run: RunId,
        /// Number of this lease within the run, from 1.
        number: u32,
    },
    /// Give the run's item back in its tracker, after everything was said there.
    Release {
        /// Whose.
        run: RunId,
    },
    /// Make (or find again) the run's worktree.
    PrepareWorkspace {
        /// Whose.
        run: RunId,
    },
    /// Run one agent turn.
    RunTurn {
        /// Whose.
        run: RunId,
        /// Number of the turn within the run, from 1. A turn interrupted by a crash gets a new number.
        turn: u32,
    },
    /// Run the project's checks on the current head.
    RunChecks {
        /// Whose.
        run: RunId,
        /// Number of this execution within the run, from 1.
        execution: u32,
    },
    /// Deliver the approved branch.
    Deliver {
        /// Whose.
        run: RunId,
        /// Number of this try within the run, from 1.
        execution: u32,
    },
    /// Save what is uncommitted and remove the worktree, or keep it for `failed_hours`.
    CleanUp {
        /// Whose.
        run: RunId,
        /// Keep the worktree for people to look at.
        keep: bool,
    },
    /// Write the item's new state and a log entry to its tracker.
    UpdateTracker {
        /// Which item.
        item: ItemId,
        /// Number of the update within the item's life, from 1: orders updates and marks them.
        number: u32,
        /// The new state, if it changes.
        state: Option<ItemState>,
        /// One line for the item's "Factory" log.
        entry: String,
        /// The standing of the run it is about, for trackers that show more than a line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<Box<RunCard>>,
    },
    /// Create one part of a divided item in the item's tracker.
    CreateItem {
        /// The divided item.
        parent: ItemId,
        /// The run whose planner divided it.
        run: RunId,
        /// Number of the part, from 1.
        number: u32,
        /// Updates of the item that were asked for before: a creation that was given up has another name when it is asked
        /// for again.
        after: u32,
    },
}

impl Effect {
    /// The deterministic name of this effect.
    #[must_use]
    pub fn key(&self) -> EffectKey {
        EffectKey(match self {
            Self::Claim { run, number } => format!("run/{run}/claim/{number}"),
            Self::Release { run } => format!("run/{run}/release"),
            Self::PrepareWorkspace { run } => format!("run/{run}/prepare"),
            Self::RunTurn { run, turn } => format!("run/{run}/turn/{turn}"),
            Self::RunChecks { run, execution } => format!("run/{run}/checks/{execution}"),
            Self::Deliver { run, execution } => format!("run/{run}/deliver/{execution}"),
            Self::CleanUp { run, .. } => format!("run/{run}/clean-up"),
            Self::UpdateTracker { item, number, .. } => format!("work/{item}/update/{number}"),
            Self::CreateItem { parent, run, number, after } => {
                format!("work/{parent}/create/{run}/{number}/{after}")
            }
        })
    }

    /// The word stored in the outbox's `kind` column.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claim",
            Self::Release { .. } => "release",
            Self::PrepareWorkspace { .. } => "prepare_workspace",
            Self::RunTurn { .. } => "run_turn",
            Self::RunChecks { .. } => "run_checks",
            Self::Deliver { .. } => "deliver",
            Self::CleanUp { .. } => "clean_up",
            Self::UpdateTracker { .. } => "update_tracker",
            Self::CreateItem { .. } => "create_item",
        }
    }

    /// The run it belongs to, if any.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Claim { run, .. }
            | Self::Release { run }
            | Self::PrepareWorkspace { run }
            | Self::RunTurn { run, .. }
            | Self::RunChecks { run, .. }
            | Self::Deliver { run, .. }
            | Self::CleanUp { run, .. } => Some(*run),
            Self::UpdateTracker { .. } | Self::CreateItem { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
