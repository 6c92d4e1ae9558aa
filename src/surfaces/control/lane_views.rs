//! Operator lanes, closes that wait for a person, and verdicts of the stop policy, as they go over the socket.

use serde::{Deserialize, Serialize};

use crate::domain::ids::ItemId;
use crate::domain::stop_policy::Ruling;
use crate::domain::time::Timestamp;
use crate::runtime::engine;

/// Everything about lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LanesView {
    /// Lanes that trackers name and nobody has started.
    pub proposals: Vec<ProposalView>,
    /// Lanes that are linked to an item.
    pub sessions: Vec<SessionView>,
    /// Closes that wait for a person.
    pub ledger: Vec<LedgerView>,
    /// Verdicts that nobody has acknowledged.
    pub verdicts: Vec<VerdictView>,
}

impl From<engine::LanesView> for LanesView {
    fn from(view: engine::LanesView) -> Self {
        Self {
            proposals: view.proposals.into_iter().map(ProposalView::from).collect(),
            sessions: view.sessions.into_iter().map(SessionView::from).collect(),
            ledger: view.ledger.into_iter().map(LedgerView::from).collect(),
            verdicts: view.verdicts.into_iter().map(VerdictView::from).collect(),
        }
    }
}

/// A lane that a tracker names and nobody has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalView {
    /// The item.
    pub item: ItemId,
    /// The lane.
    pub lane: String,
    /// Since when.
    #[serde(with = "super::views::instant")]
    pub since: Timestamp,
    /// What starts it.
    pub command: String,
}

impl From<engine::ProposalView> for ProposalView {
    fn from(view: engine::ProposalView) -> Self {
        let engine::ProposalView { item, lane, since, command } = view;
        Self { item, lane: lane.to_owned(), since, command }
    }
}

/// A lane that is linked to an item, or was when it was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The item.
    pub item: ItemId,
    /// The lane.
    pub lane: String,
    /// Where it stands.
    pub phase: String,
    /// Who linked it.
    pub by: String,
    /// When.
    #[serde(with = "super::views::instant")]
    pub since: Timestamp,
    /// When it came to its phase.
    #[serde(with = "super::views::instant")]
    pub changed: Timestamp,
    /// Whether the work is made (seed 001: `implementationComplete`).
    pub implementation_complete: bool,
    /// Whether it is approved (seed 001: `reviewPassed`).
    pub review_passed: bool,
    /// What proves that the work is made.
    pub evidence: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Why it was rejected, the newest first.
    pub findings: Vec<String>,
    /// Whether its tracker is still to be written.
    pub pushes_pending: bool,
    /// What comes next; empty when nothing does.
    pub next: String,
}

impl From<engine::SessionView> for SessionView {
    fn from(view: engine::SessionView) -> Self {
        Self {
            item: view.item,
            lane: view.lane.to_owned(),
            phase: view.phase.to_owned(),
            by: view.by,
            since: view.since,
            changed: view.changed,
            implementation_complete: view.evidence.is_some(),
            review_passed: view.approved_by.is_some(),
            evidence: view.evidence,
            approved_by: view.approved_by,
            findings: view.findings,
            pushes_pending: view.pushes_pending,
            next: view.next,
        }
    }
}

/// A close that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    /// The item.
    pub item: ItemId,
    /// `close-deferred` or `closure-evidence-missing`.
    pub gate: String,
    /// Why.
    pub reason: String,
    /// Since when.
    #[serde(with = "super::views::instant")]
    pub since: Timestamp,
    /// What settles it.
    pub command: String,
}

impl From<engine::LedgerView> for LedgerView {
    fn from(view: engine::LedgerView) -> Self {
        let engine::LedgerView { item, gate, reason, since, command } = view;
        Self { item, gate: gate.to_owned(), reason, since, command }
    }
}

/// A judged wish to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictView {
    /// When.
    #[serde(with = "super::views::instant")]
    pub at: Timestamp,
    /// The item whose lane was to be stopped; absent: the daemon.
    pub item: Option<ItemId>,
    /// What became of it.
    pub ruling: Ruling,
    /// Who wanted it.
    pub by: String,
    /// All of it as one sentence.
    pub text: String,
    /// What was open.
    pub unmet: Vec<UnmetView>,
}

impl From<engine::VerdictView> for VerdictView {
    fn from(view: engine::VerdictView) -> Self {
        let engine::VerdictView { at, item, ruling, by, text, unmet } = view;
        let unmet = unmet.into_iter().map(UnmetView::from).collect();
        Self { at, item, ruling, by, text, unmet }
    }
}

/// What was open when somebody wanted to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmetView {
    /// The item.
    pub item: ItemId,
    /// What was open.
    pub gate: String,
    /// What satisfies it.
    pub remedy: String,
    /// Whether it still is.
    pub still_open: bool,
}

impl From<engine::UnmetView> for UnmetView {
    fn from(view: engine::UnmetView) -> Self {
        let engine::UnmetView { item, gate, remedy, still_open } = view;
        Self { item, gate: gate.to_owned(), remedy, still_open }
    }
}
