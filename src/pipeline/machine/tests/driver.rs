//! Drives a run the way the daemon does: an outbox of wanted effects, results as inputs, a log of events.
//! Every input is checked against the laws that hold for all runs (`laws`).

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::agent::{ExitEvidence, Stage, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::change::{Change, CheckReport, CheckResult, CheckStatus, Delivered, Workspace};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::run::{
    ContextPlan, Delivery, Interruption, ItemFacts, OptionalStages, Outcome, Phase, RunPlan,
    StagePlan, StageSet,
};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, Severity, Verdict};
use crate::pipeline::input::{Decision, FinishedTurn, Input, PreparedTurn, Settle};
use crate::pipeline::machine::{first_effect, step};
use crate::pipeline::prompt::{self, enrichment::Enrichment};
use crate::pipeline::state::RunState;

mod failing;

pub(in crate::pipeline) const BASE: &str = "ba5eba5eba5eba5eba5eba5eba5eba5eba5eba5e";
pub(in crate::pipeline) const START: Timestamp = Timestamp(1_700_000_000_000);

/// What every turn of the driver costs.
pub(in crate::pipeline) const TURN_USAGE: Usage = Usage {
    input_tokens: 100,
    output_tokens: 10,
    cache_read_tokens: 1,
    cache_write_tokens: 2,
    cost_micro_usd: 10_000,
    unpriced_calls: 0,
};

pub(in crate::pipeline) fn stage_plan(agent: &str) -> StagePlan {
    StagePlan {
        agent: agent.to_owned(),
        model: Some("small".to_owned()),
        escalate_model: None,
        escalate_after_round: 3,
        timeout_ms: 1_800_000,
        silence_ms: 300_000,
        effort: None,
        max_turns: None,
        follows_default: true,
    }
}

/// Coder and critic, three rounds, one check, two criteria.
pub(in crate::pipeline) fn plan() -> RunPlan {
    RunPlan {
        project: ProjectId::new("demo"),
        repository: "/srv/demo".to_owned(),
        base_branch: None,
        identifier: "DEMO-1".to_owned(),
        title: "Greet the caller".to_owned(),
        body: "The program must say hello.".to_owned(),
        criteria: vec!["prints hello".to_owned(), "exits with 0".to_owned()],
        notes: Vec::new(),
        stages: StageSet {
            coder: stage_plan("coder-agent"),
            critic: Some(stage_plan("critic-agent")),
            optional: OptionalStages::default(),
        },
        division: None,
        context: ContextPlan::default(),
        facts: ItemFacts::default(),
        workflow: None,
        max_rounds: 3,
        checks: vec!["make test".to_owned()],
        check_timeout_ms: 60_000,
        delivery: Delivery::Branch,
        offering: crate::domain::pull_request::Offering::default(),
    }
}

pub(in crate::pipeline) fn finding(severity: Severity, problem: &str) -> Finding {
    Finding {
        severity,
        file: Some("src/main.rs".to_owned()),
        line: Some(7),
        problem: problem.to_owned(),
        fix: Some(format!("undo: {problem}")),
    }
}

/// Same diff, same commit; the empty diff is the base itself.
pub(in crate::pipeline) fn change(diff: &str) -> Change {
    let digest = hex::encode(Sha256::digest(diff.as_bytes()));
    let head = if diff.is_empty() { BASE.to_owned() } else { digest[..40].to_owned() };
    let files = if diff.is_empty() { Vec::new() } else { vec!["src/main.rs".to_owned()] };
    let insertions = u64::try_from(diff.len()).unwrap();
    Change { head, files, insertions, deletions: 0, diff_sha256: digest }
}

pub(in crate::pipeline) fn check_report(
    head: &str,
    status: CheckStatus,
    output: &str,
) -> CheckReport {
    let exit_code = match status {
        CheckStatus::Passed => Some(0),
        CheckStatus::NewFailure | CheckStatus::AlreadyFailing => Some(2),
        CheckStatus::TimedOut => None,
    };
    let result = CheckResult {
        command: "make test".to_owned(),
        status,
        exit_code,
        output: output.to_owned(),
        duration_ms: 5,
    };
    CheckReport { head: head.to_owned(), results: vec![result] }
}

pub(in crate::pipeline) fn turn_report(ending: TurnEnding, text: &str) -> TurnReport {
    TurnReport {
        ending,
        text: text.to_owned(),
        usage: TURN_USAGE,
        session: None,
        model: None,
        exit: ExitEvidence { code: Some(0), signal: None },
        duration_ms: 1_000,
        leftovers: 0,
        tool_calls: 3,
    }
}

/// What a critic that follows its prompt answers.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Answer {
    pub(in crate::pipeline) verdict: Verdict,
    pub(in crate::pipeline) nonce: String,
    pub(in crate::pipeline) commit: String,
    pub(in crate::pipeline) findings: Vec<Finding>,
    /// Criteria, from 1, said not to be met.
    pub(in crate::pipeline) unmet: Vec<u32>,
}

impl Answer {
    pub(in crate::pipeline) fn text(&self, criteria: usize) -> String {
        let criteria: Vec<serde_json::Value> = (1..=u32::try_from(criteria).unwrap())
            .map(|number| {
                let met = !self.unmet.contains(&number);
                serde_json::json!({"criterion": number, "met": met, "evidence": format!("line {number}")})
            })
            .collect();
        let answer = serde_json::json!({
            "nonce": self.nonce, "verdict": self.verdict.word(), "commit": self.commit,
            "findings": self.findings, "criteria": criteria,
        });
        format!("I read the diff.\n\n```json\n{answer}\n```\n")
    }
}

/// A prompt an agent was given.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Given {
    pub(in crate::pipeline) stage: Stage,
    pub(in crate::pipeline) text: String,
}

#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Driver {
    pub(in crate::pipeline) state: RunState,
    pub(in crate::pipeline) now: Timestamp,
    /// Everything that happened, the first event included.
    pub(in crate::pipeline) log: Vec<(Event, Timestamp)>,
    /// Effects that are wanted and not settled, by key.
    pub(in crate::pipeline) outbox: BTreeMap<String, (Effect, Timestamp)>,
    /// Every prompt built so far.
    pub(in crate::pipeline) prompts: Vec<Given>,
    /// What the last input led to.
    pub(in crate::pipeline) last: Option<Decision>,
    /// Sum over every turn that was ever reported with its number in flight.
    pub(in crate::pipeline) spent: Usage,
    diff: String,
}

impl Driver {
    /// A run whose first event is stored and whose worktree is not there yet.
    pub(in crate::pipeline) fn fresh(plan: RunPlan, inherited: Vec<Finding>) -> Self {
        let started = Event::RunStarted {
            run: RunId(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001)),
            item: ItemId::new("local/DEMO-1"),
            attempt: 1,
            fence: 1,
            plan: Box::new(plan),
            inherited,
        };
        let state = RunState::first(&started, START).unwrap();
        let mut driver = Self {
            state,
            now: START,
            log: vec![(started, START)],
            outbox: BTreeMap::new(),
            prompts: Vec::new(),
            last: None,
            spent: Usage::default(),
            diff: String::new(),
        };
        driver.want(first_effect(&driver.state), START);
        driver
    }

    /// A run of `plan` whose worktree is ready.
    pub(in crate::pipeline) fn with(plan: RunPlan) -> Self {
        let mut driver = Self::fresh(plan, Vec::new());
        driver.workspace();
        driver
    }

    /// A run of the ordinary plan whose worktree is ready.
    pub(in crate::pipeline) fn new() -> Self {
        Self::with(plan())
    }

    fn want(&mut self, effect: Effect, at: Timestamp) {
        self.outbox.entry(effect.key().0).or_insert((effect, at));
    }

    /// Gives the machine one input, as the daemon would: append, evolve, settle, request.
    pub(in crate::pipeline) fn feed(&mut self, input: Input) -> &mut Self {
        self.now = self.now.after(Duration::from_millis(1));
        let before = self.state.clone();
        let cause = self.cause_of(&input);
        if let Input::TurnFinished(finished) = &input
            && before.turn(finished.turn).is_some_and(|turn| turn.in_flight())
        {
            self.spent += finished.report.usage;
        }
        let after = step(&before, input, self.now);
        let unseen = after.state.clone();
        let decision = after.into_decision();
        for event in &decision.events {
            self.state.evolve(event, self.now);
            self.log.push((event.clone(), self.now));
        }
        assert_eq!(self.state, unseen, "deciding relied on something that no event tells");
        if let Some(key) = cause {
            match &decision.settle {
                Settle::Done => {
                    self.outbox.remove(&key);
                }
                Settle::Retry { at, .. } => {
                    if let Some(wanted) = self.outbox.get_mut(&key) {
                        wanted.1 = *at;
                    }
                }
            }
        }
        for (effect, at) in decision.effects.clone() {
            self.want(effect, at);
        }
        if self.state.phase == Phase::Finished {
            self.outbox.retain(|_, (effect, _)| matches!(effect, Effect::CleanUp { .. }));
        }
        self.last = Some(decision);
        super::properties::laws(&before, self);
        self
    }

    /// Key of the effect whose result `input` is, if that effect is wanted.
    fn cause_of(&self, input: &Input) -> Option<String> {
        let run = self.state.id;
        let effect = match input {
            Input::WorkspaceReady { .. } | Input::WorkspaceFailed { .. } => {
                Effect::PrepareWorkspace { run }
            }
            Input::TurnNotStarted { turn, .. } => Effect::RunTurn { run, turn: *turn },
            // A task whose turn was never recorded has nothing to report.
            Input::TurnFinished(finished) => {
                let in_flight = self.state.turn_in_flight()?;
                (in_flight.turn == finished.turn)
                    .then_some(Effect::RunTurn { run, turn: finished.turn })?
            }
            Input::ChecksFinished { execution, .. } | Input::ChecksFailed { execution, .. } => {
                Effect::RunChecks { run, execution: *execution }
            }
            Input::Delivered { .. } => {
                Effect::Deliver { run, execution: self.state.delivery_executions + 1 }
            }
            Input::DeliveryFailed { execution, .. } => {
                Effect::Deliver { run, execution: *execution }
            }
            Input::CleanedUp { .. } => Effect::CleanUp { run, keep: true },
            // The turn of the daemon that went away has no task any more.
            Input::Interrupted { .. } => {
                Effect::RunTurn { run, turn: self.state.turn_in_flight()?.turn }
            }
            // The others come from no effect.
            _ => return None,
        };
        let key = effect.key().0;
        self.outbox.contains_key(&key).then_some(key)
    }

    /// The effect the run cannot go on without.
    pub(in crate::pipeline) fn wanted(&self) -> Effect {
        let run = self.state.id;
        let effect = match self.state.phase {
            Phase::Preparing => Effect::PrepareWorkspace { run },
            Phase::Planning
            | Phase::Diagnosing
            | Phase::Coding
            | Phase::Critiquing
            | Phase::Testing
            | Phase::Documenting
            | Phase::Auditing
            | Phase::StageDocumenting => {
                let in_flight = self.state.turn_in_flight().map(|turn| turn.turn);
                Effect::RunTurn { run, turn: in_flight.unwrap_or(self.state.next_turn()) }
            }
            Phase::Checking => {
                Effect::RunChecks { run, execution: self.state.check_executions + 1 }
            }
            Phase::Publishing => {
                Effect::Deliver { run, execution: self.state.delivery_executions + 1 }
            }
            Phase::Finished => Effect::CleanUp { run, keep: true },
        };
        let key = effect.key().0;
        let found = self.outbox.get(&key);
        assert!(found.is_some(), "a run that is {} wants {key}", self.state.phase.word());
        found.unwrap().0.clone()
    }

    /// Lets time pass until the wanted effect is due.
    pub(in crate::pipeline) fn wait(&mut self) -> Effect {
        let effect = self.wanted();
        self.now = self.now.max(self.outbox[&effect.key().0].1);
        effect
    }

    // --- results of effects ---

    pub(in crate::pipeline) fn workspace(&mut self) -> &mut Self {
        self.wait();
        self.feed(Input::WorkspaceReady {
            workspace: Workspace {
                path: "/state/worktrees/demo/1".to_owned(),
                branch: "factory/DEMO-1-greet-the-caller".to_owned(),
                base_branch: "trunk".to_owned(),
                base_commit: BASE.to_owned(),
            },
            workflow: None,
        })
    }

    /// Number, session and prompt of the next turn are stored; its process is started.
    pub(in crate::pipeline) fn begin(&mut self) -> &mut Self {
        let Effect::RunTurn { turn, .. } = self.wait() else {
            panic!("{:?} wants no turn", self.state.phase);
        };
        let stage = self.state.stage().unwrap();
        let nonce = format!("nonce-{turn}");
        let context = prompt::Context {
            state: &self.state,
            nonce: &nonce,
            diff: &self.diff,
            diff_left_out: &[],
            partial_work: self.state.recovering(),
            enrichment: &Enrichment::default(),
        };
        let prompt = prompt::build(stage, &context);
        self.prompts.push(Given { stage, text: prompt.text });
        let head = self.state.change.as_ref().map_or(BASE, |change| &change.head).to_owned();
        self.feed(Input::TurnPrepared(Box::new(PreparedTurn {
            turn,
            session: format!("session-{turn}"),
            resumes: None,
            head,
            nonce,
            prompt: prompt.record,
        })))
    }

    /// Ends the turn in flight.
    pub(in crate::pipeline) fn end(
        &mut self,
        ending: TurnEnding,
        text: &str,
        change: Option<Change>,
        tampered: bool,
    ) -> &mut Self {
        let turn = self.state.turn_in_flight().unwrap().turn;
        let report = turn_report(ending, text);
        self.feed(Input::TurnFinished(Box::new(FinishedTurn {
            turn,
            report,
            change,
            tampered,
            instead: None,
        })))
    }

    /// A whole turn that ends as told, with `diff` in the worktree.
    pub(in crate::pipeline) fn turn(
        &mut self,
        ending: TurnEnding,
        text: &str,
        diff: &str,
    ) -> &mut Self {
        self.begin();
        if self.state.stage().is_some_and(Stage::writes) {
            diff.clone_into(&mut self.diff);
        }
        self.end(ending, text, Some(change(diff)), false)
    }

    /// A whole turn of `stage`, which may write, that says `text` and leaves `diff`.
    pub(in crate::pipeline) fn writes(
        &mut self,
        stage: Stage,
        diff: &str,
        text: &str,
    ) -> &mut Self {
        assert_eq!(self.state.stage(), Some(stage));
        self.turn(TurnEnding::Completed, text, diff)
    }

    /// A whole turn of `stage`, which may only read, that says `text`.
    pub(in crate::pipeline) fn says(&mut self, stage: Stage, text: &str) -> &mut Self {
        assert_eq!(self.state.stage(), Some(stage));
        self.begin();
        self.end(TurnEnding::Completed, text, None, false)
    }

    /// A whole auditor turn with a readable, bound verdict.
    pub(in crate::pipeline) fn audit(
        &mut self,
        verdict: Verdict,
        findings: &[Finding],
    ) -> &mut Self {
        assert_eq!(self.state.stage(), Some(Stage::Auditor));
        self.begin();
        let nonce = self.state.turn_in_flight().and_then(|turn| turn.nonce.clone()).unwrap();
        let commit = self.state.change.as_ref().unwrap().head.clone();
        let findings = findings.to_vec();
        let text = Answer { verdict, nonce, commit, findings, unmet: Vec::new() }.text(0);
        self.end(TurnEnding::Completed, &text, None, false)
    }

    /// The coder ends its turn in order, leaving `diff`.
    pub(in crate::pipeline) fn coder_done(&mut self, diff: &str) -> &mut Self {
        self.coder_says(diff, r#"{"summary": "SELF-PRAISE: flawless"}"#)
    }

    pub(in crate::pipeline) fn coder_says(&mut self, diff: &str, text: &str) -> &mut Self {
        assert_eq!(self.state.stage(), Some(Stage::Coder));
        self.turn(TurnEnding::Completed, text, diff)
    }

    /// The checks run on the head and pass, or fail with `output`.
    pub(in crate::pipeline) fn checks(&mut self, failing: Option<&str>) -> &mut Self {
        let status = if failing.is_some() { CheckStatus::NewFailure } else { CheckStatus::Passed };
        self.check_status(status, failing.unwrap_or("ok"))
    }

    pub(in crate::pipeline) fn check_status(
        &mut self,
        status: CheckStatus,
        output: &str,
    ) -> &mut Self {
        let Effect::RunChecks { execution, .. } = self.wait() else {
            panic!("{:?} wants no checks", self.state.phase);
        };
        let head = self.state.change.as_ref().unwrap().head.clone();
        self.feed(Input::ChecksFinished { execution, report: check_report(&head, status, output) })
    }

    /// What a critic in order would answer now; the turn is started.
    pub(in crate::pipeline) fn ask_critic(&mut self, verdict: Verdict) -> Answer {
        assert_eq!(self.state.stage(), Some(Stage::Critic));
        self.begin();
        let nonce = self.state.turn_in_flight().and_then(|turn| turn.nonce.clone()).unwrap();
        let commit = self.state.change.as_ref().unwrap().head.clone();
        Answer { verdict, nonce, commit, findings: Vec::new(), unmet: Vec::new() }
    }

    pub(in crate::pipeline) fn critic_answers(&mut self, answer: &Answer) -> &mut Self {
        let text = answer.text(self.state.plan.criteria.len());
        self.end(TurnEnding::Completed, &text, self.state.change.clone(), false)
    }

    /// A whole critic turn with a readable, bound verdict.
    pub(in crate::pipeline) fn critic(
        &mut self,
        verdict: Verdict,
        findings: &[Finding],
    ) -> &mut Self {
        let mut answer = self.ask_critic(verdict);
        answer.findings = findings.to_vec();
        self.critic_answers(&answer)
    }

    pub(in crate::pipeline) fn approve(&mut self) -> &mut Self {
        self.critic(Verdict::Approve, &[])
    }

    pub(in crate::pipeline) fn revise(&mut self, problem: &str) -> &mut Self {
        self.critic(Verdict::Revise, &[finding(Severity::Major, problem)])
    }

    /// A whole critic turn that says `text`.
    pub(in crate::pipeline) fn critic_says(&mut self, text: &str) -> &mut Self {
        self.ask_critic(Verdict::Approve);
        self.end(TurnEnding::Completed, text, self.state.change.clone(), false)
    }

    pub(in crate::pipeline) fn deliver(&mut self) -> &mut Self {
        let Effect::Deliver { .. } = self.wait() else {
            panic!("{:?} delivers nothing", self.state.phase);
        };
        let branch = self.state.workspace.as_ref().unwrap().branch.clone();
        let head = self.state.approved.clone().unwrap();
        self.feed(Input::Delivered { delivered: Delivered::Branch { branch, head } })
    }

    /// A turn is started and finds the usage window closed.
    pub(in crate::pipeline) fn quota(&mut self, until: Option<Timestamp>) -> &mut Self {
        self.turn_fails(FailureClass::Quota { until })
    }

    // --- the world ---

    pub(in crate::pipeline) fn interrupt(&mut self, cause: Interruption) -> &mut Self {
        let fence = self.state.fence + 1;
        self.feed(Input::Interrupted { cause, fence, salvaged: Some("5a1va6ed".to_owned()) })
    }

    pub(in crate::pipeline) fn crash(&mut self) -> &mut Self {
        self.interrupt(Interruption::Crash)
    }

    pub(in crate::pipeline) fn shutdown(&mut self) -> &mut Self {
        self.interrupt(Interruption::Shutdown)
    }

    pub(in crate::pipeline) fn cancel(&mut self) -> &mut Self {
        self.feed(Input::Cancel { by: "ada".to_owned() })
    }

    // --- what became of it ---

    pub(in crate::pipeline) fn outcome(&self) -> &Outcome {
        self.state.outcome.as_ref().unwrap()
    }

    /// How long the wanted effect has to wait.
    pub(in crate::pipeline) fn delay(&self) -> Duration {
        self.outbox[&self.wanted().key().0].1.since(self.now)
    }

    pub(in crate::pipeline) fn last_event(&self) -> &Event {
        &self.log.last().unwrap().0
    }

    pub(in crate::pipeline) fn turns_of(&self, stage: Stage) -> usize {
        self.state.turns.iter().filter(|turn| turn.stage == stage).count()
    }

    /// Texts of the prompts `stage` was given, in order.
    pub(in crate::pipeline) fn given(&self, stage: Stage) -> Vec<&str> {
        self.prompts.iter().filter(|it| it.stage == stage).map(|it| it.text.as_str()).collect()
    }
}
