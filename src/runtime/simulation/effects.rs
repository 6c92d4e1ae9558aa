//! Effects in simulated time. Worktrees, merging and the tracker are the real effects over in-memory ports; agents and
//! checks do what the scenario says.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::agent::Stage;
use crate::domain::change::{CheckReport, CheckResult, CheckStatus};
use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::item_record::ItemRecord;
use crate::domain::run::Interruption;
use crate::pipeline::input::Input as RunInput;
use crate::pipeline::state::RunState;
use crate::runtime::effects::{self, Desk, Done, Job, Message};
use crate::runtime::engine::{Input, TrackerFailure, Wanted};
use crate::workspaces::Fingerprint;

use super::at_once;
use super::factory::{Factory, Gone};
use super::scenario::Part;
use super::scenario::act::{Act, CheckDeed, PortDeed};

/// Whose list of acts an effect plays from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Planner,
    Coder,
    Critic,
    Diagnose,
    Tester,
    Documenter,
    Auditor,
    StageDocumenter,
    Checks,
    Workspace,
    Delivery,
    Tracker,
    CleanUp,
}

impl Kind {
    /// The kind of a stage's turns.
    pub(super) fn of(stage: Stage) -> Self {
        match stage {
            Stage::Planner => Self::Planner,
            Stage::Coder => Self::Coder,
            Stage::Critic => Self::Critic,
            Stage::Diagnose => Self::Diagnose,
            Stage::Tester => Self::Tester,
            Stage::Documenter => Self::Documenter,
            Stage::Auditor => Self::Auditor,
            Stage::StageDocumenter => Self::StageDocumenter,
        }
    }

    /// The stage whose turns these are; nothing for what is no turn.
    pub(super) fn stage(self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| Self::of(*stage) == self)
    }

    /// How long an act takes that does not say.
    fn usual_time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Coder => 600,
            Self::Planner
            | Self::Critic
            | Self::Diagnose
            | Self::Tester
            | Self::Documenter
            | Self::Auditor
            | Self::StageDocumenter => 180,
            Self::Checks => 60,
            Self::Delivery => 5,
            Self::Workspace => 2,
            Self::Tracker | Self::CleanUp => 1,
        })
    }
}

/// What an effect does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A turn is prepared and anchored.
    Begin,
    /// Half of a turn is over: its agent writes.
    Work,
    /// What it does becomes visible.
    Act,
    /// The daemon learns of it.
    Report,
}

/// An effect under way.
pub(super) struct Task {
    pub(super) effect: Effect,
    pub(super) run: Option<RunState>,
    pub(super) item: Option<ItemRecord>,
    pub(super) of: ItemId,
    pub(super) kind: Kind,
    /// How many acts of its kind were on record before it: says which one it is.
    pub(super) number: usize,
    pub(super) takes: Duration,
    pub(super) serial: u64,
    pub(super) step: Step,
    pub(super) cancelled: bool,
    pub(super) done: Option<Done>,
    pub(super) before: Option<Fingerprint>,
}

impl Task {
    /// Asks it to stop; whether it does so at once.
    pub(super) fn cancel(&mut self) -> bool {
        let stops = self.kind.stage().is_some() || self.kind == Kind::Checks;
        if !stops || self.step == Step::Report {
            return false;
        }
        if self.kind == Kind::Checks || self.step == Step::Begin {
            self.done = Some(Done::Stopped);
            self.step = Step::Report;
        } else {
            self.cancelled = true;
            self.step = Step::Act;
        }
        true
    }
}

/// The act for the result with this number: the last one is repeated for ever.
pub(super) fn act<D>(acts: &[Act<D>], number: usize) -> Option<&Act<D>> {
    acts.get(number).or(acts.last())
}

impl Factory<'_> {
    /// Starts everything that is due.
    pub(super) fn start_effects(&mut self) -> Result<(), Gone> {
        let now = self.now();
        let held = self.daemon.as_mut().map(|daemon| daemon.engine.hold_unaffordable(now));
        if let Some(held) = held {
            self.store(held)?;
        }
        let wanted = match self.daemon.as_mut() {
            Some(daemon) => daemon.engine.start_due(now),
            None => Vec::new(),
        };
        for Wanted { key, effect } in wanted {
            self.start_effect(key, effect);
        }
        Ok(())
    }

    fn start_effect(&mut self, key: EffectKey, effect: Effect) {
        let now = self.now();
        let Some(daemon) = self.daemon.as_ref() else { return };
        let run = effect.run().and_then(|run| daemon.engine.run(run)).cloned();
        let of = match (&effect, &run) {
            (Effect::UpdateTracker { item, .. } | Effect::CreateItem { parent: item, .. }, _) => {
                item.clone()
            }
            (_, Some(run)) => run.item.clone(),
            (_, None) => return self.violated(format!("{key} is wanted for an unknown run")),
        };
        let stopped = effect.run().is_some_and(|run| daemon.stopped.contains(&run));
        let (item, daemon) = (daemon.engine.item(&of).cloned(), daemon.number);
        let kind = kind(&effect, run.as_ref());
        let number = self.played.get(&(of.clone(), kind)).copied().unwrap_or(0);
        self.kinds.insert(key.clone(), (of.clone(), kind));
        let turn = matches!(effect, Effect::RunTurn { .. });
        let mut task = Task {
            takes: self.time_for(kind, &of, number, run.as_ref()),
            effect,
            run,
            item,
            of,
            kind,
            number,
            serial: 0,
            step: if turn { Step::Begin } else { Step::Act },
            cancelled: false,
            done: None,
            before: None,
        };
        let at_once = turn || (stopped && task.cancel());
        let at = if at_once { now } else { now.after(task.takes) };
        task.serial = self.agenda.add_step(at, daemon, key.clone());
        if stopped && turn {
            task.cancel();
        }
        if let Some(daemon) = self.daemon.as_mut() {
            daemon.tasks.insert(key, task);
        }
    }

    pub(super) fn part(&self, item: &ItemId) -> Option<&Part> {
        self.script.parts.get(item)
    }

    fn time_for(&self, kind: Kind, of: &ItemId, number: usize, run: Option<&RunState>) -> Duration {
        let usual = kind.usual_time();
        let Some(part) = self.part(of) else { return usual };
        let takes = match kind {
            Kind::Planner
            | Kind::Coder
            | Kind::Critic
            | Kind::Diagnose
            | Kind::Tester
            | Kind::Documenter
            | Kind::Auditor
            | Kind::StageDocumenter => return self.turn_time(kind, part, number, run),
            Kind::Checks => act(&part.checks, number).and_then(|act| act.takes),
            Kind::Workspace => act(&part.workspace, number).and_then(|act| act.takes),
            Kind::Delivery => act(&part.delivery, number).and_then(|act| act.takes),
            Kind::Tracker => act(&part.tracker, number).and_then(|act| act.takes),
            Kind::CleanUp => None,
        };
        takes.unwrap_or(usual)
    }

    /// The next step of an effect.
    pub(super) fn advance_task(&mut self, key: &EffectKey) -> Result<(), Gone> {
        let Some(step) = self.task(key).map(|task| task.step) else { return Ok(()) };
        match step {
            Step::Begin => self.begin_turn(key),
            Step::Work => {
                self.work(key);
                Ok(())
            }
            Step::Act => {
                let done = self.perform(key);
                let (now, lag) = (self.now(), self.script.lag);
                if let Some(task) = self.task(key) {
                    (task.done, task.step) = (Some(done), Step::Report);
                }
                if lag.is_zero() {
                    return self.report(key);
                }
                self.next_step(key, now.after(lag));
                Ok(())
            }
            Step::Report => self.report(key),
        }
    }

    pub(super) fn task(&mut self, key: &EffectKey) -> Option<&mut Task> {
        self.daemon.as_mut()?.tasks.get_mut(key)
    }

    /// Plans the next step of an effect.
    pub(super) fn next_step(&mut self, key: &EffectKey, at: crate::domain::time::Timestamp) {
        let Some(daemon) = self.daemon.as_mut() else { return };
        let serial = self.agenda.add_step(at, daemon.number, key.clone());
        if let Some(task) = daemon.tasks.get_mut(key) {
            task.serial = serial;
        }
    }

    /// Does what becomes visible of an effect.
    fn perform(&mut self, key: &EffectKey) -> Done {
        let Some(task) = self.daemon.as_ref().and_then(|daemon| daemon.tasks.get(key)) else {
            return Done::Stopped;
        };
        match task.kind {
            Kind::Planner
            | Kind::Coder
            | Kind::Critic
            | Kind::Diagnose
            | Kind::Tester
            | Kind::Documenter
            | Kind::Auditor
            | Kind::StageDocumenter => self.end_turn(key),
            Kind::Checks => self.check(task),
            Kind::Workspace | Kind::Delivery | Kind::Tracker => {
                let acts = self.part(&task.of).map_or(&[][..], |part| match task.kind {
                    Kind::Workspace => &part.workspace,
                    Kind::Delivery => &part.delivery,
                    _ => &part.tracker,
                });
                let deed = act(acts, task.number).map_or(PortDeed::Ok, |act| act.deed.clone());
                self.port(key, task, deed)
            }
            Kind::CleanUp => self.real(key, task),
        }
    }

    fn port(&self, key: &EffectKey, task: &Task, deed: PortDeed) -> Done {
        let failure = match deed {
            PortDeed::Ok => {
                return match self.red_after_merge(task) {
                    Some(failure) => effects::failed(&task.effect, failure),
                    None => self.real(key, task),
                };
            }
            PortDeed::Unavailable(why) => Failure::infrastructure(why),
            PortDeed::Refused(why) => {
                let class = match task.kind {
                    Kind::Delivery => FailureClass::Agent,
                    _ => FailureClass::Configuration,
                };
                Failure::new(class, why)
            }
        };
        if task.kind == Kind::Tracker && !matches!(task.effect, Effect::CreateItem { .. }) {
            let again = failure.class == FailureClass::Infrastructure;
            return Done::Tracker(Err(TrackerFailure {
                message: failure.message,
                again,
                wait: None,
            }));
        }
        effects::failed(&task.effect, failure)
    }

    /// The failure of the checks on the merged tree, when the base has moved and the scenario wants one.
    fn red_after_merge(&self, task: &Task) -> Option<Failure> {
        let run = task.run.as_ref().filter(|_| task.kind == Kind::Delivery)?;
        let workspace = run.workspace.as_ref()?;
        let repository = std::path::Path::new(&run.plan.repository);
        let tip = self.workspaces.tip(repository, &workspace.base_branch).ok()?;
        let acts = &self.part(&task.of)?.merged_checks;
        let number = self.merged_checks_played(&task.of);
        match &act(acts, number).filter(|_| tip != workspace.base_commit)?.deed {
            CheckDeed::Pass | CheckDeed::AlreadyFailing => None,
            CheckDeed::Fail(why) => Some(Failure::new(
                FailureClass::Agent,
                format!("merged with the base as it is now, checks fail that passed before: {why}"),
            )),
            CheckDeed::Timeout => {
                Some(Failure::new(FailureClass::Agent, "the merged tree's checks never end"))
            }
            CheckDeed::Unavailable(why) => Some(Failure::infrastructure(why.clone())),
        }
    }

    fn merged_checks_played(&self, of: &ItemId) -> usize {
        self.played.get(&(of.clone(), Kind::Delivery)).copied().unwrap_or(0)
    }

    /// The real effect over the in-memory ports.
    fn real(&self, key: &EffectKey, task: &Task) -> Done {
        let (sender, mut inbox) = tokio::sync::mpsc::channel(1);
        let mut run = task.run.clone();
        if let Some(run) = &mut run {
            // The checks of a merged tree are the scenario's: there are no commands here that could be run.
            run.plan.checks.clear();
        }
        let job = Job {
            key: key.clone(),
            effect: task.effect.clone(),
            run,
            item: task.item.clone(),
            cancel: CancellationToken::new(),
            leave: CancellationToken::new(),
            desk: Desk::new(sender),
        };
        at_once(effects::execute(std::sync::Arc::clone(&self.ports), job));
        match inbox.try_recv() {
            Ok(Message::Over { done, .. }) => *done,
            Ok(Message::TurnPrepared { .. }) | Err(_) => Done::Stopped,
        }
    }

    fn check(&self, task: &Task) -> Done {
        let (Some(run), Effect::RunChecks { execution, .. }) = (&task.run, &task.effect) else {
            return Done::Stopped;
        };
        let acts = self.part(&task.of).map_or(&[][..], |part| &part.checks);
        let deed = act(acts, task.number).map_or(CheckDeed::Pass, |act| act.deed.clone());
        let (status, exit_code, output) = match deed {
            CheckDeed::Pass => (CheckStatus::Passed, Some(0), String::new()),
            CheckDeed::Fail(output) => (CheckStatus::NewFailure, Some(1), output),
            CheckDeed::AlreadyFailing => {
                (CheckStatus::AlreadyFailing, Some(1), "red before".to_owned())
            }
            CheckDeed::Timeout => (CheckStatus::TimedOut, None, String::new()),
            CheckDeed::Unavailable(why) => {
                return effects::failed(&task.effect, Failure::infrastructure(why));
            }
        };
        let results = run.plan.checks.iter().enumerate().map(|(index, command)| CheckResult {
            command: command.clone(),
            // One check fails, the others are there to show that they do not matter.
            status: if index == 0 { status } else { CheckStatus::Passed },
            exit_code: if index == 0 { exit_code } else { Some(0) },
            output: if index == 0 { output.clone() } else { String::new() },
            duration_ms: u64::try_from(task.takes.as_millis()).unwrap_or(u64::MAX),
        });
        let head = run.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
        let report = CheckReport { head, results: results.collect() };
        Done::Run(RunInput::ChecksFinished { execution: *execution, report })
    }

    /// The daemon learns what became of an effect.
    pub(super) fn report(&mut self, key: &EffectKey) -> Result<(), Gone> {
        let Some(task) = self.daemon.as_mut().and_then(|daemon| daemon.tasks.remove(key)) else {
            return Ok(());
        };
        let key = key.clone();
        match (task.done.unwrap_or(Done::Stopped), task.effect.run()) {
            (Done::Stopped, _) => self.give_back(&key),
            (Done::Run(input), Some(run)) => {
                let input = Input::Run { run, key: Some(key), settles: true, input };
                self.handle(input).map(|_| ())
            }
            (Done::Run(_), None) => Ok(()),
            (Done::Claimed(result), _) => self.handle(Input::Claimed { key, result }).map(|_| ()),
            (Done::Released(result), _) => self.handle(Input::Released { key, result }).map(|_| ()),
            (Done::Tracker(result), _) => {
                self.tracker_changed();
                self.handle(Input::TrackerWritten { key, result }).map(|_| ())
            }
            (Done::Created(result), _) => {
                self.tracker_changed();
                self.handle(Input::PartCreated { key, result }).map(|_| ())
            }
        }
    }

    fn give_back(&mut self, key: &EffectKey) -> Result<(), Gone> {
        let now = self.now();
        let Some(daemon) = self.daemon.as_mut() else { return Ok(()) };
        let handled = daemon.engine.give_back(key, now);
        self.store(handled).map(|_| ())
    }

    /// The daemon is about to stop: agents and checks are stopped, everything else ends as it would.
    pub(super) fn end_task_for_shutdown(&mut self, key: &EffectKey) -> Result<(), Gone> {
        let now = self.now();
        let Some(task) = self.task(key) else { return Ok(()) };
        let (begun, run) = (task.step != Step::Begin, task.effect.run());
        let turn = task.kind.stage().is_some();
        let stopped = task.cancel();
        if let (true, true, true, Some(run)) = (stopped, turn, begun, run) {
            let Some(daemon) = self.daemon.as_mut() else { return Ok(()) };
            daemon.tasks.remove(key);
            let handled = daemon.engine.take_over(run, Interruption::Shutdown, None, now);
            self.store(handled)?;
            return self.give_back(key);
        }
        if self.task(key).is_some_and(|task| task.done.is_none()) {
            let done = self.perform(key);
            if let Some(task) = self.task(key) {
                task.done = Some(done);
            }
        }
        self.report(key)
    }
}

fn kind(effect: &Effect, run: Option<&RunState>) -> Kind {
    match effect {
        Effect::PrepareWorkspace { .. } => Kind::Workspace,
        Effect::RunTurn { .. } => run.and_then(RunState::stage).map_or(Kind::Coder, Kind::of),
        Effect::RunChecks { .. } => Kind::Checks,
        Effect::Deliver { .. } => Kind::Delivery,
        Effect::CleanUp { .. } => Kind::CleanUp,
        Effect::Claim { .. }
        | Effect::Release { .. }
        | Effect::UpdateTracker { .. }
        | Effect::CreateItem { .. } => Kind::Tracker,
    }
}
