//! What surfaces may see of operator lanes, of closes that wait for a person, and of the stop policy's verdicts.

use serde::Serialize;

use crate::domain::closing::Closing;
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;
use crate::domain::lane_session::LanePhase;
use crate::domain::stop_policy::{Gate, Ruling, StopScope, StopVerdict, Unmet};
use crate::domain::time::Timestamp;

use super::Engine;

/// Everything about lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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

/// A lane that a tracker names and nobody has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalView {
    /// The item.
    pub item: ItemId,
    /// The lane.
    pub lane: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// What starts it.
    pub command: String,
}

/// A lane that is linked to an item, or was when it was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The item.
    pub item: ItemId,
    /// The lane.
    pub lane: &'static str,
    /// Where it stands.
    pub phase: &'static str,
    /// Who linked it.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// When it came to its phase.
    pub changed: Timestamp,
    /// What proves that the work is made.
    pub evidence: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Why it was rejected, the newest first.
    pub findings: Vec<String>,
    /// Whether its tracker is still to be written.
    pub pushes_pending: bool,
    /// What comes next.
    pub next: String,
}

/// A close that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerView {
    /// The item.
    pub item: ItemId,
    /// `close-deferred` or `closure-evidence-missing`.
    pub gate: &'static str,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// What settles it.
    pub command: String,
}

/// A judged wish to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// When.
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

/// What was open when somebody wanted to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnmetView {
    /// The item.
    pub item: ItemId,
    /// What was open.
    pub gate: &'static str,
    /// What satisfies it.
    pub remedy: String,
    /// Whether it still is.
    pub still_open: bool,
}

impl Engine {
    /// Everything about lanes.
    pub(super) fn lanes_view(&self) -> LanesView {
        let records = || self.items.values().filter(|record| record.present);
        let is_linked =
            |record: &&ItemRecord| record.session.as_ref().is_some_and(|it| it.is_linked());
        let unmet = self.unmet();
        let verdicts = &self.ops.verdicts;
        LanesView {
            proposals: records().filter_map(|record| self.proposal(record)).collect(),
            sessions: records()
                .filter(is_linked)
                .filter_map(|record| self.session_view(&record.item.id))
                .collect(),
            ledger: records().filter_map(|record| self.ledger_view(record)).collect(),
            verdicts: verdicts.open.iter().map(|(at, it)| verdict_view(*at, it, &unmet)).collect(),
        }
    }

    fn proposal(&self, record: &ItemRecord) -> Option<ProposalView> {
        let proposal = record.proposal.as_ref().filter(|_| !record.status.is_settled())?;
        let (item, lane) = (record.item.id.clone(), proposal.lane.word());
        let command = format!("enact-factory lane start {lane} {}", item.identifier());
        Some(ProposalView { item, lane, since: proposal.since, command })
    }

    /// The lane that an item has, or had when it was completed.
    pub(super) fn session_view(&self, id: &ItemId) -> Option<SessionView> {
        let record = self.items.get(id)?;
        let session = record.session.as_ref()?;
        let pushes_pending = self.outbox.update_open(id);
        let (lane, name) = (session.lane.word(), id.identifier());
        let next = match session.phase {
            LanePhase::Completed => String::new(),
            LanePhase::Stopped => format!("enact-factory lane start {lane} {name}"),
            LanePhase::Running | LanePhase::Verifying | LanePhase::Review => self
                .unmet_of(id)
                .into_iter()
                .find(|it| it.gate != Gate::PushesPending)
                .map(|it| it.remedy())
                .unwrap_or_default(),
        };
        Some(SessionView {
            item: id.clone(),
            lane,
            phase: session.phase.word(),
            by: session.by.clone(),
            since: session.since,
            changed: session.changed,
            evidence: session.evidence.clone(),
            approved_by: session.approved_by.clone(),
            findings: session.findings.clone(),
            pushes_pending,
            next,
        })
    }

    /// The close of an item that waits for a person, unless somebody has seen that and lets it be for now.
    pub(super) fn ledger_view(&self, record: &ItemRecord) -> Option<LedgerView> {
        let (gate, deferral, since) = match &record.closing {
            Closing::Deferred { deferral, since } => (Gate::CloseDeferred, deferral, *since),
            Closing::Unproven { .. } if self.ops.verdicts.acknowledged => return None,
            Closing::Unproven { deferral, since } => {
                (Gate::ClosureEvidenceMissing, deferral, *since)
            }
            Closing::Free | Closing::Acknowledged { .. } => return None,
        };
        let item = record.item.id.clone();
        let unmet = Unmet { item: item.clone(), lane: None, gate };
        let (reason, command) = (deferral.to_string(), unmet.remedy());
        Some(LedgerView { item, gate: gate.word(), reason, since, command })
    }
}

fn verdict_view(at: Timestamp, verdict: &StopVerdict, open: &[Unmet]) -> VerdictView {
    let unmet = verdict.unmet.iter().map(|unmet| UnmetView {
        item: unmet.item.clone(),
        gate: unmet.gate.word(),
        remedy: unmet.remedy(),
        still_open: open.iter().any(|it| it.item == unmet.item && it.gate == unmet.gate),
    });
    VerdictView {
        at,
        item: match &verdict.scope {
            StopScope::Daemon {} => None,
            StopScope::Lane { item } => Some(item.clone()),
        },
        ruling: verdict.ruling.clone(),
        by: verdict.by.clone(),
        text: verdict.to_string(),
        unmet: unmet.collect(),
    }
}
