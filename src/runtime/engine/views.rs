//! What surfaces may see of the engine: plain values, no decisions.

use serde::Serialize;

use crate::domain::agent::Stage;
use crate::domain::budget::Usage;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::{Approval, HumanRequest, ItemRecord};
use crate::domain::ops::Login;
use crate::domain::provider::{AgentSwitch, SwitchReason};
use crate::domain::pull_request::PullRequest;
use crate::domain::time::Timestamp;
use crate::pipeline::state::RunState;

use super::super::hints::Deliveries;
use super::Engine;
use super::drain::WriteView;
use super::lane_views::{LanesView, LedgerView, SessionView};
use super::provider::ProviderView;

/// A run, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its short id.
    pub short: String,
    /// The item it works on.
    pub item: ItemId,
    /// What it is doing.
    pub phase: &'static str,
    /// Round and most rounds.
    pub round: u32,
    /// Rounds it may have.
    pub max_rounds: u32,
    /// Number of this attempt at the item.
    pub attempt: u32,
    /// The agent at work or last at work.
    pub agent: Option<String>,
    /// Stages whose turns another agent does than they were configured with.
    pub switches: Vec<SwitchView>,
    /// Agent turns so far.
    pub turns: usize,
    /// What they used.
    pub usage: Usage,
    /// When it began.
    pub started: Timestamp,
    /// Why it waits, and until when.
    pub waiting: Option<(String, Timestamp)>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its worktree.
    pub worktree: Option<String>,
    /// What it has changed.
    pub change: Option<String>,
    /// How it ended.
    pub outcome: Option<&'static str>,
    /// One sentence about that.
    pub detail: String,
}

/// Another agent than configured does a stage's turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwitchView {
    /// The stage.
    pub stage: &'static str,
    /// The agent whose turns they are by rights.
    pub from: String,
    /// The agent that does them.
    pub to: String,
    /// All that as a sentence, with the reason.
    pub reason: String,
    /// When they go back, if that is known.
    pub until: Option<Timestamp>,
}

/// A work item, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemView {
    /// Its id.
    pub id: ItemId,
    /// One line.
    pub title: String,
    /// Execution status, in agent-state's words.
    pub status: &'static str,
    /// What its tracker says.
    pub state: &'static str,
    /// Order of importance.
    pub priority: &'static str,
    /// Who drives it.
    pub lane: &'static str,
    /// Failed attempts that counted.
    pub attempts: u32,
    /// What it used.
    pub usage: Usage,
    /// What the planner says: chosen, running, held by which gate until what.
    pub decision: String,
    /// What waits for a person.
    pub question: Option<String>,
    /// Why a person is needed.
    pub question_class: Option<&'static str>,
    /// Whether somebody was asked to approve it and has not answered.
    pub awaits_approval: bool,
    /// The run that has it.
    pub run: Option<RunId>,
    /// How its last run ended.
    pub last_outcome: Option<&'static str>,
    /// What its tracker refused, though it took the rest.
    pub refusal: Option<String>,
    /// Its pull request.
    pub pull_request: Option<PullRequestView>,
}

/// A pull request of ours, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullRequestView {
    /// Where people look at it.
    pub url: String,
    /// Its number on the forge.
    pub number: u64,
    /// How it stands, in a few words.
    pub standing: String,
}

/// The whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// When.
    pub at: Timestamp,
    /// Who paused intake.
    pub paused_by: Option<String>,
    /// Until when both pace caps are raised.
    pub turbo_until: Option<Timestamp>,
    /// Runs that are not over.
    pub runs: Vec<RunView>,
    /// Items, open ones first.
    pub items: Vec<ItemView>,
    /// Tokens and money since UTC midnight.
    pub spent_today: Usage,
    /// What is wrong with trackers' files.
    pub problems: Vec<String>,
    /// Agents that cannot be used, and why.
    pub unavailable_agents: Vec<(String, String)>,
    /// Agents that their providers do not let in.
    pub refused_agents: Vec<RefusedAgent>,
    /// Effects waiting or under way.
    pub open_effects: usize,
    /// Updates for trackers that are still to be written or were given up.
    pub writes: Vec<WriteView>,
    /// The default provider, and the agents there are.
    pub provider: ProviderView,
    /// What has come to the daemon's port; `None` when it listens to none.
    pub deliveries: Option<Deliveries>,
    /// Operator lanes, closes that wait for a person, and verdicts of the stop policy.
    pub lanes: LanesView,
}

/// An agent that its provider does not let in, or did not when it was asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedAgent {
    /// Its name.
    pub name: String,
    /// What it said.
    pub reason: String,
    /// Since when it is refused, or is to be tried again.
    pub since: Timestamp,
    /// Whether somebody says that it is signed in: one run tries it.
    pub trying: bool,
}

/// A run as people see it.
#[must_use]
pub(super) fn run_view(state: &RunState) -> RunView {
    RunView {
        id: state.id,
        short: state.id.short(),
        item: state.item.clone(),
        phase: state.phase.word(),
        round: state.round,
        max_rounds: state.plan.max_rounds,
        attempt: state.attempt,
        agent: state.turns.last().map(|turn| turn.agent.clone()),
        switches: state
            .switches
            .iter()
            .map(|(stage, switch)| switch_view(*stage, switch))
            .collect(),
        turns: state.turns.len(),
        usage: state.usage,
        started: state.started,
        waiting: state
            .waiting
            .as_ref()
            .map(|waiting| (waiting.failure.message.clone(), waiting.until)),
        branch: state.workspace.as_ref().map(|workspace| workspace.branch.clone()),
        worktree: state.workspace.as_ref().map(|workspace| workspace.path.clone()),
        change: state.change.as_ref().map(crate::domain::change::Change::stat),
        outcome: state.outcome.as_ref().map(crate::domain::run::Outcome::word),
        detail: state.detail.clone(),
    }
}

fn switch_view(stage: Stage, switch: &AgentSwitch) -> SwitchView {
    SwitchView {
        stage: stage.word(),
        from: switch.from.clone(),
        to: switch.to.clone(),
        reason: switch.to_string(),
        until: match switch.reason {
            SwitchReason::Failover { until, .. } => until,
            SwitchReason::Provider { .. } | SwitchReason::Own {} => None,
        },
    }
}

/// An item as people see it, with what the planner decided about it.
#[must_use]
pub(super) fn item_view(record: &ItemRecord, decision: String) -> ItemView {
    let human: Option<&HumanRequest> = record.human.as_ref();
    ItemView {
        id: record.item.id.clone(),
        title: record.item.title.clone(),
        status: record.status.word(),
        state: record.item.state.label(),
        priority: record.item.priority.word(),
        lane: record.item.lane.word(),
        attempts: record.spend.attempts,
        usage: record.spend.usage,
        decision,
        question: human.map(|request| request.question.clone()),
        question_class: human.map(|request| request.reason.word()),
        awaits_approval: matches!(record.approval, Approval::Requested { .. }),
        run: record.run,
        last_outcome: record.last_outcome.as_ref().map(crate::domain::run::Outcome::word),
        refusal: record.refusal.clone(),
        pull_request: record.offered.as_deref().map(|offered| PullRequestView {
            url: offered.offer.url.clone(),
            number: offered.offer.number,
            standing: offered.seen.as_ref().map_or("not read yet".to_owned(), PullRequest::words),
        }),
    }
}

impl Engine {
    /// The whole picture at `now`. Decisions are those of the last planning.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        let mut items: Vec<&ItemRecord> = self.items.values().collect();
        items.sort_by_key(|record| (record.status.is_settled(), record.item.priority));
        Status {
            at: now,
            paused_by: self.ops.paused_by.clone(),
            turbo_until: self.ops.turbo_until.filter(|until| now < *until),
            runs: self
                .runs
                .values()
                .filter(|state| state.outcome.is_none())
                .map(|state| self.run_view(state, now))
                .collect(),
            items: items
                .into_iter()
                .map(|record| item_view(record, self.decision_about(&record.item.id)))
                .collect(),
            spent_today: self.spent.today(now),
            problems: self.problems.values().flatten().cloned().collect(),
            unavailable_agents: self
                .unavailable_agents
                .iter()
                .map(|(name, why)| (name.clone(), why.clone()))
                .collect(),
            refused_agents: self.refused_agents(),
            open_effects: self.outbox.len(),
            writes: self.writes(None),
            provider: self.provider_view(now),
            deliveries: None,
            lanes: self.lanes_view(),
        }
    }

    /// A run as people see it; one that waits for its agent to be signed in says what is to be done now.
    fn run_view(&self, state: &RunState, now: Timestamp) -> RunView {
        let mut view = run_view(state);
        let waits_for_login = state
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.failure.class == FailureClass::Authentication);
        if let (true, Some((reason, _))) = (waits_for_login, &mut view.waiting)
            && let Some(agent) = state.stage().and_then(|stage| state.stage_plan(stage))
            && let Some(failure) = self.not_let_in(state.id, &agent.agent, now)
        {
            *reason = failure.message;
        }
        view
    }

    fn refused_agents(&self) -> Vec<RefusedAgent> {
        let view = |name: &String, reason: &String, since: Timestamp, trying: bool| {
            let (name, reason) = (name.clone(), reason.clone());
            RefusedAgent { name, reason, since, trying }
        };
        let logins = self.ops.logins.iter().filter_map(|(name, login)| match login {
            Login::Refused { message, since } => Some(view(name, message, *since, false)),
            Login::Unproven { message, since } => Some(view(name, message, *since, true)),
            Login::Proven { .. } => None,
        });
        logins.collect()
    }

    fn decision_about(&self, id: &ItemId) -> String {
        self.report
            .as_ref()
            .and_then(|report| report.line(id))
            .map(|line| format!("{} {}", line.decision.word(), line.explain()).trim().to_owned())
            .unwrap_or_default()
    }
}

/// Why one item runs or does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The item.
    pub item: ItemView,
    /// Every gate that holds it, the decisive one first.
    pub held: Vec<HeldView>,
    /// What a running run does at the moment.
    pub run: Option<RunView>,
    /// Whether it is divided or runs as it is, and why; absent where items are never divided.
    pub size: Option<String>,
    /// The operator lane that it has, or had when it was completed.
    pub lane: Option<SessionView>,
    /// Its close, if that waits for a person.
    pub ledger: Option<LedgerView>,
    /// What its tracker is still to be told, or was not.
    pub writes: Vec<WriteView>,
}

/// One gate that holds an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldView {
    /// The gate.
    pub gate: &'static str,
    /// Why it holds.
    pub reason: String,
    /// When it lets go by itself.
    pub until: Option<Timestamp>,
    /// What a person could do.
    pub released_by: Option<String>,
}

impl Engine {
    /// Why the item that people call `target` runs or does not run, by today's rules.
    pub fn explain(&mut self, target: &str, now: Timestamp) -> Option<Explanation> {
        let super::commands::Found::One(id) = self.find(target) else { return None };
        self.renew_report(now);
        let held = self
            .report
            .as_ref()
            .and_then(|report| report.line(&id))
            .map(|line| {
                line.decision
                    .held()
                    .iter()
                    .map(|held| HeldView {
                        gate: held.gate.word(),
                        reason: held.reason.to_string(),
                        until: held.until,
                        released_by: held.released_by.clone(),
                    })
                    .collect()
            })
            .unwrap_or_default();
        let record = self.items.get(&id)?;
        let run =
            record.run.and_then(|run| self.runs.get(&run)).map(|state| self.run_view(state, now));
        let size = self.size_of(record, now);
        let (item, writes) = (item_view(record, self.decision_about(&id)), self.writes(Some(&id)));
        let (lane, ledger) = (self.session_view(&id), self.ledger_view(record));
        Some(Explanation { item, held, run, lane, ledger, writes, size })
    }
}
