//! Starting a run: claim, lease, plan and first effect, all in one batch.

use crate::domain::agent::Stage;
use crate::domain::epic::DivisionPlan;
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::policy::{ProjectPolicy, PullRequestPolicy};
use crate::domain::pull_request::{Feedback, Offer, Offering};
use crate::domain::run::{Interruption, ItemFacts, OptionalStages, RunPlan};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::pipeline::{criteria, machine};
use crate::planner::division::Division;

use super::Engine;

impl Engine {
    /// Starts a run on `item` in `project`.
    pub(super) fn start_run(&mut self, item: &ItemId, project: &ProjectId, now: Timestamp) {
        let Some(record) = self.items.get(item) else { return };
        let division = match self.division(record, now) {
            Division::Divide(division) => Some(division),
            Division::Whole(_) => None,
            // Others have taken the room since the plan was made.
            Division::Wait { .. } => return,
        };
        let Some(plan) = self.run_plan(item, project, division) else { return };
        let Some(record) = self.items.get(item) else { return };
        let attempt = record.spend.attempts + 1;
        let inherited = record.findings.clone();
        let run = RunId(self.ids.ordered(now));
        let fence = self.next_fence(item);
        self.acquire(item, fence, now);
        let owner = self.identity.instance.clone();
        self.record_item(item, Event::ItemClaimed { run, attempt, fence, owner }, now);
        let first = if plan.division.is_some() { Stage::Planner } else { Stage::Coder };
        let driven = plan.stages.of(first).unwrap_or(&plan.stages.coder);
        let agent = self.staffing(now).assigned(first, driven).agent.to_owned();
        let started = Event::RunStarted {
            run,
            item: item.clone(),
            attempt,
            fence,
            plan: Box::new(plan),
            inherited,
        };
        self.record_run(run, started, now);
        if let Some(effect) = self.runs.get(&run).map(machine::first_effect) {
            self.request(effect, now);
        }
        let entry = format!("run {} started: attempt {attempt} with {agent}", run.short());
        self.update_tracker(item, Some(ItemState::InProgress), entry, now);
    }

    /// Takes over a run after the daemon that drove it went away.
    pub fn take_over(
        &mut self,
        run: RunId,
        cause: Interruption,
        salvaged: Option<String>,
        now: Timestamp,
    ) -> super::Handled {
        self.pending = super::Pending::default();
        let mut ignored = Some("the run is over");
        if let Some(input) = self.interruption(run, cause, salvaged)
            && let crate::pipeline::input::Input::Interrupted { fence, .. } = &input
            && let Some(item) = self.runs.get(&run).map(|state| state.item.clone())
        {
            let turn = self.runs.get(&run).and_then(|state| state.turn_in_flight()).map(|t| t.turn);
            self.acquire(&item, *fence, now);
            if let Some(turn) = turn {
                let key = crate::domain::effect::Effect::RunTurn { run, turn }.key();
                if self.is_open(&key) {
                    let error = "the daemon went away during it".to_owned();
                    self.settle(&key, crate::store::batch::Settlement::Dead { error });
                }
            }
            ignored = self.handle_run(run, None, false, input, now);
        }
        self.handled(None, ignored, now)
    }

    /// Takes over a run whose agent goes on although the daemon that drove it went away: its turn stays wanted as it is.
    pub fn adopt(&mut self, run: RunId, now: Timestamp) -> super::Handled {
        self.pending = super::Pending::default();
        let open = self.runs.get(&run).filter(|state| state.outcome.is_none());
        let Some(item) = open.map(|state| state.item.clone()) else {
            return self.handled(None, Some("the run is over"), now);
        };
        let fence = self.next_fence(&item);
        self.acquire(&item, fence, now);
        let input = crate::pipeline::input::Input::Adopted { fence };
        let ignored = self.handle_run(run, None, false, input, now);
        self.handled(None, ignored, now)
    }

    /// Gives up what is still open of runs that ended while their daemon was going down.
    pub fn drop_leftovers(&mut self, now: Timestamp) -> super::Handled {
        self.pending = super::Pending::default();
        let finished: Vec<RunId> = self
            .runs
            .values()
            .filter(|state| state.outcome.is_some())
            .map(|state| state.id)
            .collect();
        for run in finished {
            self.drop_open_effects(run, true);
        }
        self.handled(None, None, now)
    }

    fn run_plan(
        &self,
        item: &ItemId,
        project: &ProjectId,
        division: Option<DivisionPlan>,
    ) -> Option<RunPlan> {
        let record = self.items.get(item)?;
        let work = &record.item;
        let settings = self.project(project)?;
        let mut stages = self.policy.stages_in(Some(&settings)).clone();
        if let Some(model) = &work.overrides.model {
            stages.coder.model = Some(model.clone());
        }
        if work.overrides.full_pipeline {
            for stage in [Stage::Tester, Stage::Documenter] {
                if stages.of(stage).is_none() {
                    stages.set(stage, Some(stages.coder.clone()));
                }
            }
        }
        if work.overrides.coder_only {
            stages.critic = None;
            stages.optional = OptionalStages::default();
        }
        stages.optional.planner = division.as_ref().map(|_| self.policy.division.stage.clone());
        Some(RunPlan {
            project: project.clone(),
            repository: settings.repository.clone(),
            base_branch: settings.base_branch.clone(),
            identifier: item.identifier().to_owned(),
            title: work.title.clone(),
            body: work.body.clone(),
            criteria: criteria::find(&work.body),
            notes: record.notes.clone(),
            stages,
            division,
            context: self.policy.context.clone(),
            facts: ItemFacts {
                state: work.state.label().to_owned(),
                priority: work.priority.word().to_owned(),
                labels: work.labels.clone(),
                blocked_by: work.blocked_by.iter().map(|id| id.as_str().to_owned()).collect(),
                author: work.author.clone(),
            },
            workflow: settings.workflow.clone(),
            max_rounds: self.policy.max_rounds,
            checks: settings.checks.clone(),
            check_timeout_ms: settings.check_timeout_ms,
            delivery: settings.delivery,
            offering: Offering {
                plan: settings.pull_request.offer.clone(),
                continues: continued(record, project).map(Box::new),
                feedback: feedback(record),
            },
        })
    }

    /// A configured project, or an ad-hoc one named by the absolute path of its repository.
    pub(super) fn project(&self, id: &ProjectId) -> Option<ProjectPolicy> {
        if let Some(project) = self.policy.projects.get(id) {
            return Some(project.clone());
        }
        id.as_str().starts_with('/').then(|| ad_hoc(id))
    }
}

/// What people and checks hold against the item's pull request.
fn feedback(record: &ItemRecord) -> Option<Box<Feedback>> {
    let offered = record.offered.as_ref().filter(|offered| offered.is_open())?;
    let feedback = Feedback::of(offered.seen.as_ref()?);
    (!feedback.is_empty() || feedback.left_out > 0).then(|| Box::new(feedback))
}

/// The open pull request that a run of the item goes on with.
fn continued(record: &ItemRecord, project: &ProjectId) -> Option<Offer> {
    let offered = record.offered.as_ref().filter(|offered| offered.is_open())?;
    (offered.offer.project == *project).then(|| offered.offer.clone())
}

/// A repository that is not configured: no checks, its branch is left for the caller.
pub(super) fn ad_hoc(id: &ProjectId) -> ProjectPolicy {
    ProjectPolicy {
        id: id.clone(),
        repository: id.as_str().to_owned(),
        base_branch: None,
        enabled: true,
        slots: None,
        pace: None,
        checks: Vec::new(),
        check_timeout_ms: 600_000,
        delivery: crate::domain::run::Delivery::Branch,
        pull_request: PullRequestPolicy::default(),
        day_budget: crate::domain::budget::DayBudget::default(),
        approval_required: None,
        stages: None,
        workflow: None,
    }
}
