//! One event of every type.

use crate::domain::agent::{ExitEvidence, Stage, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::change::{Change, CheckReport, CheckResult, CheckStatus, Delivered, Workspace};
use crate::domain::closing::Deferral;
use crate::domain::epic::Part;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::{Hold, HumanReason};
use crate::domain::lane_session::LanePhase;
use crate::domain::prompt_record::{PromptRecord, PromptSection};
use crate::domain::provider::{AgentSwitch, SwitchReason};
use crate::domain::pull_request::{
    CheckState, Feedback, Offer, OfferPlan, Offering, PullRequest, PullRequestState, RemoteCheck,
    RemoteReview, ReviewThread, ReviewVerdict,
};
use crate::domain::run::{
    ContextPlan, Delivery, Interruption, ItemFacts, OptionalStages, Outcome, Phase, Reception,
    RunPlan, StagePlan, StageSet, WorkflowPermission,
};
use crate::domain::stop_policy::{Gate, Ruling, StopScope, StopVerdict, Unmet};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{
    CoderReport, CriterionAnswer, Finding, Review, Severity, StageReport, StageResult, Verdict,
};
use crate::domain::work_item::change::ItemChange;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::domain::workflow::Workflow;

use crate::store::samples::standing::standing;
use crate::store::samples::{item_id, run_id};

/// One event of every type.
pub(in crate::store) fn every_event() -> Vec<Event> {
    let mut events = item_events();
    events.extend(run_events());
    events.extend(ops_events().into_iter().chain(super::chat::chat_events()));
    events
}

pub(in crate::store) fn item_events() -> Vec<Event> {
    let item = work_item(item_id(1));
    let moved = WorkItem { state: ItemState::Done, parent: None, ..item.clone() };
    let change =
        ItemChange::between(&WorkItem { parent: Some(item_id(2)), ..item.clone() }, &moved);
    let by = || "human:cli:ann".to_owned();
    vec![
        Event::ItemCreated { item, standing: Some(Box::new(standing())) },
        Event::ItemChanged { change },
        Event::ItemWithdrawn {},
        Event::ItemClaimed { run: run_id(1), attempt: 1, fence: 1, owner: "daemon-1".to_owned() },
        Event::ItemReleased {
            run: run_id(1),
            outcome: Outcome::Throttled { until: Some(Timestamp(1_700_000_060_000)) },
            hold: Some(Hold {
                class: FailureClass::Throttled { until: None },
                until: Timestamp(1_700_000_060_000),
                reason: "the provider asked to slow down".to_owned(),
            }),
            findings: vec![finding()],
        },
        Event::ItemHumanRequested {
            run: Some(run_id(1)),
            outcome: Some(Outcome::Rejected),
            reason: HumanReason::CriticRejected,
            question: "the critic rejected it".to_owned(),
            findings: vec![finding()],
        },
        Event::ItemHumanAnswered { by: by(), answer: "try the other way".to_owned() },
        Event::ApprovalRequested { expires: Timestamp(1_700_000_100_000) },
        Event::ApprovalGiven { by: by() },
        Event::ApprovalRefused { by: by() },
        Event::ApprovalExpired {},
        Event::ItemResolved {
            run: Some(run_id(1)),
            outcome: Outcome::Succeeded,
            evidence: "merged".to_owned(),
            in_review: true,
        },
        Event::ItemReopened { by: by() },
        Event::ItemDecomposed {
            run: run_id(1),
            reason: "two things".to_owned(),
            parts: parts(),
            approval: true,
        },
        Event::ItemKeptWhole { run: run_id(1), reason: "it is one piece".to_owned() },
        Event::PartCreated { number: 1, item: item_id(3) },
        Event::ItemUpdateRequested { number: 1 },
        Event::ItemUpdateRefused {
            number: 1,
            reason: "its state was not set to Done: TF401320".to_owned(),
        },
        Event::ItemOffered { offer: offer() },
        Event::ItemPullRequestRead { pull_request: Box::new(pull_request()) },
        Event::ItemCharged { run: run_id(1), turn: 1, usage: usage(), duration_ms: 61_000 },
    ]
    .into_iter()
    .chain(lane_events())
    .collect()
}

fn lane_events() -> Vec<Event> {
    let by = || "human:cli:ann".to_owned();
    let deferral =
        || Deferral { repositories: vec!["/srv/api".to_owned(), "/srv/web".to_owned()], total: 2 };
    vec![
        Event::LaneProposed { lane: Lane::Ralph },
        Event::LaneStarted { lane: Lane::Ralph, by: by() },
        Event::LaneMoved {
            phase: LanePhase::Verifying,
            by: by(),
            note: "all tests are green".to_owned(),
        },
        Event::LaneReviewed {
            by: by(),
            approved: true,
            reason: "it does what was asked".to_owned(),
            phase: LanePhase::Review,
        },
        Event::CloseDeferred { deferral: deferral() },
        Event::CloseAcknowledged { by: by(), reason: "both are live".to_owned() },
        Event::ClosureUnproven { deferral: deferral() },
        Event::LaneUnlinked { lane: Lane::Ralph, by: by() },
    ]
}

pub(in crate::store) fn run_events() -> Vec<Event> {
    vec![
        run_started(run_id(1), item_id(1)),
        Event::WorkspaceReady {
            workspace: Workspace {
                path: "/srv/state/worktrees/demo/1".to_owned(),
                branch: "factory/DEMO-1-greet-by-name".to_owned(),
                base_branch: "main".to_owned(),
                base_commit: "a".repeat(40),
            },
            workflow: Some(Box::new(Workflow {
                commit: "9".repeat(40),
                stages: stages(),
                checks: vec!["make lint".to_owned()],
                prompts: [(Stage::Coder, "Do {{ issue.title }}.".to_owned())].into(),
                remarks: vec!["line 3: hooks are not run".to_owned()],
            })),
        },
        turn_started(1, Stage::Coder),
        turn_finished(1),
        Event::CoderReported {
            turn: 1,
            report: CoderReport {
                summary: "added it".to_owned(),
                no_change_reason: None,
                question: None,
            },
        },
        Event::TurnInterrupted {
            turn: 1,
            cause: Interruption::Crash,
            salvaged: Some("e".repeat(40)),
        },
        Event::ChecksFinished { execution: 1, report: check_report() },
        Event::ChecksUnavailable { execution: 1, failure: Failure::infrastructure("no disk") },
        Event::ReviewSubmitted { turn: 2, review: review() },
        Event::ReviewMissing { turn: 2, reason: "no verdict".to_owned() },
        Event::AuditSubmitted { turn: 3, review: review() },
        Event::DivisionSubmitted { turn: 1, reason: "two things".to_owned(), parts: parts() },
        Event::DivisionRefused { turn: 1, reason: "part 0 has no title".to_owned() },
        Event::StageFinished {
            turn: 4,
            stage: Stage::StageDocumenter,
            result: StageResult::Done {
                report: StageReport {
                    summary: "greets by name".to_owned(),
                    points: vec!["umlauts are kept".to_owned()],
                    findings: vec![finding()],
                },
            },
        },
        Event::RunAdvanced { phase: Phase::Auditing, accepted: Some("c".repeat(40)) },
        Event::RevisionRequested { round: 2, findings: vec![finding()] },
        Event::RunApproved { head: "c".repeat(40) },
        Event::RunWaiting {
            failure: Failure::new(FailureClass::Quota { until: None }, "used up"),
            until: Timestamp(1_700_000_060_000),
        },
        Event::RunInterrupted { cause: Interruption::Shutdown, fence: 2 },
        Event::RunAdopted { turn: 2, fence: 3 },
        Event::AgentSwitched { stage: Stage::Coder, switch: switch() },
        Event::RunInstructed {
            by: "human:cli:ann".to_owned(),
            text: "use the other file".to_owned(),
            reception: Reception::Injected { turn: 2 },
        },
        Event::RunGoalChanged {
            title: "Greet in two languages".to_owned(),
            body: "- [ ] says hello\n- [ ] says hallo\n".to_owned(),
        },
        Event::RunDelivered {
            delivered: Delivered::Merge {
                base: "main".to_owned(),
                before: "a".repeat(40),
                after: "f".repeat(40),
                checkout: Some("git -C /srv/demo reset --hard".to_owned()),
            },
        },
        Event::DeliveryFailed { execution: 1, failure: Failure::infrastructure("locked") },
        Event::LateResult { effect: "turn".to_owned(), reason: "over".to_owned() },
        run_finished(),
        Event::RunCleaned { kept: false, salvaged: None },
    ]
}

pub(in crate::store) fn run_finished() -> Event {
    Event::RunFinished {
        outcome: Outcome::Succeeded,
        detail: "merged into main".to_owned(),
        findings: Vec::new(),
    }
}

fn check_report() -> CheckReport {
    CheckReport {
        head: "c".repeat(40),
        results: vec![CheckResult {
            command: "cargo test".to_owned(),
            status: CheckStatus::Passed,
            exit_code: Some(0),
            output: "ok".to_owned(),
            duration_ms: 900,
        }],
    }
}

fn review() -> Review {
    Review {
        verdict: Verdict::Revise,
        commit: "c".repeat(40),
        findings: vec![finding()],
        criteria: vec![CriterionAnswer {
            criterion: 1,
            met: true,
            evidence: "src/lib.rs:3".to_owned(),
        }],
    }
}

pub(in crate::store) fn ops_events() -> Vec<Event> {
    vec![
        Event::DaemonStarted {
            instance: "daemon-1".to_owned(),
            version: "0.1.0".to_owned(),
            epoch: 1,
        },
        Event::DaemonStopped { instance: "daemon-1".to_owned() },
        Event::Paused { by: "human:cli:ann".to_owned() },
        Event::Resumed { by: "human:cli:ann".to_owned() },
        Event::TurboSet {
            by: "human:cli:ann".to_owned(),
            until: Some(Timestamp(1_700_000_100_000)),
        },
        Event::AgentRefused {
            agent: "claude".to_owned(),
            run: run_id(1),
            turn: 1,
            message: "401: invalid x-api-key".to_owned(),
        },
        Event::AgentCleared { agent: "claude".to_owned(), by: "human:cli:ann".to_owned() },
        Event::AgentAccepted { agent: "claude".to_owned() },
        Event::ProviderSet { by: "human:cli:ann".to_owned(), provider: Some("codex".to_owned()) },
        Event::StopJudged {
            verdict: StopVerdict::new(
                StopScope::Lane { item: item_id(1) },
                Ruling::Overridden { reason: "the machine is needed".to_owned() },
                "human:cli:ann",
                vec![Unmet {
                    item: item_id(1),
                    lane: Some(Lane::Ralph),
                    gate: Gate::ReviewNotPassed,
                }],
            ),
        },
        Event::StopAcknowledged {
            by: "human:cli:ann".to_owned(),
            reason: "seen, it goes on tomorrow".to_owned(),
        },
    ]
}

pub(in crate::store) fn work_item(id: ItemId) -> WorkItem {
    WorkItem {
        id,
        project: Some(ProjectId::new("demo")),
        title: "Greet by name".to_owned(),
        body: "Acceptance criteria\n- says `hello, Zoë`".to_owned(),
        state: ItemState::Todo,
        priority: Priority::High,
        labels: vec!["good first issue".to_owned()],
        lane: Lane::Autopilot,
        blocked_by: vec![ItemId::new("local/DEMO-0")],
        parent: None,
        author: Some("ann".to_owned()),
        trust: Trust::Trusted,
        created_at: Some(Timestamp(1_699_999_999_000)),
        revision: "sha256:1".to_owned(),
        overrides: Overrides {
            coder_only: false,
            full_pipeline: true,
            model: Some("small".to_owned()),
        },
    }
}

fn switch() -> AgentSwitch {
    AgentSwitch {
        from: "claude".to_owned(),
        to: "codex".to_owned(),
        reason: SwitchReason::Failover {
            why: "the usage window of agent claude is closed".to_owned(),
            until: Some(Timestamp(1_700_000_100_000)),
        },
    }
}

fn stages() -> StageSet {
    let stage = StagePlan {
        agent: "claude".to_owned(),
        model: Some("small".to_owned()),
        escalate_model: Some("large".to_owned()),
        escalate_after_round: 3,
        timeout_ms: 1_800_000,
        silence_ms: 300_000,
        effort: Some("high".to_owned()),
        max_turns: Some(50),
        follows_default: true,
    };
    StageSet {
        coder: stage.clone(),
        critic: Some(stage.clone()),
        optional: OptionalStages { auditor: Some(stage), ..OptionalStages::default() },
    }
}

fn parts() -> Vec<Part> {
    let part = |title: &str, depends_on| Part {
        title: title.to_owned(),
        description: "Greet them.".to_owned(),
        acceptance: vec!["says `hello, Zoë`".to_owned()],
        estimated_minutes: 20,
        priority: Some(Priority::High),
        depends_on,
    };
    vec![part("Greet one", vec![]), part("Greet all", vec![1])]
}

fn plan() -> RunPlan {
    RunPlan {
        project: ProjectId::new("demo"),
        repository: "/srv/demo".to_owned(),
        base_branch: Some("main".to_owned()),
        identifier: "DEMO-1".to_owned(),
        title: "Greet by name".to_owned(),
        body: "Please".to_owned(),
        criteria: vec!["says `hello, Zoë`".to_owned()],
        notes: vec!["mind the umlaut".to_owned()],
        stages: stages(),
        division: None,
        context: ContextPlan { soul: Some("/srv/soul.md".to_owned()), ..ContextPlan::default() },
        facts: ItemFacts {
            state: "Todo".to_owned(),
            priority: "high".to_owned(),
            labels: vec!["good first issue".to_owned()],
            blocked_by: vec!["local/DEMO-0".to_owned()],
            author: Some("ann".to_owned()),
        },
        workflow: Some(WorkflowPermission { commands: vec!["make lint".to_owned()] }),
        max_rounds: 3,
        checks: vec!["cargo test".to_owned()],
        check_timeout_ms: 600_000,
        delivery: Delivery::PullRequest,
        offering: Offering {
            plan: OfferPlan {
                draft: true,
                template: Some("docs/offer.md".to_owned()),
                reviewers: vec!["ann".to_owned()],
                labels: vec!["factory".to_owned()],
            },
            continues: Some(Box::new(offer())),
            feedback: Some(Box::new(Feedback::of(&pull_request()))),
        },
    }
}

fn offer() -> Offer {
    Offer {
        run: run_id(2),
        earlier: vec![run_id(1)],
        project: ProjectId("demo".to_owned()),
        forge: "github owner/name".to_owned(),
        number: 7,
        url: "https://github.com/owner/name/pull/7".to_owned(),
        branch: "factory/DEMO-1-greet-by-name".to_owned(),
        base_commit: "a".repeat(40),
        head: "b".repeat(40),
    }
}

fn pull_request() -> PullRequest {
    PullRequest {
        number: 7,
        url: offer().url,
        branch: offer().branch,
        base: "main".to_owned(),
        head: offer().head,
        state: PullRequestState::Open { draft: false },
        mergeable: Some(true),
        checks: vec![RemoteCheck {
            name: "build".to_owned(),
            state: CheckState::Failed,
            url: Some("https://ci.example.com/1".to_owned()),
            summary: "2 tests fail".to_owned(),
        }],
        reviews: vec![RemoteReview {
            author: "ann".to_owned(),
            trusted: true,
            verdict: ReviewVerdict::ChangesRequested,
            text: "Greet in lower case.".to_owned(),
            at: Timestamp(1_700_000_200_000),
        }],
        threads: vec![ReviewThread {
            id: "1".to_owned(),
            file: Some("src/lib.rs".to_owned()),
            line: Some(3),
            resolved: false,
            author: "ann".to_owned(),
            trusted: true,
            text: "Why?".to_owned(),
        }],
    }
}

pub(in crate::store) fn finding() -> Finding {
    Finding {
        severity: Severity::Major,
        file: Some("src/lib.rs".to_owned()),
        line: Some(3),
        problem: "greets nobody".to_owned(),
        fix: None,
    }
}

pub(in crate::store) fn usage() -> Usage {
    Usage {
        input_tokens: 1200,
        output_tokens: 300,
        cache_read_tokens: 8000,
        cache_write_tokens: 100,
        cost_micro_usd: 12_500,
        unpriced_calls: 1,
    }
}

pub(in crate::store) fn run_started(run: RunId, item: ItemId) -> Event {
    Event::RunStarted {
        run,
        item,
        attempt: 1,
        fence: 1,
        plan: Box::new(plan()),
        inherited: vec![finding()],
    }
}

pub(in crate::store) fn turn_started(turn: u32, stage: Stage) -> Event {
    Event::TurnStarted {
        turn,
        stage,
        round: 1,
        agent: "claude".to_owned(),
        model: Some("small".to_owned()),
        escalated: false,
        session: "s-1".to_owned(),
        resumes: None,
        head: "a".repeat(40),
        nonce: Some("n0nce".to_owned()),
        prompt: PromptRecord {
            sha256: "b".repeat(64),
            bytes: 2048,
            tokens: 512,
            sections: vec![section("Goal")],
            omitted: vec![section("Project rules: AGENTS.md")],
            unavailable: vec!["earlier runs: the log is busy".to_owned()],
        },
    }
}

fn section(name: &str) -> PromptSection {
    PromptSection { name: name.to_owned(), bytes: 400, tokens: 100 }
}

pub(in crate::store) fn turn_finished(turn: u32) -> Event {
    Event::TurnFinished {
        turn,
        report: TurnReport {
            ending: TurnEnding::Completed,
            text: "done".to_owned(),
            usage: usage(),
            session: Some("s-2".to_owned()),
            model: Some("small-2".to_owned()),
            exit: ExitEvidence { code: Some(0), signal: None },
            duration_ms: 61_000,
            leftovers: 1,
            tool_calls: 7,
        },
        change: Some(Change {
            head: "c".repeat(40),
            files: vec!["src/lib.rs".to_owned()],
            insertions: 10,
            deletions: 2,
            diff_sha256: "d".repeat(64),
        }),
        tampered: false,
    }
}
