//! A scenario: what a simulated factory is set up with, what agents and the world do, and when people interfere.
//!
//! Written as TOML ([`tables`] is the file as it is written); [`Script`] is what it comes to, with every name resolved.

pub mod act;
mod read;
pub mod span;
mod tables;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::domain::command::Command;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority, WorkItem};

use act::{Act, CheckDeed, CoderDeed, CriticDeed, PortDeed};

/// Source of the simulated tracker's items.
pub const SOURCE: &str = "local";

/// A mistake in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for ScenarioError {
    /// `line:column: what is wrong (hint)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl ScenarioError {
    /// A mistake at byte `offset` of `text`.
    fn at(text: &str, offset: usize, message: String, hint: Option<String>) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self { line, column, message, hint }
    }
}

/// A scenario, ready to be played.
#[derive(Debug, Clone)]
pub struct Script {
    /// One line about it.
    pub title: String,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over, whatever is still going on.
    pub until: Timestamp,
    /// How often trackers are read.
    pub poll: Duration,
    /// How long reading a tracker takes: what changes meanwhile is not in the reading.
    pub reading: Duration,
    /// How often the heartbeat opens intake; absent: intake is always open.
    pub heartbeat: Option<Duration>,
    /// Time between an effect's visible result and the daemon's learning of it: a crash in between forgets the result.
    pub lag: Duration,
    /// The rules.
    pub policy: Policy,
    /// Every item that is not submitted on the command line.
    pub parts: BTreeMap<ItemId, Part>,
    /// What everybody else does, in order of time.
    pub happenings: Vec<(Timestamp, Happening)>,
    /// Where the daemon is to die.
    pub faults: Faults,
}

/// Deaths by count of what was stored instead of by time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Numbers of appends (from 1) before which the daemon dies: the decision is lost.
    pub before_append: Vec<u64>,
    /// Numbers of appends after which it dies: nothing that was decided is done.
    pub after_append: Vec<u64>,
    /// How long it is gone each time.
    pub down: Duration,
}

/// An item and what is done about it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The item as its tracker first has it.
    pub item: WorkItem,
    /// When the tracker has it.
    pub appears: Timestamp,
    /// The coder's turns.
    pub coder: Vec<Act<CoderDeed>>,
    /// The critic's turns.
    pub critic: Vec<Act<CriticDeed>>,
    /// The turns of whoever looks first.
    pub diagnose: Vec<Act<CoderDeed>>,
    /// The tester's turns.
    pub tester: Vec<Act<CoderDeed>>,
    /// The documenter's turns.
    pub documenter: Vec<Act<CoderDeed>>,
    /// The auditor's turns.
    pub auditor: Vec<Act<CriticDeed>>,
    /// The turns of whoever sums the run up.
    pub stage_documenter: Vec<Act<CoderDeed>>,
    /// Executions of the checks.
    pub checks: Vec<Act<CheckDeed>>,
    /// Executions of the checks on the tree as merged, when the base has moved.
    pub merged_checks: Vec<Act<CheckDeed>>,
    /// Tries at making the worktree.
    pub workspace: Vec<Act<PortDeed>>,
    /// Tries at delivering.
    pub delivery: Vec<Act<PortDeed>>,
    /// Tries at writing to the tracker.
    pub tracker: Vec<Act<PortDeed>>,
}

/// Something that happens to the factory.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Somebody asks for something.
    Command {
        /// What.
        command: Command,
        /// Who.
        by: String,
        /// As it was typed.
        text: String,
    },
    /// An item appears in the tracker.
    Appear(ItemId),
    /// Somebody edits an item in the tracker.
    Edit {
        /// Which.
        item: ItemId,
        /// Who.
        by: String,
        /// What changes.
        edit: Box<Edit>,
    },
    /// Somebody deletes an item in the tracker.
    Delete {
        /// Which.
        item: ItemId,
        /// Who.
        by: String,
    },
    /// Somebody makes an item unreadable.
    Damage {
        /// Which.
        item: ItemId,
        /// How.
        reason: String,
    },
    /// The tracker cannot be read the next time.
    TrackerDown {
        /// Why.
        reason: String,
    },
    /// Somebody commits to a project's base branch.
    Commit {
        /// In which project.
        project: ProjectId,
        /// Which files.
        files: Vec<String>,
        /// Who.
        by: String,
    },
    /// An agent becomes unusable, or usable again.
    Agent {
        /// Its name.
        name: String,
        /// Why it cannot be used; absent: it can.
        unavailable: Option<String>,
    },
    /// The daemon dies.
    Crash {
        /// For how long it is gone.
        down: Duration,
    },
    /// The daemon is asked to stop.
    Stop {
        /// For how long it is gone.
        down: Duration,
    },
}

/// What somebody changes of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new title.
    pub title: Option<String>,
    /// The new text.
    pub body: Option<String>,
    /// The new state.
    pub state: Option<ItemState>,
    /// The new priority.
    pub priority: Option<Priority>,
    /// The new lane.
    pub lane: Option<Lane>,
    /// The new blockers.
    pub blocked_by: Option<Vec<ItemId>>,
}

impl Script {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake, with its position.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        read::read(text)
    }
}

/// The candidate that was probably meant, if one is near enough.
fn nearest(word: &str, candidates: &[&str]) -> Option<String> {
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests;
