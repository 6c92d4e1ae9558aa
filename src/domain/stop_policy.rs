//! Who may stop: an operator lane, or the daemon, only when nothing that was promised to a tracker is left open.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::closing::Closing;
use super::ids::ItemId;
use super::item_record::ItemRecord;
use super::lane_session::LanePhase;
use super::time::Timestamp;
use super::work_item::Lane;

/// Open gates that a verdict names; more are only counted.
pub const MOST_NAMED: usize = 20;

/// Verdicts that are kept; the oldest are dropped.
pub const MOST_VERDICTS: usize = 20;

/// What has to be there before work on an item may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// `implementationComplete` is not set.
    ImplementationIncomplete,
    /// `reviewPassed` is not set.
    ReviewNotPassed,
    /// Its tracker has not been told everything yet.
    PushesPending,
    /// A person has to close it.
    CloseDeferred,
    /// It was closed in its tracker and nobody said that the whole is finished.
    ClosureEvidenceMissing,
}

impl Gate {
    /// The word in events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ImplementationIncomplete => "implementation-incomplete",
            Self::ReviewNotPassed => "review-not-passed",
            Self::PushesPending => "pushes-pending",
            Self::CloseDeferred => "close-deferred",
            Self::ClosureEvidenceMissing => "closure-evidence-missing",
        }
    }
}

/// An open gate of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// Which item.
    pub item: ItemId,
    /// The lane that works on it, if one does.
    pub lane: Option<Lane>,
    /// What is open.
    pub gate: Gate,
}

impl Unmet {
    /// What would satisfy the gate.
    #[must_use]
    pub fn remedy(&self) -> String {
        let name = self.item.identifier();
        match self.gate {
            Gate::ImplementationIncomplete => {
                format!("enact-factory lane advance {name} verifying --evidence \"<text>\"")
            }
            Gate::ReviewNotPassed => format!("enact-factory lane review {name} approve"),
            Gate::PushesPending => {
                format!("leave the daemon running until {} was written", self.item.source())
            }
            Gate::CloseDeferred | Gate::ClosureEvidenceMissing => {
                format!("enact-factory acknowledge-close {name} --reason \"<text>\"")
            }
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.item.identifier(), self.gate.word())?;
        match self.lane {
            Some(lane) => write!(formatter, " (lane {})", lane.word()),
            None => Ok(()),
        }
    }
}

/// What is open at the item of `record`; `pending` when its tracker is still to be written.
#[must_use]
pub fn unmet(record: &ItemRecord, pending: bool) -> Vec<Unmet> {
    let mut gates = Vec::new();
    if let Some(session) = &record.session {
        let is_under_way = session.phase.is_under_way();
        if is_under_way && session.evidence.is_none() {
            gates.push(Gate::ImplementationIncomplete);
        }
        if is_under_way && session.approved_by.is_none() {
            gates.push(Gate::ReviewNotPassed);
        }
        if pending && session.phase != LanePhase::Stopped {
            gates.push(Gate::PushesPending);
        }
    }
    match &record.closing {
        Closing::Deferred { .. } => gates.push(Gate::CloseDeferred),
        Closing::Unproven { .. } => gates.push(Gate::ClosureEvidenceMissing),
        Closing::Free | Closing::Acknowledged { .. } => {}
    }
    let lane = record.session.as_ref().filter(|session| session.is_linked()).map(|it| it.lane);
    let item = &record.item.id;
    gates.into_iter().map(|gate| Unmet { item: item.clone(), lane, gate }).collect()
}

/// What was to be stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StopScope {
    /// The daemon.
    Daemon {},
    /// An operator lane.
    Lane {
        /// On which item.
        item: ItemId,
    },
}

/// What became of the wish to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Ruling {
    /// It goes on.
    Denied {},
    /// Somebody stopped it all the same.
    Overridden {
        /// Why.
        reason: String,
    },
    /// Whoever runs the daemon ended it without asking.
    Signalled {},
}

/// A judged wish to stop, shown until somebody acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopVerdict {
    /// What was to be stopped.
    pub scope: StopScope,
    /// What became of it.
    pub ruling: Ruling,
    /// Who wanted it.
    pub by: String,
    /// What was open; [`MOST_NAMED`] at most.
    pub unmet: Vec<Unmet>,
    /// How much was open.
    pub total: usize,
}

impl StopVerdict {
    /// A verdict over everything that is open.
    #[must_use]
    pub fn new(scope: StopScope, ruling: Ruling, by: &str, mut unmet: Vec<Unmet>) -> Self {
        let total = unmet.len();
        unmet.truncate(MOST_NAMED);
        Self { scope, ruling, by: by.to_owned(), unmet, total }
    }

    /// The gates by name, as one sentence.
    #[must_use]
    pub fn gates(&self) -> String {
        let named: Vec<String> = self.unmet.iter().map(Unmet::to_string).collect();
        match self.total.saturating_sub(named.len()) {
            0 => named.join("; "),
            more => format!("{}; and {more} more", named.join("; ")),
        }
    }
}

impl fmt::Display for StopVerdict {
    /// `stopping ralph on DEMO-1 was denied to human:cli:ann: DEMO-1: review-not-passed (lane ralph)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.scope {
            StopScope::Daemon {} => "the daemon".to_owned(),
            StopScope::Lane { item } => format!("the lane on {}", item.identifier()),
        };
        let (by, gates) = (&self.by, self.gates());
        match &self.ruling {
            Ruling::Denied {} => write!(formatter, "stopping {what} was denied to {by}: {gates}"),
            Ruling::Overridden { reason } => {
                write!(formatter, "{by} stopped {what} all the same ({reason}): {gates}")
            }
            Ruling::Signalled {} => write!(formatter, "{what} was ended by a signal: {gates}"),
        }
    }
}

/// Verdicts that nobody has acknowledged yet, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdicts {
    /// With when they were given.
    pub open: Vec<(Timestamp, StopVerdict)>,
    /// Whether somebody has acknowledged them since the daemon started: until the next start, closures without evidence
    /// hold nobody back.
    pub acknowledged: bool,
}

impl Verdicts {
    /// Adds a verdict; it takes the place of an earlier one over the same.
    pub fn add(&mut self, verdict: StopVerdict, at: Timestamp) {
        self.open.retain(|(_, known)| known.scope != verdict.scope);
        self.open.push((at, verdict));
        if self.open.len() > MOST_VERDICTS {
            self.open.remove(0);
        }
    }
}

#[cfg(test)]
mod tests;
