//! Everything that has happened: the persisted vocabulary.
//!
//! Each variant is one event type (`work_item.claimed`) at one schema version. The stored form is the variant's data as
//! JSON; `store::codec` reads older versions. Never rename or repurpose: add a version and an upcaster.

use serde::{Deserialize, Serialize};

use super::agent::{Stage, TurnReport};
use super::change::{Change, CheckReport, Delivered, Workspace};
use super::closing::Deferral;
use super::epic::Part;
use super::failure::Failure;
use super::ids::{ItemId, RunId};
use super::item_record::{Hold, HumanReason};
use super::lane_session::LanePhase;
use super::prompt_record::PromptRecord;
use super::provider::AgentSwitch;
use super::pull_request::{Offer, PullRequest};
use super::run::{Interruption, Outcome, Phase, Reception, RunPlan};
use super::standing::Standing;
use super::stop_policy::StopVerdict;
use super::time::Timestamp;
use super::verdict::{CoderReport, Finding, Review, StageResult};
use super::work_item::change::ItemChange;
use super::work_item::{Lane, WorkItem};
use super::workflow::Workflow;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    // --- work/<item> ---
    /// The item was seen for the first time.
    #[serde(rename = "work_item.created")]
    ItemCreated {
        /// As the tracker has it.
        item: WorkItem,
        /// What an earlier log of the factory wrote down at the item and signed, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<Box<Standing>>,
    },
    /// The tracker's copy changed.
    #[serde(rename = "work_item.source_changed")]
    ItemChanged {
        /// What is different about it.
        change: ItemChange,
    },
    /// The tracker no longer has it.
    #[serde(rename = "work_item.withdrawn")]
    ItemWithdrawn {},
    /// A run took it.
    #[serde(rename = "work_item.claimed")]
    ItemClaimed {
        /// The run.
        run: RunId,
        /// Number of this attempt, from 1 (failed attempts + 1).
        attempt: u32,
        /// Fencing number of the item's lease.
        fence: u64,
        /// Who claimed: the daemon instance.
        owner: String,
    },
    /// A run gave it back without settling it; it may be claimed again when the hold ends.
    #[serde(rename = "work_item.released")]
    ItemReleased {
        /// The run.
        run: RunId,
        /// How the run ended.
        outcome: Outcome,
        /// What keeps it from being claimed again at once.
        hold: Option<Hold>,
        /// What the run left open; the next run inherits it.
        findings: Vec<Finding>,
    },
    /// It waits for a person.
    #[serde(rename = "work_item.human_requested")]
    ItemHumanRequested {
        /// The run that asked, if any.
        run: Option<RunId>,
        /// How that run ended, if one asked.
        outcome: Option<Outcome>,
        /// Why.
        reason: HumanReason,
        /// The sentence people read.
        question: String,
        /// What the run left open; the next run inherits it.
        findings: Vec<Finding>,
    },
    /// A person put it back to work.
    #[serde(rename = "work_item.human_answered")]
    ItemHumanAnswered {
        /// Who.
        by: String,
        /// What they said, if anything.
        answer: String,
    },
    /// Agents may not start on it before a person approves.
    #[serde(rename = "work_item.approval_requested")]
    ApprovalRequested {
        /// When the request lapses.
        expires: Timestamp,
    },
    /// A person approved the start.
    #[serde(rename = "work_item.approval_given")]
    ApprovalGiven {
        /// Who.
        by: String,
    },
    /// A person refused the start.
    #[serde(rename = "work_item.approval_refused")]
    ApprovalRefused {
        /// Who.
        by: String,
    },
    /// Nobody answered in time.
    #[serde(rename = "work_item.approval_expired")]
    ApprovalExpired {},
    /// It is settled.
    #[serde(rename = "work_item.resolved")]
    ItemResolved {
        /// The run that settled it, if any.
        run: Option<RunId>,
        /// How.
        outcome: Outcome,
        /// One sentence of evidence.
        evidence: String,
        /// Whether the result waits on a branch for people: nobody else's work can build on it yet.
        #[serde(default)]
        in_review: bool,
    },
    /// A person opened a settled item again.
    #[serde(rename = "work_item.reopened")]
    ItemReopened {
        /// Who.
        by: String,
    },
    /// A run's planner has divided it: its parts, which are items of their own, are to be done instead.
    #[serde(rename = "work_item.decomposed")]
    ItemDecomposed {
        /// The run.
        run: RunId,
        /// Why, in the planner's words.
        reason: String,
        /// The parts; each comes after those it depends on.
        parts: Vec<Part>,
        /// Whether a person has to agree before they are created.
        approval: bool,
    },
    /// A run's planner was asked and did not divide it: it is done in one piece, until its text changes.
    #[serde(rename = "work_item.kept_whole")]
    ItemKeptWhole {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// One of its parts is in the tracker.
    #[serde(rename = "work_item.part_created")]
    PartCreated {
        /// Number of the part, from 1.
        number: u32,
        /// The item it became.
        item: ItemId,
    },
    /// An update for its tracker was put into the outbox.
    #[serde(rename = "work_item.update_requested")]
    ItemUpdateRequested {
        /// Number of the update within the item's life.
        number: u32,
    },
    /// Its tracker took an update only in part.
    #[serde(rename = "work_item.update_refused")]
    ItemUpdateRefused {
        /// Number of the update within the item's life.
        number: u32,
        /// What was refused and why, with the service's own code.
        reason: String,
    },
    /// Its change is offered as a pull request, or the pull request was brought up to date.
    #[serde(rename = "work_item.offered")]
    ItemOffered {
        /// The pull request.
        offer: Offer,
    },
    /// Its pull request stands differently than when it was last read.
    #[serde(rename = "work_item.pull_request_read")]
    ItemPullRequestRead {
        /// As the forge has it, bounded. What people and checks wrote in it is untrusted text.
        pull_request: Box<PullRequest>,
    },
    /// Tokens, money and time of a finished turn were booked on the item.
    #[serde(rename = "work_item.charged")]
    ItemCharged {
        /// The run that spent it.
        run: RunId,
        /// The turn that spent it.
        turn: u32,
        /// What it used.
        usage: super::budget::Usage,
        /// Milliseconds it took.
        duration_ms: u64,
    },

    /// The tracker names an operator lane that nobody has started.
    #[serde(rename = "lane.proposed")]
    LaneProposed {
        /// Which.
        lane: Lane,
    },
    /// An operator lane was linked to the item, or goes on with it.
    #[serde(rename = "lane.started")]
    LaneStarted {
        /// Which.
        lane: Lane,
        /// Who.
        by: String,
    },
    /// The lane came to another phase.
    #[serde(rename = "lane.moved")]
    LaneMoved {
        /// Which.
        phase: LanePhase,
        /// Who.
        by: String,
        /// The evidence, or the reason.
        note: String,
    },
    /// Somebody reviewed what the lane has made.
    #[serde(rename = "lane.reviewed")]
    LaneReviewed {
        /// Who.
        by: String,
        /// Whether it is approved.
        approved: bool,
        /// Why.
        reason: String,
        /// Where the lane goes.
        phase: LanePhase,
    },
    /// The lane has nothing to do with the item any more.
    #[serde(rename = "lane.unlinked")]
    LaneUnlinked {
        /// Which.
        lane: Lane,
        /// Who.
        by: String,
    },
    /// It is finished and may not be closed without a person.
    #[serde(rename = "work_item.close_deferred")]
    CloseDeferred {
        /// Why not.
        deferral: Deferral,
    },
    /// A person said that the whole is finished.
    #[serde(rename = "work_item.close_acknowledged")]
    CloseAcknowledged {
        /// Who.
        by: String,
        /// Why it is.
        reason: String,
    },
    /// It was closed in its tracker without anybody saying so.
    #[serde(rename = "work_item.closure_unproven")]
    ClosureUnproven {
        /// Why somebody should have.
        deferral: Deferral,
    },

    // --- run/<uuid> ---
    /// A run began.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The run.
        run: RunId,
        /// The item it works on.
        item: ItemId,
        /// Number of this attempt at the item, from 1.
        attempt: u32,
        /// Fencing number of the item's lease.
        fence: u64,
        /// Everything it needs to know.
        plan: Box<RunPlan>,
        /// Findings an earlier run of the item left open.
        inherited: Vec<Finding>,
    },
    /// Its worktree exists.
    #[serde(rename = "run.workspace_ready")]
    WorkspaceReady {
        /// Where and on what base.
        workspace: Workspace,
        /// What the repository's own `WORKFLOW.md` asks for, where the operator lets it.
        #[serde(default)]
        workflow: Option<Box<Workflow>>,
    },
    /// An agent's process is about to be started; nothing was started before this was stored.
    #[serde(rename = "turn.started")]
    TurnStarted {
        /// Number within the run, from 1.
        turn: u32,
        /// What for.
        stage: Stage,
        /// In which round, from 1.
        round: u32,
        /// Name of the configured agent.
        agent: String,
        /// Model asked for.
        model: Option<String>,
        /// Whether that is the escalated one.
        escalated: bool,
        /// Session id we chose, or of the conversation that it goes on with.
        session: String,
        /// The turn whose conversation with the agent it goes on with, if it does.
        #[serde(default)]
        resumes: Option<u32>,
        /// Commit the worktree was at.
        head: String,
        /// One-time word a verdict must repeat; only for critic and auditor.
        nonce: Option<String>,
        /// What the agent was given.
        prompt: PromptRecord,
    },
    /// The turn ended, whichever way.
    #[serde(rename = "turn.finished")]
    TurnFinished {
        /// Number within the run.
        turn: u32,
        /// What is known of it.
        report: TurnReport,
        /// The branch afterwards; absent when git could not say.
        change: Option<Change>,
        /// Whether a read-only stage left the worktree or the head different: voids its verdict.
        tampered: bool,
    },
    /// The daemon went away during the turn.
    #[serde(rename = "turn.interrupted")]
    TurnInterrupted {
        /// Number within the run.
        turn: u32,
        /// How.
        cause: Interruption,
        /// Commit on a private ref that holds what was uncommitted, if anything was.
        salvaged: Option<String>,
    },
    /// The checks ran.
    #[serde(rename = "checks.finished")]
    ChecksFinished {
        /// Number of this execution within the run.
        execution: u32,
        /// The results.
        report: CheckReport,
    },
    /// The checks could not be run.
    #[serde(rename = "checks.unavailable")]
    ChecksUnavailable {
        /// Number of this execution within the run.
        execution: u32,
        /// Why.
        failure: Failure,
    },
    /// The critic gave a readable verdict on the head.
    #[serde(rename = "review.submitted")]
    ReviewSubmitted {
        /// The turn it came from.
        turn: u32,
        /// The review.
        review: Review,
    },
    /// What the coder said of its own turn, as far as it was readable.
    #[serde(rename = "coder.reported")]
    CoderReported {
        /// The turn it came from.
        turn: u32,
        /// What it said.
        report: CoderReport,
    },
    /// The auditor gave a readable verdict on the head.
    #[serde(rename = "audit.submitted")]
    AuditSubmitted {
        /// The turn it came from.
        turn: u32,
        /// The review.
        review: Review,
    },
    /// The planner divided the item.
    #[serde(rename = "division.submitted")]
    DivisionSubmitted {
        /// The turn it came from.
        turn: u32,
        /// Why, in the planner's words.
        reason: String,
        /// The parts; each comes after those it depends on.
        parts: Vec<Part>,
    },
    /// The planner's answer could not be used; it is told why and asked once more.
    #[serde(rename = "division.refused")]
    DivisionRefused {
        /// The turn it came from.
        turn: u32,
        /// Why.
        reason: String,
    },
    /// A stage that the run can do without is over.
    #[serde(rename = "stage.finished")]
    StageFinished {
        /// The turn it came from.
        turn: u32,
        /// Which stage.
        stage: Stage,
        /// What came of it.
        result: StageResult,
    },
    /// The run goes on to another phase than the usual one.
    #[serde(rename = "run.advanced")]
    RunAdvanced {
        /// Which.
        phase: Phase,
        /// The commit that checks and critic have accepted in this round so far.
        accepted: Option<String>,
    },
    /// A gate's turn (critic or auditor) gave no valid verdict: the gate did not run.
    #[serde(rename = "review.missing")]
    ReviewMissing {
        /// The turn that should have brought it.
        turn: u32,
        /// Why not.
        reason: String,
    },
    /// Another round is needed.
    #[serde(rename = "run.revision_requested")]
    RevisionRequested {
        /// The round that begins.
        round: u32,
        /// What the next round must answer.
        findings: Vec<Finding>,
    },
    /// Checks and critic agree; delivery may begin.
    #[serde(rename = "run.approved")]
    RunApproved {
        /// The commit to be delivered.
        head: String,
    },
    /// The run waits before trying the same step again.
    #[serde(rename = "run.waiting")]
    RunWaiting {
        /// Why.
        failure: Failure,
        /// Until when.
        until: Timestamp,
    },
    /// The daemon that drove the run went away; another took over.
    #[serde(rename = "run.interrupted")]
    RunInterrupted {
        /// How.
        cause: Interruption,
        /// The new fencing number of the item's lease.
        fence: u64,
    },
    /// The daemon that drove the run went away while an agent was at work; another goes on with that agent.
    #[serde(rename = "run.adopted")]
    RunAdopted {
        /// The turn that goes on.
        turn: u32,
        /// The new fencing number of the item's lease.
        fence: u64,
    },
    /// A person said something to the run.
    #[serde(rename = "run.instructed")]
    RunInstructed {
        /// Who.
        by: String,
        /// What.
        text: String,
        /// What became of it.
        reception: Reception,
    },
    /// People changed what the item asks for while the run was under way.
    #[serde(rename = "run.goal_changed")]
    RunGoalChanged {
        /// The title as it is now.
        title: String,
        /// The text as it is now.
        body: String,
    },
    /// Another agent than before does the run's next turns of a stage.
    #[serde(rename = "run.agent_switched")]
    AgentSwitched {
        /// Which stage.
        stage: Stage,
        /// From which agent to which, and why.
        switch: AgentSwitch,
    },
    /// Delivery succeeded.
    #[serde(rename = "run.delivered")]
    RunDelivered {
        /// What was done.
        delivered: Delivered,
    },
    /// Delivery failed; the work itself stays approved.
    #[serde(rename = "run.delivery_failed")]
    DeliveryFailed {
        /// Number of this try within the run.
        execution: u32,
        /// Why.
        failure: Failure,
    },
    /// A result arrived that no longer counts; kept as evidence.
    #[serde(rename = "run.late_result")]
    LateResult {
        /// What it was.
        effect: String,
        /// Why it does not count.
        reason: String,
    },
    /// The run is over.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How.
        outcome: Outcome,
        /// One sentence for people.
        detail: String,
        /// What its last round left open.
        findings: Vec<Finding>,
    },
    /// Its worktree was dealt with.
    #[serde(rename = "run.cleaned")]
    RunCleaned {
        /// Whether the worktree is still there.
        kept: bool,
        /// Commit on a private ref that holds what was uncommitted, if anything was.
        salvaged: Option<String>,
    },

    // --- ops/daemon ---
    /// A daemon took the state directory.
    #[serde(rename = "ops.daemon_started")]
    DaemonStarted {
        /// Its instance id.
        instance: String,
        /// Its version.
        version: String,
        /// Increases by one per start.
        epoch: u64,
    },
    /// It stopped in order.
    #[serde(rename = "ops.daemon_stopped")]
    DaemonStopped {
        /// Its instance id.
        instance: String,
    },
    /// No new runs until resumed.
    #[serde(rename = "ops.paused")]
    Paused {
        /// Who.
        by: String,
    },
    /// New runs again.
    #[serde(rename = "ops.resumed")]
    Resumed {
        /// Who.
        by: String,
    },
    /// Both pace caps are raised until then.
    #[serde(rename = "ops.turbo_set")]
    TurboSet {
        /// Who.
        by: String,
        /// Absent: turbo is off.
        until: Option<Timestamp>,
    },
    /// The provider of an agent does not let it in: whoever needs it waits until somebody has signed it in.
    #[serde(rename = "ops.agent_refused")]
    AgentRefused {
        /// Name of the configured agent.
        agent: String,
        /// The run that found out.
        run: RunId,
        /// Its turn.
        turn: u32,
        /// What the agent said.
        message: String,
    },
    /// Somebody says that a refused agent is signed in: one turn tries.
    #[serde(rename = "ops.agent_cleared")]
    AgentCleared {
        /// Name of the configured agent.
        agent: String,
        /// Who.
        by: String,
    },
    /// A turn has shown that an agent is let in again.
    #[serde(rename = "ops.agent_accepted")]
    AgentAccepted {
        /// Name of the configured agent.
        agent: String,
    },
    /// Stages that name no agent of their own are done by this one.
    #[serde(rename = "ops.provider_set")]
    ProviderSet {
        /// Who.
        by: String,
        /// Name of the configured agent. Absent: the configuration's default again.
        provider: Option<String>,
    },
    /// Somebody in a chat asked for something. Stored together with what it changed, so that it counts once.
    #[serde(rename = "ops.command_received")]
    CommandReceived {
        /// Who (`human:discord:<id>`).
        by: String,
        /// What they may do at most; empty when nothing.
        level: String,
        /// The channel, by its number.
        channel: String,
        /// The message or interaction, by its number.
        message: String,
        /// What was asked, bounded and without secrets.
        text: String,
        /// Whether it was carried out.
        accepted: bool,
        /// What came of it; empty for a question.
        outcome: String,
    },
    /// The answer to that was sent.
    #[serde(rename = "ops.command_answered")]
    CommandAnswered {
        /// The channel.
        channel: String,
        /// The message or interaction.
        message: String,
    },
    /// Everything in a channel up to a message was read.
    #[serde(rename = "ops.channel_read")]
    ChannelRead {
        /// The channel.
        channel: String,
        /// The message.
        message: String,
    },
    /// The report about a run or an item has its place.
    #[serde(rename = "ops.report_posted")]
    ReportPosted {
        /// The run's or the item's id.
        subject: String,
        /// The channel.
        channel: String,
        /// The card.
        message: String,
        /// The run's thread; empty where there is none.
        thread: String,
    },
    /// That report will not change any more.
    #[serde(rename = "ops.report_closed")]
    ReportClosed {
        /// The run's or the item's id.
        subject: String,
    },
    /// Somebody wanted to stop while something was open.
    #[serde(rename = "ops.stop_judged")]
    StopJudged {
        /// The verdict.
        verdict: StopVerdict,
    },
    /// Somebody has seen the verdicts.
    #[serde(rename = "ops.stop_acknowledged")]
    StopAcknowledged {
        /// Who.
        by: String,
        /// Why it may stay like that, if they said so.
        reason: String,
    },
}
