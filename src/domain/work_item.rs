//! A thing to do, as every tracker's items look to the core.

use serde::{Deserialize, Serialize};

use super::ids::{ItemId, ProjectId};
use super::time::Timestamp;

pub mod change;

/// Who drives an item's lifecycle. Durable, on the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A person opted out of automation.
    Manual,
    /// Nobody is assigned.
    None,
    /// The coder/critic pipeline with durable state.
    Autopilot,
    /// Generic loop operator.
    Ralph,
    /// Work-item-aware loop operator.
    Ultrawork,
    /// Collective operator.
    Team,
}

impl Lane {
    /// Every lane, in the order of the vocabulary.
    pub const ALL: [Self; 6] =
        [Self::Manual, Self::None, Self::Autopilot, Self::Ralph, Self::Ultrawork, Self::Team];

    /// The word used in files, events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::None => "none",
            Self::Autopilot => "autopilot",
            Self::Ralph => "ralph",
            Self::Ultrawork => "ultrawork",
            Self::Team => "team",
        }
    }

    /// Whether it is a loop that somebody outside of this program drives.
    #[must_use]
    pub fn is_operated(self) -> bool {
        match self {
            Self::Ralph | Self::Ultrawork | Self::Team => true,
            Self::Manual | Self::None | Self::Autopilot => false,
        }
    }

    /// Parses a lane word, ignoring case and surrounding space.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let wanted = text.trim().to_lowercase();
        Self::ALL.into_iter().find(|lane| lane.word() == wanted)
    }
}

/// Order of importance; the derived order puts the most urgent first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Drop everything.
    Critical,
    /// Before the ordinary.
    High,
    /// The ordinary.
    #[default]
    Medium,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// Every priority, most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The word used in files, events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// Parses a priority word, ignoring case and surrounding space.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let wanted = text.trim().to_lowercase();
        Self::ALL.into_iter().find(|priority| priority.word() == wanted)
    }
}

/// Where the tracker says the item stands (the tracker owns intent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Waiting to be picked up.
    #[default]
    Todo,
    /// Being worked on.
    InProgress,
    /// Finished by the factory, waiting for people.
    InReview,
    /// Stopped until a person changes something.
    Blocked,
    /// Finished.
    Done,
    /// Given up.
    Cancelled,
}

impl ItemState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 6] =
        [Self::Todo, Self::InProgress, Self::InReview, Self::Blocked, Self::Done, Self::Cancelled];

    /// The words people read and write (`In Progress`).
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Todo => "Todo",
            Self::InProgress => "In Progress",
            Self::InReview => "In Review",
            Self::Blocked => "Blocked",
            Self::Done => "Done",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Parses a state, ignoring case, spaces, `_` and `-`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let squeeze = |raw: &str| -> String {
            raw.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
        };
        let wanted = squeeze(text);
        Self::ALL.into_iter().find(|state| squeeze(state.label()) == wanted)
    }

    /// Whether the tracker considers the item finished for good.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

/// How far the author of an item is trusted to have agents act on its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Someone with write access wrote it.
    Trusted,
    /// Anyone may have written it: a person must approve before an agent reads it.
    Untrusted,
}

/// One thing to do, tracker-neutral. The text is untrusted input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// Identity across trackers.
    pub id: ItemId,
    /// Which project it belongs to, if the tracker says.
    pub project: Option<ProjectId>,
    /// One line.
    pub title: String,
    /// Free text, usually Markdown.
    pub body: String,
    /// Where the tracker says it stands.
    pub state: ItemState,
    /// Order of importance.
    pub priority: Priority,
    /// Trimmed, lower-cased, without blanks or repeats.
    pub labels: Vec<String>,
    /// Who drives it.
    pub lane: Lane,
    /// Items that must be done first.
    pub blocked_by: Vec<ItemId>,
    /// The epic or parent it is part of.
    pub parent: Option<ItemId>,
    /// Who wrote it, as the tracker names people.
    pub author: Option<String>,
    /// Whether its text may steer an agent without approval.
    pub trust: Trust,
    /// When the tracker says it was created.
    pub created_at: Option<Timestamp>,
    /// Opaque revision of the tracker's copy (a content hash for local files).
    pub revision: String,
    /// What the person who submitted it wants done differently from the configuration.
    #[serde(default)]
    pub overrides: Overrides,
}

/// Per-item departures from the configuration; only one-off tasks of the operator carry any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Overrides {
    /// Skip the critic.
    pub coder_only: bool,
    /// With tester and documenter, also where they are not switched on.
    #[serde(default)]
    pub full_pipeline: bool,
    /// Model for the coder.
    pub model: Option<String>,
}

#[cfg(test)]
mod tests;
