//! An operator lane at work on an item: a loop that a person or a program outside drives, with its state kept here.
//!
//! `ralph`, `ultrawork` and `team` are such lanes. `autopilot` is driven by the daemon's own pipeline and `manual` and
//! `none` by nobody, so they have no session.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::time::Timestamp;
use super::work_item::Lane;

/// Rejections whose reasons are kept, the newest first.
pub const MOST_FINDINGS: usize = 10;

/// Where an operator lane stands with its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LanePhase {
    /// The loop works.
    Running,
    /// The work is made and being verified.
    Verifying,
    /// Somebody else looks at it, or a person has to close it.
    Review,
    /// Approved and closed.
    Completed,
    /// Stopped before its end; the link stays, and the lane may go on.
    Stopped,
}

impl LanePhase {
    /// Every phase, in the order of a life.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Verifying, Self::Review, Self::Completed, Self::Stopped];

    /// The word used in events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::Review => "review",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the loop is under way.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Verifying | Self::Review)
    }
}

/// An operator lane that the tracker names and nobody has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneProposal {
    /// Which lane.
    pub lane: Lane,
    /// Since when it is proposed.
    pub since: Timestamp,
}

/// The link between a lane and an item, and how far the lane has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSession {
    /// Which lane.
    pub lane: Lane,
    /// Where it stands.
    pub phase: LanePhase,
    /// Who stamped the link.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// When it came to its phase.
    pub changed: Timestamp,
    /// What proves that the work is made (seed 001: `implementationComplete`); absent while it is not.
    pub evidence: Option<String>,
    /// Who approved it (seed 001: `reviewPassed`).
    pub approved_by: Option<String>,
    /// Why it was rejected, the newest first; [`MOST_FINDINGS`] at most.
    pub findings: Vec<String>,
}

impl LaneSession {
    /// A lane that has just begun.
    #[must_use]
    pub fn begun(lane: Lane, by: &str, at: Timestamp) -> Self {
        Self {
            lane,
            phase: LanePhase::Running,
            by: by.to_owned(),
            since: at,
            changed: at,
            evidence: None,
            approved_by: None,
            findings: Vec::new(),
        }
    }

    /// Whether the lane holds its item: nothing else may work on it, and the lane may take no other item.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.phase != LanePhase::Completed
    }

    /// Takes one event into account. Total: events that are not about lanes change nothing.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            // The same lane again, after it was stopped.
            Event::LaneStarted { .. } => self.enter(self.place(), at),
            Event::LaneMoved { phase, note, .. } => {
                if *phase == LanePhase::Verifying {
                    self.evidence = Some(note.clone());
                }
                self.enter(*phase, at);
            }
            Event::LaneReviewed { by, approved: true, phase, .. } => {
                self.approved_by = Some(by.clone());
                self.enter(*phase, at);
            }
            Event::LaneReviewed { reason, approved: false, phase, .. } => {
                self.findings.insert(0, reason.clone());
                self.findings.truncate(MOST_FINDINGS);
                self.evidence = None;
                self.approved_by = None;
                self.enter(*phase, at);
            }
            Event::CloseAcknowledged { .. } if self.approved_by.is_some() => {
                self.enter(LanePhase::Completed, at);
            }
            _ => {}
        }
    }

    /// Where a lane goes on that was stopped: there is nothing to be made again that was made.
    fn place(&self) -> LanePhase {
        if self.evidence.is_some() { LanePhase::Verifying } else { LanePhase::Running }
    }

    fn enter(&mut self, phase: LanePhase, at: Timestamp) {
        self.phase = phase;
        self.changed = at;
    }
}

#[cfg(test)]
mod tests;
