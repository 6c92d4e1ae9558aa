//! Planning: what the planner sees, and carrying out what it says.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::agent::Stage;
use crate::domain::budget::ledger::Ledger;
use crate::domain::event::Event;
use crate::domain::ids::ProjectId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::pipeline::conclude::ONE_OFF_SOURCE;
use crate::pipeline::state::RunState;
use crate::planner;
use crate::planner::plan::Action;
use crate::planner::report::Report;
use crate::planner::world::{ActiveRun, World};

use super::Engine;
use super::claims::ad_hoc;

impl Engine {
    /// Plans and carries the plan out. With intake closed only one-off tasks are started.
    pub(super) fn plan(&mut self, now: Timestamp) {
        let planned = self.look(now);
        for action in planned.plan.actions {
            let one_off =
                matches!(&action, Action::Start { item, .. } if item.source() == ONE_OFF_SOURCE);
            // What is under way is brought to its end whether or not more is started.
            let ends = matches!(&action, Action::CompleteEpic { .. } | Action::ResumeEpic { .. });
            if self.intake_open || one_off || ends {
                self.act(action, now);
            }
        }
        self.report = Some(planned.report);
    }

    /// Plans without carrying anything out.
    pub fn renew_report(&mut self, now: Timestamp) {
        self.report = Some(self.look(now).report);
    }

    fn look(&mut self, now: Timestamp) -> planner::plan::Planned {
        let policy = self.policy_with_ad_hoc();
        let mut world = self.world(now);
        // The planner only reads: items and spending are lent to it instead of copied, whatever their number.
        world.items = std::mem::take(&mut self.items);
        world.spent = std::mem::take(&mut self.spent);
        let planned = planner::plan::plan(&world, &policy, now);
        self.items = world.items;
        self.spent = world.spent;
        planned
    }

    /// Whether a heartbeat has nothing left to start: no run is under way and nothing was chosen last time.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let chosen = self.report.as_ref().is_some_and(|report| {
            report
                .lines
                .iter()
                .any(|line| matches!(line.decision, planner::report::Decision::Chosen { .. }))
        });
        !chosen && self.runs.values().all(|state| state.outcome.is_some())
    }

    /// The last report, if anything was planned yet.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    fn act(&mut self, action: Action, now: Timestamp) {
        match action {
            Action::Start { item, project, .. } => self.start_run(&item, &project, now),
            Action::RequestApproval { item, expires } => {
                self.record_item(&item, Event::ApprovalRequested { expires }, now);
                let entry = format!("waits for approval until {expires}");
                self.update_tracker(&item, None, entry, now);
            }
            Action::ExpireApproval { item } => {
                self.record_item(&item, Event::ApprovalExpired {}, now);
                self.update_tracker(&item, None, "the approval request expired".to_owned(), now);
            }
            Action::CompleteEpic { item, parts } => self.complete_epic(&item, parts, now),
            Action::ResumeEpic { item } => self.resume_epic(&item, now),
            Action::AskHuman { item, reason, question } => {
                let entry = format!("waits for a person ({}): {question}", reason.word());
                let event = Event::ItemHumanRequested {
                    run: None,
                    outcome: None,
                    reason,
                    question,
                    findings: Vec::new(),
                };
                self.record_item(&item, event, now);
                self.update_tracker(&item, Some(ItemState::Blocked), entry, now);
            }
        }
    }

    fn world(&mut self, now: Timestamp) -> World {
        let window = std::time::Duration::from_millis(self.policy.pace.window_ms);
        let oldest = now.before(window);
        self.starts.retain(|(at, _)| *at >= oldest);
        self.closed_windows.retain(|_, window| window.until > now);
        let active = self
            .runs
            .values()
            .filter(|state| state.outcome.is_none())
            .map(|state| ActiveRun {
                run: state.id,
                item: state.item.clone(),
                project: state.plan.project.clone(),
                agents: self.agents_of(state, now),
                waiting: state.waiting.is_some(),
            })
            .collect();
        World {
            items: std::collections::BTreeMap::new(),
            ops: self.ops.clone(),
            active,
            starts: self.starts.clone(),
            spent: Ledger::default(),
            closed_windows: self.closed_windows.clone(),
            trying: self.trying(now),
            parts_planned: self.parts_planned(),
            unreadable: self.unreadable.clone(),
            unavailable_agents: self.unavailable_agents.clone(),
        }
    }

    /// Names of the agents of a run: of the turn under way, and of those that its stages would have now.
    fn agents_of(&self, state: &RunState, now: Timestamp) -> Vec<String> {
        let staffing = self.staffing(now);
        let at_work = state.turn_in_flight().map(|turn| turn.agent.as_str());
        let plans = Stage::ALL.into_iter().filter_map(|it| Some((it, state.plan.stages.of(it)?)));
        let next = plans.map(|(stage, plan)| staffing.assigned(stage, plan).agent);
        let agents: BTreeSet<&str> = at_work.into_iter().chain(next).collect();
        agents.into_iter().map(str::to_owned).collect()
    }

    /// The rules, with a project for every item that names a repository by its path.
    fn policy_with_ad_hoc(&self) -> Arc<Policy> {
        let named: Vec<ProjectId> = self
            .items
            .values()
            .filter(|record| !record.status.is_settled())
            .filter_map(|record| record.item.project.clone())
            .filter(|id| id.as_str().starts_with('/') && !self.policy.projects.contains_key(id))
            .collect();
        if named.is_empty() {
            return Arc::clone(&self.policy);
        }
        let mut policy = (*self.policy).clone();
        for id in named {
            let project = ad_hoc(&id);
            policy.projects.insert(id, project);
        }
        Arc::new(policy)
    }
}
