//! Everything that may be asked of the factory, by whichever surface.

use serde::{Deserialize, Serialize};

use super::lane_session::LanePhase;
use super::work_item::Lane;

/// A wish of a person (or of a program acting for one). Authorisation happens at the door, before this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// Let agents start on an item that waits for approval.
    Approve {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
    },
    /// Refuse an item that waits for approval.
    Reject {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
    },
    /// Stop a run, or give up an item.
    Cancel {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
    },
    /// Put an item that failed, was rejected or waits for a person back to work.
    Retry {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// What the person wants the next run to know.
        note: String,
    },
    /// Give the agent of a run an instruction now, or for its next turn.
    Steer {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// The instruction.
        text: String,
    },
    /// Tell a run something for its next turn.
    FollowUp {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// What it has to know.
        text: String,
    },
    /// Start no new runs.
    Pause,
    /// Start new runs again.
    Resume,
    /// Raise both pace caps for some hours, or stop doing so.
    Turbo {
        /// Hours from now; 0 turns it off.
        hours: u32,
    },
    /// Somebody has signed a refused agent in: try it again.
    AgentOk {
        /// Its configured name.
        agent: String,
    },
    /// Let another agent do the coming turns of every stage that names none of its own.
    SetProvider {
        /// Name of the configured agent; absent: the configuration's default again.
        provider: Option<String>,
    },
    /// Look at trackers and plan now instead of at the next tick.
    Heartbeat,
    /// Something about an operator lane.
    Lane {
        /// What.
        order: LaneOrder,
    },
    /// Say that an item which only a person may close is finished as a whole.
    AcknowledgeClose {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// Why it is.
        reason: String,
    },
    /// Stop the daemon, unless something is open.
    Stop {
        /// Why it may stop all the same.
        override_reason: Option<String>,
    },
    /// The verdicts of the stop policy were seen.
    StopAcknowledge {
        /// Why it may stay like that, if somebody says so.
        reason: String,
    },
    /// Do one task in a repository.
    Submit {
        /// The task.
        task: Task,
    },
}

/// What may be asked of an operator lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LaneOrder {
    /// Link it to an item, or go on after a stop.
    Start {
        /// Which lane.
        lane: Lane,
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
    },
    /// Take the link away.
    Unlink {
        /// The word of a lane, or what an item is called.
        target: String,
    },
    /// Go to the next phase.
    Advance {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// Which phase.
        phase: LanePhase,
        /// What proves that the phase before is over.
        evidence: String,
    },
    /// Say whether the work is good.
    Review {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// Whether it is approved.
        approved: bool,
        /// Who says so; absent: whoever sends the command.
        by: Option<String>,
        /// Why.
        reason: String,
    },
    /// Stop, unless something is open.
    Stop {
        /// Item identifier, `source/identifier`, or a run id.
        target: String,
        /// Why it may stop all the same.
        override_reason: Option<String>,
    },
}

/// A one-off task given on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Identifier chosen by the caller; submitting it twice is submitting it once.
    pub identifier: String,
    /// What to do.
    pub text: String,
    /// Absolute path of the repository.
    pub path: String,
    /// Skip the critic.
    pub coder_only: bool,
    /// With tester and documenter, also where they are not switched on.
    #[serde(default)]
    pub full_pipeline: bool,
    /// Model for the coder, instead of the configured one.
    pub model: Option<String>,
}
