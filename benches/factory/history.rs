//! A realistic past: runs driven through the engine from work item to clean-up, with made-up agents.
//!
//! The batches are those that the daemon would store, event for event; nothing here knows what they hold.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use enact_factory::domain::agent::{ExitEvidence, Stage, TurnEnding, TurnReport};
use enact_factory::domain::budget::Usage;
use enact_factory::domain::change::{
    Change, CheckReport, CheckResult, CheckStatus, Delivered, Workspace,
};
use enact_factory::domain::effect::Effect;
use enact_factory::domain::ids::{ItemId, ProjectId, RunId};
use enact_factory::domain::prompt_record::{PromptRecord, PromptSection};
use enact_factory::domain::time::Timestamp;
use enact_factory::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use enact_factory::pipeline::input::{FinishedTurn, Input as RunInput, PreparedTurn};
use enact_factory::runtime::clock::{IdSource, SystemIds};
use enact_factory::runtime::engine::{
    Engine, Handled, Identity, Input, Loaded, Wanted as WantedEffect, Written,
};
use enact_factory::store::batch::Batch;

use crate::place::{Place, Wanted};

/// Runs under way at once.
const WAVE: usize = 100;

/// A work item as people write them.
const BODY: &str = "When a customer is deleted while an invoice of theirs is being printed, the print job fails with a \
null reference and the invoice stays in state `printing` for ever. Seen three times last week in the nightly batch.\n\n\
Steps: open an invoice, start printing, delete the customer in another window, wait.\n\n## Acceptance criteria\n\n\
- [ ] The print job of a deleted customer ends with a readable error\n\
- [ ] The invoice goes back to `open`\n- [ ] A test covers both\n";

const CRITIC: &str = "I read the diff against the base commit and ran the test suite in the worktree. The change does what \
the item asks for: the guard is in the right place, and the new test fails without it.";

/// Makes batches.
pub struct History {
    engine: Engine,
    now: Timestamp,
    made: usize,
    random: u64,
    items: BTreeSet<ItemId>,
}

impl History {
    /// A past that ends about now when `runs` of them are made, for a store at `epoch`.
    pub fn new(epoch: u64, runs: usize) -> Self {
        let place = Place::new(Wanted { slots: WAVE, agent_ms: 0, poll_ms: 2000 });
        let mut policy = place.settings().policy;
        for project in policy.projects.values_mut() {
            project.checks = vec!["cargo test".to_owned()];
        }
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let now =
            enact_factory::runtime::clock::Clock::now(&enact_factory::runtime::clock::SystemClock);
        // A minute per run.
        let now = now.before(Duration::from_secs(60 * runs as u64));
        let identity = Identity {
            instance: ids.ordered(now).to_string(),
            epoch,
            sources: BTreeSet::from(["local".to_owned()]),
            cards: BTreeSet::new(),
        };
        let engine = Engine::new(Loaded::default(), Arc::new(policy), identity, ids);
        Self { engine, now, made: 0, random: 1, items: BTreeSet::new() }
    }

    /// The batches of the next `count` runs, at most a hundred, from the items' first sight to the end.
    pub fn wave(&mut self, count: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let items: Vec<WorkItem> = (0..count.min(WAVE)).map(|_| self.item()).collect();
        // What was seen before is still there.
        let unreadable = self.items.iter().cloned().collect();
        self.items.extend(items.iter().map(|item| item.id.clone()));
        let (source, problems, began) = ("local".to_owned(), Vec::new(), self.now);
        self.take(
            Input::Observed {
                source,
                items,
                standings: std::collections::BTreeMap::new(),
                unreadable,
                problems,
                began,
            },
            &mut batches,
        );
        self.take(Input::Plan, &mut batches);
        let mut due: VecDeque<WantedEffect> = self.engine.start_due(self.now).into();
        while let Some(wanted) = due.pop_front() {
            self.carry_out(wanted, &mut batches);
            due.extend(self.engine.start_due(self.now));
        }
        batches
    }

    fn take(&mut self, input: Input, batches: &mut Vec<Batch>) {
        self.now = self.now.after(Duration::from_millis(1500));
        let Handled { batch, .. } = self.engine.handle(input, self.now);
        batches.extend(batch);
    }

    fn item(&mut self) -> WorkItem {
        self.made += 1;
        let number = self.made;
        WorkItem {
            id: ItemId(format!("local/SHOP-{number}")),
            project: Some(ProjectId::new("bench")),
            title: format!("Printing the invoice of a deleted customer fails ({number})"),
            body: BODY.to_owned(),
            state: ItemState::Todo,
            priority: Priority::ALL[number % 4],
            labels: vec!["bug".to_owned(), "billing".to_owned()],
            lane: Lane::Autopilot,
            blocked_by: Vec::new(),
            parent: None,
            author: Some("ann".to_owned()),
            trust: Trust::Trusted,
            created_at: Some(self.now),
            revision: self.hex(64),
            overrides: Overrides::default(),
        }
    }

    fn carry_out(&mut self, WantedEffect { key, effect }: WantedEffect, batches: &mut Vec<Batch>) {
        let (run, input) = match effect {
            Effect::PrepareWorkspace { run } => {
                (run, RunInput::WorkspaceReady { workspace: self.workspace(run), workflow: None })
            }
            Effect::RunTurn { run, turn } => {
                let prepared = self.prepared(turn);
                let nonce = prepared.nonce.clone();
                let input = RunInput::TurnPrepared(Box::new(prepared));
                self.take(
                    Input::Run { run, key: Some(key.clone()), settles: false, input },
                    batches,
                );
                (run, RunInput::TurnFinished(Box::new(self.finished(run, turn, &nonce))))
            }
            Effect::RunChecks { run, execution } => {
                (run, RunInput::ChecksFinished { execution, report: self.checks(run) })
            }
            Effect::Deliver { run, .. } => {
                let (before, after) = (self.hex(40), self.hex(40));
                let delivered =
                    Delivered::Merge { base: "main".to_owned(), before, after, checkout: None };
                (run, RunInput::Delivered { delivered })
            }
            Effect::CleanUp { run, .. } => {
                (run, RunInput::CleanedUp { kept: false, salvaged: None })
            }
            Effect::CreateItem { .. } => unreachable!("nothing is divided here"),
            Effect::UpdateTracker { item, state, .. } => {
                let record = self.engine.item(&item).expect("an item");
                let item =
                    WorkItem { state: state.unwrap_or(record.item.state), ..record.item.clone() };
                let written = Written { current: item, refused: None };
                return self.take(Input::TrackerWritten { key, result: Ok(written) }, batches);
            }
        };
        self.take(Input::Run { run, key: Some(key), settles: true, input }, batches);
    }

    fn workspace(&mut self, run: RunId) -> Workspace {
        let identifier =
            self.engine.run(run).map(|state| state.plan.identifier.clone()).unwrap_or_default();
        Workspace {
            path: format!("/var/lib/enact-factory/worktrees/bench/{run}"),
            branch: format!("factory/{identifier}-printing-the-invoice-of-a-deleted-customer"),
            base_branch: "main".to_owned(),
            base_commit: self.hex(40),
        }
    }

    fn prepared(&mut self, turn: u32) -> PreparedTurn {
        let sections = ["Your task", "Goal", "Acceptance criteria", "How to answer"];
        PreparedTurn {
            turn,
            session: SystemIds.random().to_string(),
            resumes: None,
            head: self.hex(40),
            nonce: self.hex(32),
            prompt: PromptRecord {
                sha256: self.hex(64),
                bytes: 4200,
                tokens: 1050,
                sections: sections
                    .map(|name| PromptSection { name: name.to_owned(), bytes: 1000, tokens: 250 })
                    .to_vec(),
                ..PromptRecord::default()
            },
        }
    }

    fn finished(&mut self, run: RunId, turn: u32, nonce: &str) -> FinishedTurn {
        let state = self.engine.run(run).expect("a run");
        let (stage, round) = (state.stage().expect("a stage"), state.round);
        let head = state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
        let text = match stage {
            Stage::Coder => r#"{"summary": "A deleted customer no longer breaks the print job; the invoice is opened again. Added a test for both."}"#.to_owned(),
            _ => review(nonce, &head, round == 1 && self.number().is_multiple_of(3)),
        };
        let change = (stage == Stage::Coder).then(|| Change {
            head: self.hex(40),
            files: vec!["src/billing/print.rs".to_owned(), "tests/printing.rs".to_owned()],
            insertions: 41,
            deletions: 6,
            diff_sha256: self.hex(64),
        });
        let duration_ms = 90_000 + self.number() % 100_000;
        let report = TurnReport {
            ending: TurnEnding::Completed,
            text,
            usage: Usage {
                input_tokens: 12_000 + self.number() % 9_000,
                output_tokens: 900 + self.number() % 900,
                cache_read_tokens: 80_000,
                cache_write_tokens: 4_000,
                cost_micro_usd: 94_000 + self.number() % 9_000,
                unpriced_calls: 0,
            },
            session: None,
            model: Some("opus-4".to_owned()),
            exit: ExitEvidence { code: Some(0), signal: None },
            duration_ms,
            leftovers: 0,
            tool_calls: 14,
        };
        FinishedTurn { turn, report, change, tampered: false, instead: None }
    }

    fn checks(&mut self, run: RunId) -> CheckReport {
        let head = self
            .engine
            .run(run)
            .and_then(|state| state.change.as_ref())
            .map(|change| change.head.clone());
        CheckReport {
            head: head.unwrap_or_default(),
            results: vec![CheckResult {
                command: "cargo test".to_owned(),
                status: CheckStatus::Passed,
                exit_code: Some(0),
                output:
                    "test result: ok. 212 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"
                        .to_owned(),
                duration_ms: 21_000 + self.number() % 5_000,
            }],
        }
    }

    /// Hexadecimal digits that do not compress.
    fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            write!(text, "{:016x}", self.number()).expect("memory");
        }
        text.truncate(digits);
        text
    }

    /// The next number of a fixed pseudo-random sequence (SplitMix64).
    fn number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn review(nonce: &str, commit: &str, revise: bool) -> String {
    let criterion = |number: u32, evidence: &str| serde_json::json!({ "criterion": number, "met": true, "evidence": evidence });
    let finding = serde_json::json!({
        "severity": "major", "file": "src/billing/print.rs", "line": 88,
        "problem": "the invoice is opened again even when printing had already succeeded",
        "fix": "compare the job's state before changing the invoice",
    });
    let answer = serde_json::json!({
        "nonce": nonce,
        "verdict": if revise { "REVISE" } else { "APPROVE" },
        "commit": commit,
        "findings": if revise { vec![finding] } else { Vec::new() },
        "criteria": [
            criterion(1, "src/billing/print.rs:80, and the test `a_deleted_customer_is_a_readable_error`"),
            criterion(2, "src/billing/print.rs:91"),
            criterion(3, "tests/printing.rs:12 to 58; both fail without the change"),
        ],
    });
    format!("{CRITIC}\n\n```json\n{answer}\n```")
}
