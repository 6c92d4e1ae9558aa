//! What the factory knows of a work item: the fold of its `work/<item>` stream.

use serde::{Deserialize, Serialize};

use super::budget::ItemSpend;
use super::closing::Closing;
use super::epic::Epic;
use super::event::Event;
use super::failure::FailureClass;
use super::ids::RunId;
use super::lane_session::{LaneProposal, LaneSession};
use super::pull_request::Offered;
use super::run::Outcome;
use super::time::Timestamp;
use super::verdict::Finding;
use super::work_item::{ItemState, WorkItem};

mod approvals;
mod epics;
mod lanes;
mod offers;
mod restoring;
mod settling;

/// Who opens an item again because of what people or checks say at its pull request. Nothing is forgiven by that.
pub const FOLLOW_UP: &str = "system:pull-request";

/// Execution status, in agent-state's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// May be claimed (if no gate holds it).
    Pending,
    /// A run has it.
    InFlight,
    /// A person must act.
    WaitingHuman,
    /// Settled well.
    Done,
    /// Settled badly.
    Failed,
    /// Given up by a person or its tracker.
    Cancelled,
}

impl ItemStatus {
    /// The word in the `work_items` view and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::WaitingHuman => "waiting_human",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether only a person can bring it back.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Done | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::InFlight | Self::WaitingHuman => false,
        }
    }
}

/// Why an item may not be claimed before some instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What kind of trouble made us wait.
    pub class: FailureClass,
    /// When it may be claimed again.
    pub until: Timestamp,
    /// The sentence people read.
    pub reason: String,
}

/// Why a person is needed (agent-state's block classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HumanReason {
    /// An agent is not logged in.
    NeedsCredentials,
    /// A lifetime ceiling is reached.
    PolicyBudget,
    /// Something in the configuration or the repository must be put right.
    InfraPermanent,
    /// The critic rejected the work.
    CriticRejected,
    /// The branch cannot be merged, or the merged tree fails its checks.
    MergeConflict,
    /// The same phase went down with the daemon twice.
    CrashedTwice,
    /// The agent needs an answer or more information.
    NeedsInfo,
    /// A part of the item failed, was given up or is gone.
    PartLost,
    /// It is finished, and only a person may close it.
    CloseDeferred,
}

impl HumanReason {
    /// The word in the `blocked_class` column and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NeedsCredentials => "needs_credentials",
            Self::PolicyBudget => "policy_budget",
            Self::InfraPermanent => "infra_permanent",
            Self::CriticRejected => "critic_rejected",
            Self::MergeConflict => "merge_conflict",
            Self::CrashedTwice => "crashed_twice",
            Self::NeedsInfo => "needs_info",
            Self::PartLost => "part_lost",
            Self::CloseDeferred => "close_deferred",
        }
    }
}

/// Whether agents may start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Approval {
    /// Nobody was asked.
    #[default]
    NotRequested,
    /// Someone was asked.
    Requested {
        /// When.
        at: Timestamp,
        /// When the request lapses.
        expires: Timestamp,
    },
    /// Someone said yes.
    Given {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Someone said no.
    Refused {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Nobody answered in time.
    Expired {
        /// When.
        at: Timestamp,
    },
}

/// What waits for a person, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HumanRequest {
    /// Why.
    pub reason: HumanReason,
    /// The sentence people read.
    pub question: String,
    /// Since when.
    pub since: Timestamp,
}

/// Fold of a work item's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// As the tracker has it.
    pub item: WorkItem,
    /// Whether the tracker still has it.
    pub present: bool,
    /// Where execution stands.
    pub status: ItemStatus,
    /// First seen.
    pub created: Timestamp,
    /// Last event.
    pub updated: Timestamp,
    /// What it used up.
    pub spend: ItemSpend,
    /// Infrastructure failures in a row, for the back-off.
    pub infra_failures: u32,
    /// What keeps it from being claimed.
    pub hold: Option<Hold>,
    /// Approval to start.
    pub approval: Approval,
    /// What waits for a person.
    pub human: Option<HumanRequest>,
    /// The run that has it.
    pub run: Option<RunId>,
    /// The run that had it last.
    pub last_run: Option<RunId>,
    /// How that one ended.
    pub last_outcome: Option<Outcome>,
    /// Highest fencing number its lease ever had.
    pub fence: u64,
    /// Whether its result waits on a branch for people; over when its tracker says Done, or when it is opened again.
    #[serde(default)]
    pub in_review: bool,
    /// What it was divided into.
    #[serde(default)]
    pub epic: Option<Epic>,
    /// Why it is done in one piece although it may be too large: what a planner said of this very text.
    #[serde(default)]
    pub whole: Option<String>,
    /// Runs in a row that went on with its pull request without anybody having asked for it.
    #[serde(default)]
    pub follow_ups: u32,
    /// Its pull request, if its change is or was offered as one.
    #[serde(default)]
    pub offered: Option<Box<Offered>>,
    /// Updates sent to its tracker so far.
    pub updates: u32,
    /// What its tracker refused of an update, until its state changes.
    #[serde(default)]
    pub refusal: Option<String>,
    /// Approved changes in a row that could not be delivered.
    pub delivery_failures: u32,
    /// What the last run left open.
    pub findings: Vec<Finding>,
    /// What people want the next run to know.
    pub notes: Vec<String>,
    /// The operator lane that its tracker names and nobody has started.
    #[serde(default)]
    pub proposal: Option<LaneProposal>,
    /// The operator lane that is linked to it, or was when it was completed.
    #[serde(default)]
    pub session: Option<LaneSession>,
    /// Whether only a person may close it.
    #[serde(default)]
    pub closing: Closing,
}

impl ItemRecord {
    /// The record after an item's first event; nothing for any other event.
    #[must_use]
    pub fn first(event: &Event, at: Timestamp) -> Option<Self> {
        let Event::ItemCreated { item, standing } = event else { return None };
        let status = if item.state.is_terminal() {
            if item.state == ItemState::Done { ItemStatus::Done } else { ItemStatus::Cancelled }
        } else {
            ItemStatus::Pending
        };
        let mut record = Self {
            item: item.clone(),
            present: true,
            status,
            created: at,
            updated: at,
            spend: ItemSpend::default(),
            infra_failures: 0,
            hold: None,
            approval: Approval::NotRequested,
            human: None,
            run: None,
            last_run: None,
            last_outcome: None,
            fence: 0,
            in_review: false,
            epic: None,
            whole: None,
            follow_ups: 0,
            offered: None,
            updates: 0,
            refusal: None,
            delivery_failures: 0,
            findings: Vec::new(),
            notes: Vec::new(),
            proposal: None,
            session: None,
            closing: Closing::Free,
        };
        if let Some(standing) = standing {
            record.restore(standing);
        }
        Some(record)
    }

    fn seen(&mut self, item: WorkItem) {
        self.void_approval_of(&item);
        if self.item.title != item.title || self.item.body != item.body {
            self.whole = None;
        }
        self.in_review &= !item.state.is_terminal();
        if self.proposal.as_ref().is_some_and(|it| it.lane != item.lane) {
            self.proposal = None;
        }
        self.item = item;
        self.present = true;
    }

    /// Takes one event into account. Total: events that do not concern items change nothing but `updated`.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.updated = at;
        self.evolve_epic(event, at);
        match event {
            Event::ItemCreated { item, .. } => self.seen(item.clone()),
            Event::ItemChanged { change } => {
                let mut item = self.item.clone();
                change.apply(&mut item);
                if change.state.is_some() {
                    self.refusal = None;
                }
                self.seen(item);
            }
            Event::ItemWithdrawn {} => self.present = false,
            Event::ItemClaimed { run, fence, .. } => self.claim(*run, *fence),
            Event::ItemReleased { outcome, hold, findings, .. } => {
                self.status = ItemStatus::Pending;
                self.leave_run(outcome);
                self.hold = hold.clone();
                self.findings.clone_from(findings);
            }
            Event::ItemHumanRequested { outcome, reason, question, findings, .. } => {
                self.status = ItemStatus::WaitingHuman;
                if let Some(outcome) = outcome {
                    self.leave_run(outcome);
                    self.findings.clone_from(findings);
                }
                self.human =
                    Some(HumanRequest { reason: *reason, question: question.clone(), since: at });
            }
            Event::ItemHumanAnswered { answer, .. } => {
                self.free();
                if !answer.trim().is_empty() {
                    self.notes.push(answer.clone());
                }
            }
            Event::ItemReopened { by } if by == FOLLOW_UP => self.follow_up(),
            Event::ItemReopened { .. } => self.free(),
            Event::ItemResolved { outcome, in_review, .. } => self.resolve(outcome, *in_review),
            Event::ItemOffered { offer } => self.offer(offer),
            Event::ItemUpdateRefused { reason, .. } => self.refusal = Some(reason.clone()),
            Event::ItemPullRequestRead { pull_request } => self.read_pull_request(pull_request),
            Event::ItemUpdateRequested { number } => self.updates = self.updates.max(*number),
            Event::ItemCharged { usage, duration_ms, .. } => {
                self.spend.usage += *usage;
                self.spend.turns = self.spend.turns.saturating_add(1);
                self.spend.wall_ms = self.spend.wall_ms.saturating_add(*duration_ms);
            }
            other => {
                self.evolve_approval(other, at);
                self.evolve_epic(other, at);
                self.evolve_lane(other, at);
            }
        }
    }
}

#[cfg(test)]
mod tests;
