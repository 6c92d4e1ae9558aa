//! Agent turns: prepared, anchored and judged as the real ones are; what the agent does comes from the scenario.

use std::time::Duration;

use serde_json::json;

use crate::domain::agent::{ExitEvidence, Stage, TimeoutKind, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::time::Timestamp;
use crate::pipeline::input::{FinishedTurn, Input as RunInput, PreparedTurn};
use crate::pipeline::prompt;
use crate::pipeline::prompt::enrichment::Enrichment;
use crate::pipeline::state::RunState;
use crate::runtime::effects::{self, Done};
use crate::runtime::engine::Input;
use crate::workspaces::{Fingerprint, WorkspaceError, Workspaces as _};

use super::at_once;
use super::effects::{Kind, Step, Task, act};
use super::factory::{Factory, Gone};
use super::scenario::Part;
use super::scenario::act::{Act, CoderDeed, CriticDeed, Trouble};

/// How long it takes until an agent has noticed that it cannot work.
const TROUBLE: Duration = Duration::from_secs(30);

/// Bytes of diff given to a critic.
const MAX_DIFF: usize = 160_000;

/// How an agent's turn ends, and what it says.
struct Answer {
    ending: TurnEnding,
    text: String,
    usage: Usage,
}

impl Factory<'_> {
    pub(super) fn turn_time(
        &self,
        kind: Kind,
        part: &Part,
        number: usize,
        run: Option<&RunState>,
    ) -> Duration {
        let plan = run.and_then(|run| run.stage_plan(run.stage()?));
        let total = plan.as_ref().map_or(TROUBLE, |plan| Duration::from_millis(plan.timeout_ms));
        let silence = plan.as_ref().map_or(TROUBLE, |plan| Duration::from_millis(plan.silence_ms));
        let (takes, trouble) = match kind {
            kind if kind.stage().is_some_and(Stage::is_gate) => {
                match act(gate_acts(part, kind), number) {
                    Some(act) => (act.takes, trouble_of_critic(&act.deed)),
                    None => (None, None),
                }
            }
            kind => match act(writer_acts(part, kind), number) {
                Some(act) => (act.takes, trouble_of_coder(&act.deed)),
                None => (None, None),
            },
        };
        let usual = match trouble {
            None => Duration::from_secs(if kind == Kind::Coder { 600 } else { 180 }),
            Some(Trouble::Timeout) => total,
            Some(Trouble::Hang) => silence,
            Some(
                Trouble::Fail(_)
                | Trouble::Loop
                | Trouble::Infra(_)
                | Trouble::Quota(_)
                | Trouble::Throttle(_)
                | Trouble::Login(_)
                | Trouble::Misconfigured(_),
            ) => TROUBLE,
        };
        takes.unwrap_or(usual).min(total)
    }

    /// Gathers what the turn needs, has its start stored, and lets the agent begin.
    pub(super) fn begin_turn(&mut self, key: &EffectKey) -> Result<(), Gone> {
        let Some(task) = self.daemon.as_ref().and_then(|daemon| daemon.tasks.get(key)) else {
            return Ok(());
        };
        let (Some(state), Effect::RunTurn { run, turn }) = (task.run.clone(), task.effect.clone())
        else {
            return Ok(());
        };
        let takes = task.takes;
        let (prepared, before) = match self.prepared(&state, turn) {
            Ok(prepared) => prepared,
            Err(error) => {
                let failure = Failure::from(&error);
                if let Some(task) = self.task(key) {
                    task.done = Some(effects::failed(&task.effect, failure));
                }
                return self.report(key);
            }
        };
        let input = RunInput::TurnPrepared(Box::new(prepared));
        self.handle(Input::Run { run, key: Some(key.clone()), settles: false, input })?;
        if !self.turn_is_in_flight(run, turn) {
            return self.report(key);
        }
        if let Some(task) = self.task(key) {
            (task.before, task.step) = (before, Step::Work);
        }
        self.next_step(key, self.now().after(takes / 2));
        Ok(())
    }

    fn turn_is_in_flight(&self, run: RunId, turn: u32) -> bool {
        let state = self.daemon.as_ref().and_then(|daemon| daemon.engine.run(run));
        state.and_then(RunState::turn_in_flight).is_some_and(|record| record.turn == turn)
    }

    fn prepared(
        &self,
        state: &RunState,
        turn: u32,
    ) -> Result<(PreparedTurn, Option<Fingerprint>), WorkspaceError> {
        let missing = || WorkspaceError::NoWorkspace { path: "(none on record)".into() };
        let workspace = state.workspace.as_ref().ok_or_else(missing)?;
        let stage = state.stage().unwrap_or(Stage::Coder);
        let (mut partial_work, mut before) = (false, None);
        let (mut diff, mut left_out) = (String::new(), Vec::new());
        let head = match stage {
            Stage::Coder => {
                partial_work = state.recovering()
                    && at_once(self.workspaces.salvage(workspace, state.id))?.is_some();
                at_once(self.workspaces.head(workspace))?
            }
            Stage::Planner | Stage::Diagnose => {
                before = Some(at_once(self.workspaces.fingerprint(workspace))?);
                at_once(self.workspaces.head(workspace))?
            }
            Stage::Critic
            | Stage::Tester
            | Stage::Documenter
            | Stage::Auditor
            | Stage::StageDocumenter => {
                let head = state.change.as_ref().map(|change| change.head.clone());
                let head = head.unwrap_or_default();
                at_once(self.workspaces.restore(workspace, &head))?;
                before = Some(at_once(self.workspaces.fingerprint(workspace))?);
                let read = at_once(self.workspaces.diff(workspace, MAX_DIFF))?;
                (diff, left_out) = (read.text, read.left_out);
                head
            }
        };
        let nonce = self.ports.ids.random().simple().to_string();
        let session = self.ports.ids.random().to_string();
        let context = prompt::Context {
            state,
            nonce: &nonce,
            diff: &diff,
            diff_left_out: &left_out,
            partial_work,
            enrichment: &Enrichment::default(),
        };
        let prompt = prompt::build(stage, &context).record;
        Ok((PreparedTurn { turn, session, resumes: None, head, nonce, prompt }, before))
    }

    /// Half of the turn is over: what the agent writes is in the worktree, and not committed.
    pub(super) fn work(&mut self, key: &EffectKey) {
        let Some(task) = self.daemon.as_ref().and_then(|daemon| daemon.tasks.get(key)) else {
            return;
        };
        let (takes, number, of) = (task.takes, task.number, task.of.clone());
        let workspace = task.run.as_ref().and_then(|run| run.workspace.clone());
        let written = match (task.kind, self.part(&of)) {
            (kind, Some(part)) if kind.stage().is_some_and(Stage::is_gate) => {
                match act(gate_acts(part, kind), number).map(|act| &act.deed) {
                    Some(CriticDeed::Tamper) => {
                        vec![("tampered.txt".to_owned(), "by the critic\n".to_owned())]
                    }
                    _ => Vec::new(),
                }
            }
            (kind, part) if kind.stage().is_some_and(Stage::writes) => {
                let name = of.identifier();
                let deed = part.and_then(|part| act(writer_acts(part, kind), number));
                let deed = deed.map(|act| &act.deed);
                let (files, text) = match deed {
                    None if kind != Kind::Coder => return self.write_on(key, takes),
                    None => (&[][..], format!("{name}, work {}\n", number + 1)),
                    Some(CoderDeed::Change(files)) => {
                        (files.as_slice(), format!("{name}, work {}\n", number + 1))
                    }
                    Some(CoderDeed::Same(files)) => (files.as_slice(), format!("{name}, work\n")),
                    Some(_) => return self.write_on(key, takes),
                };
                let usual = [match kind {
                    Kind::Coder => format!("{name}.txt"),
                    _ => format!("{name}.{}.txt", kind.stage().map_or("", Stage::word)),
                }];
                let files = if files.is_empty() { &usual[..] } else { files };
                files.iter().map(|file| (file.clone(), text.clone())).collect()
            }
            _ => Vec::new(),
        };
        for (file, text) in written {
            let Some(workspace) = &workspace else { continue };
            if let Err(error) = self.workspaces.write(workspace, &file, Some(&text)) {
                self.violated(format!("an agent works in a worktree that is not there: {error}"));
            }
        }
        self.write_on(key, takes);
    }

    /// The second half of the turn begins.
    fn write_on(&mut self, key: &EffectKey, takes: Duration) {
        if let Some(task) = self.task(key) {
            task.step = Step::Act;
        }
        self.next_step(key, self.now().after(takes - takes / 2));
    }

    /// The turn is over: judged by git as a real one is.
    pub(super) fn end_turn(&self, key: &EffectKey) -> Done {
        let Some(daemon) = self.daemon.as_ref() else { return Done::Stopped };
        let (Some(task), Some(now)) = (daemon.tasks.get(key), Some(self.now())) else {
            return Done::Stopped;
        };
        let Effect::RunTurn { run, turn } = task.effect else { return Done::Stopped };
        let Some(state) = daemon.engine.run(run) else { return Done::Stopped };
        let part = self.part(&task.of);
        let mut answer = answer(part, task, now, state, turn);
        if task.cancelled {
            answer.ending = TurnEnding::Cancelled;
        }
        let total = state.stage().and_then(|stage| state.stage_plan(stage));
        let total = total.map(|plan| Duration::from_millis(plan.timeout_ms));
        if answer.ending == TurnEnding::Completed && total.is_some_and(|most| task.takes >= most) {
            answer.ending = TurnEnding::TimedOut { clock: TimeoutKind::Total };
        }
        let mut report = TurnReport {
            ending: answer.ending,
            text: answer.text,
            usage: answer.usage,
            session: None,
            model: None,
            exit: ExitEvidence { code: Some(0), signal: None },
            duration_ms: u64::try_from(task.takes.as_millis()).unwrap_or(u64::MAX),
            leftovers: 0,
            tool_calls: 1,
        };
        let Some(workspace) = state.workspace.as_ref() else { return Done::Stopped };
        let (mut change, mut tampered) = (None, false);
        match task.kind {
            Kind::Coder if report.ending == TurnEnding::Cancelled => {}
            Kind::Tester | Kind::Documenter if report.ending != TurnEnding::Completed => {
                if let Some(record) = state.turn(turn) {
                    let _put_back = at_once(self.workspaces.restore(workspace, &record.head));
                }
            }
            Kind::Coder | Kind::Tester | Kind::Documenter => {
                let message = format!("{}: round {}", state.plan.identifier, state.round);
                match at_once(self.workspaces.commit(workspace, &message, &[])) {
                    Ok(done) => change = Some(done),
                    Err(error) => {
                        report.ending = TurnEnding::Failed { failure: Failure::from(&error) };
                    }
                }
            }
            _ => {
                let after = at_once(self.workspaces.fingerprint(workspace)).ok();
                tampered = after.is_none() || after != task.before;
                if let (true, Some(record)) = (tampered, state.turn(turn)) {
                    // What cannot be put back is found again by the next turn, which begins with the same.
                    let _put_back = at_once(self.workspaces.restore(workspace, &record.head));
                }
            }
        }
        let finished = FinishedTurn { turn, report, change, tampered, instead: None };
        Done::Run(RunInput::TurnFinished(Box::new(finished)))
    }
}

/// What the agent of a turn says.
fn answer(part: Option<&Part>, task: &Task, now: Timestamp, state: &RunState, turn: u32) -> Answer {
    match task.kind {
        kind if kind.stage().is_some_and(Stage::is_gate) => {
            let acts = part.map_or(&[][..], |part| gate_acts(part, kind));
            critic_answer(act(acts, task.number), now, state, turn)
        }
        kind => {
            let acts = part.map_or(&[][..], |part| writer_acts(part, kind));
            coder_answer(act(acts, task.number), now)
        }
    }
}

/// What the turns of a stage that is no gate do.
fn writer_acts(part: &Part, kind: Kind) -> &[Act<CoderDeed>] {
    match kind {
        Kind::Coder => &part.coder,
        Kind::Diagnose => &part.diagnose,
        Kind::Tester => &part.tester,
        Kind::Documenter => &part.documenter,
        Kind::StageDocumenter => &part.stage_documenter,
        _ => &[],
    }
}

/// What the turns of a gate do.
fn gate_acts(part: &Part, kind: Kind) -> &[Act<CriticDeed>] {
    match kind {
        Kind::Critic => &part.critic,
        Kind::Auditor => &part.auditor,
        _ => &[],
    }
}

fn trouble_of_coder(deed: &CoderDeed) -> Option<&Trouble> {
    match deed {
        CoderDeed::Trouble(trouble) => Some(trouble),
        CoderDeed::Change(_)
        | CoderDeed::Same(_)
        | CoderDeed::Nothing
        | CoderDeed::NoChange(_)
        | CoderDeed::Question(_) => None,
    }
}

fn trouble_of_critic(deed: &CriticDeed) -> Option<&Trouble> {
    match deed {
        CriticDeed::Trouble(trouble) => Some(trouble),
        CriticDeed::Approve
        | CriticDeed::Revise(_)
        | CriticDeed::Reject(_)
        | CriticDeed::Unmet(_)
        | CriticDeed::Silent
        | CriticDeed::Prose(_)
        | CriticDeed::Forged
        | CriticDeed::Stale
        | CriticDeed::Tamper => None,
    }
}

fn ending(trouble: &Trouble, now: Timestamp) -> TurnEnding {
    let failed =
        |class, message: &str| TurnEnding::Failed { failure: Failure::new(class, message) };
    let later = |span: &Option<Duration>| span.map(|span| now.after(span));
    match trouble {
        Trouble::Fail(why) => failed(FailureClass::Agent, why),
        Trouble::Timeout => TurnEnding::TimedOut { clock: TimeoutKind::Total },
        Trouble::Hang => TurnEnding::TimedOut { clock: TimeoutKind::Silence },
        Trouble::Loop => {
            let evidence = "Bash with the same arguments 12 times in a row".to_owned();
            TurnEnding::Stuck { evidence }
        }
        Trouble::Infra(why) => failed(FailureClass::Infrastructure, why),
        Trouble::Quota(span) => {
            failed(FailureClass::Quota { until: later(span) }, "the usage window is used up")
        }
        Trouble::Throttle(span) => {
            failed(FailureClass::Throttled { until: later(span) }, "asked to slow down")
        }
        Trouble::Login(why) => failed(FailureClass::Authentication, why),
        Trouble::Misconfigured(why) => failed(FailureClass::Configuration, why),
    }
}

fn coder_answer(act: Option<&Act<CoderDeed>>, now: Timestamp) -> Answer {
    let done = json!({ "summary": "did what was asked for" });
    let usage = act.map(|act| act.usage).unwrap_or_default();
    let (ending, text) = match act.map(|act| &act.deed) {
        None | Some(CoderDeed::Change(_) | CoderDeed::Same(_)) => {
            (TurnEnding::Completed, done.to_string())
        }
        Some(CoderDeed::Nothing) => (TurnEnding::Completed, "All done!".to_owned()),
        Some(CoderDeed::NoChange(why)) => {
            (TurnEnding::Completed, json!({ "no_change_reason": why }).to_string())
        }
        Some(CoderDeed::Question(what)) => {
            (TurnEnding::Completed, json!({ "question": what }).to_string())
        }
        Some(CoderDeed::Trouble(trouble)) => (ending(trouble, now), String::new()),
    };
    Answer { ending, text, usage }
}

fn critic_answer(
    act: Option<&Act<CriticDeed>>,
    now: Timestamp,
    state: &RunState,
    turn: u32,
) -> Answer {
    let usage = act.map(|act| act.usage).unwrap_or_default();
    let nonce = state.turn(turn).and_then(|record| record.nonce.clone()).unwrap_or_default();
    let head = state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
    let review = |verdict: &str, nonce: &str, commit: &str, problem: Option<&str>, unmet: u32| {
        let criteria: Vec<serde_json::Value> = (1..=state.plan.criteria.len())
            .map(|number| {
                let met = u32::try_from(number) != Ok(unmet);
                json!({ "criterion": number, "met": met, "evidence": "seen in the diff" })
            })
            .collect();
        let findings: Vec<serde_json::Value> = problem
            .iter()
            .map(|problem| json!({ "severity": "major", "problem": problem }))
            .collect();
        json!({
            "nonce": nonce, "verdict": verdict, "commit": commit,
            "findings": findings, "criteria": criteria,
        })
        .to_string()
    };
    let text = match act.map(|act| &act.deed) {
        None | Some(CriticDeed::Approve | CriticDeed::Tamper) => {
            review("APPROVE", &nonce, &head, None, 0)
        }
        Some(CriticDeed::Revise(what)) => review("REVISE", &nonce, &head, Some(what), 0),
        Some(CriticDeed::Reject(why)) => review("REJECT", &nonce, &head, Some(why), 0),
        Some(CriticDeed::Unmet(criterion)) => review("APPROVE", &nonce, &head, None, *criterion),
        Some(CriticDeed::Silent) => String::new(),
        Some(CriticDeed::Prose(text)) => text.clone(),
        Some(CriticDeed::Forged) => review("APPROVE", "a-guess", &head, None, 0),
        Some(CriticDeed::Stale) => review("APPROVE", &nonce, &"0".repeat(40), None, 0),
        Some(CriticDeed::Trouble(trouble)) => {
            return Answer { ending: ending(trouble, now), text: String::new(), usage };
        }
    };
    Answer { ending: TurnEnding::Completed, text, usage }
}
