//! The engine alone, over a strict log: outbox order, slots, stale readings, people's moves, late and stale results.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::change::Workspace;
use crate::domain::command::Command;
use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, ItemId, ProjectId, RunId};
use crate::domain::item_record::ItemStatus;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::pipeline::input::{Input as RunInput, PreparedTurn};
use crate::runtime::clock::{CountingIds, IdSource};
use crate::runtime::recovery;
use crate::runtime::simulation::scenario::Script;
use crate::store::in_memory::InMemoryStore;
use crate::store::{Store, StoreReader};

use super::{Engine, Handled, Identity, Input, Reply, TrackerFailure, Wanted, Written};

mod affording;
mod chats;
mod drain;
mod epics;
mod failover;
mod lanes;
mod logins;
mod offers;
mod outbox;
mod provider;
mod results;
mod trackers;

/// An engine whose every decision is stored at once.
struct Bench {
    engine: Engine,
    store: Arc<InMemoryStore>,
    ids: Arc<dyn IdSource>,
    policy: Policy,
    items: BTreeMap<String, WorkItem>,
    now: Timestamp,
}

/// A runtime for futures that never wait.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

impl Bench {
    /// An engine that has seen the items of a scenario (its acts and events are not used).
    fn new(scenario: &str) -> Self {
        let script = Script::parse(scenario).unwrap();
        let mut salt = 0_u128;
        let salts = Box::new(move || {
            salt += 1;
            salt.to_be_bytes()
        });
        let store = Arc::new(InMemoryStore::new(Uuid::from_u128(1), salts));
        let ids: Arc<dyn IdSource> = Arc::new(CountingIds::default());
        let items = script.parts.values();
        let items =
            items.map(|part| (part.item.id.identifier().to_owned(), part.item.clone())).collect();
        let now = script.start;
        let engine = engine(&store, &script.policy, &ids, now);
        let mut bench = Self { engine, store, ids, policy: script.policy, items, now };
        bench.read();
        bench
    }

    /// Another daemon takes the log over; this one's engine is thrown away.
    fn restart(&mut self) {
        self.engine = engine(&self.store, &self.policy, &self.ids, self.now);
    }

    fn later(&mut self, seconds: u64) -> Timestamp {
        self.now = self.now.after(std::time::Duration::from_secs(seconds));
        self.now
    }

    /// Stores a decision; its answer.
    fn store(&mut self, handled: Handled) -> Option<Reply> {
        if let Some(batch) = handled.batch {
            wait(self.store.append(batch)).unwrap();
        }
        handled.reply
    }

    fn give(&mut self, input: Input) -> Option<Reply> {
        let handled = self.engine.handle(input, self.now);
        self.store(handled)
    }

    /// Reads the tracker as it is in `items`, now.
    fn read(&mut self) {
        self.read_since(self.now);
    }

    /// Reads the tracker as it is in `items`; the reading began earlier.
    fn read_since(&mut self, began: Timestamp) {
        let items = self.items.values().cloned().collect();
        let source = "local".to_owned();
        let (unreadable, problems) = (Vec::new(), Vec::new());
        self.give(Input::Observed {
            source,
            items,
            unreadable,
            problems,
            began,
            standings: BTreeMap::new(),
        });
    }

    fn plan(&mut self) {
        self.give(Input::Plan);
    }

    fn command(&mut self, command: Command) -> Reply {
        self.give(Input::Command { command, actor: "human:cli:ann".to_owned() }).unwrap()
    }

    /// Hands out what may be started now; in words.
    fn start(&mut self) -> Vec<String> {
        let held = self.engine.hold_unaffordable(self.now);
        self.store(held);
        let wanted = self.engine.start_due(self.now);
        wanted.iter().map(|wanted| self.words(wanted)).collect()
    }

    fn words(&self, wanted: &Wanted) -> String {
        let of_run = |run: &RunId| self.engine.run(*run).unwrap().plan.identifier.clone();
        match &wanted.effect {
            Effect::PrepareWorkspace { run } => format!("prepare {}", of_run(run)),
            Effect::RunTurn { run, turn } => format!("turn {turn} {}", of_run(run)),
            Effect::RunChecks { run, .. } => format!("checks {}", of_run(run)),
            Effect::Deliver { run, .. } => format!("deliver {}", of_run(run)),
            Effect::CleanUp { run, .. } => format!("clean up {}", of_run(run)),
            Effect::UpdateTracker { item, number, .. } => {
                format!("update {number} {}", item.identifier())
            }
            Effect::CreateItem { parent, number, .. } => {
                format!("create {number} of {}", parent.identifier())
            }
        }
    }

    fn status(&self, name: &str) -> ItemStatus {
        self.engine.item(&id(name)).unwrap().status
    }

    fn run(&self, name: &str) -> RunId {
        self.engine.item(&id(name)).unwrap().run.unwrap()
    }

    /// The result of an effect of a run.
    fn result(&mut self, effect: &Effect, input: RunInput) {
        let (run, key) = (effect.run().unwrap(), Some(effect.key()));
        self.give(Input::Run { run, key, settles: true, input });
    }

    /// The worktree of the item's run is ready.
    fn prepared(&mut self, name: &str) {
        let run = self.run(name);
        let workspace = Workspace {
            path: format!("/worktrees/{name}"),
            branch: format!("factory/{name}"),
            base_branch: "main".to_owned(),
            base_commit: "b".repeat(40),
        };
        let effect = Effect::PrepareWorkspace { run };
        self.result(&effect, RunInput::WorkspaceReady { workspace, workflow: None });
    }

    /// The turn of the item's run is anchored.
    fn anchored(&mut self, name: &str, turn: u32) {
        let run = self.run(name);
        let prepared = PreparedTurn {
            turn,
            session: "session".to_owned(),
            resumes: None,
            head: "b".repeat(40),
            nonce: "nonce".to_owned(),
            prompt: crate::domain::prompt_record::PromptRecord::default(),
        };
        let key = Some(Effect::RunTurn { run, turn }.key());
        let input = RunInput::TurnPrepared(Box::new(prepared));
        self.give(Input::Run { run, key, settles: false, input });
    }

    /// Update number `number` of the item was written, and this is what the tracker has now.
    fn written(&mut self, name: &str, number: u32, change: impl FnOnce(&mut WorkItem)) {
        let item = self.items.get_mut(name).unwrap();
        change(item);
        let (key, result) =
            (update_key(name, number), Ok(Written { current: item.clone(), refused: None }));
        self.give(Input::TrackerWritten { key, result });
    }
}

fn engine(
    store: &Arc<InMemoryStore>,
    policy: &Policy,
    ids: &Arc<dyn IdSource>,
    now: Timestamp,
) -> Engine {
    let instance = ids.ordered(now).to_string();
    let epoch = wait(store.begin_epoch(&instance)).unwrap();
    let window = std::time::Duration::from_millis(policy.pace.window_ms);
    let loaded = wait(recovery::load(store.as_ref(), window, now)).unwrap();
    let identity = Identity {
        instance,
        epoch,
        sources: ["local".to_owned()].into(),
        cards: ["local".to_owned()].into(),
    };
    Engine::new(loaded, Arc::new(policy.clone()), identity, Arc::clone(ids))
}

fn id(name: &str) -> ItemId {
    ItemId::new(format!("local/{name}"))
}

fn update_key(name: &str, number: u32) -> EffectKey {
    let (item, state, entry) = (id(name), None, String::new());
    Effect::UpdateTracker { item, number, state, entry, card: None }.key()
}

const ONE: &str = "[[item]]\nid = \"A-1\"";
const TWO: &str = "[[item]]\nid = \"A-1\"\n[[item]]\nid = \"A-2\"";

#[test]
fn a_new_engine_over_the_same_log_knows_the_same() {
    let mut bench = Bench::new(TWO);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.written("A-1", 1, |item| item.state = ItemState::InProgress);
    bench.command(Command::Pause);
    bench.plan();
    let before = bench.engine.status(bench.now);
    bench.restart();
    bench.plan();
    let after = bench.engine.status(bench.now);
    assert_eq!(
        (before.items, before.runs, before.paused_by, before.open_effects),
        (after.items, after.runs, after.paused_by, after.open_effects)
    );
}

#[test]
fn a_daemon_that_was_replaced_cannot_write_any_more() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    let now = bench.now;
    let mut zombie = engine(&bench.store, &bench.policy, &bench.ids, now);
    bench.restart();
    let late = zombie
        .handle(Input::Command { command: Command::Pause, actor: "human:cli:ann".to_owned() }, now);
    let refused = wait(bench.store.append(late.batch.unwrap())).unwrap_err();
    assert!(refused.to_string().contains("no longer counts"), "{refused}");
    assert_eq!(wait(bench.store.load_ops()).unwrap().paused_by, None);
}

#[test]
fn a_project_is_found_by_its_path_and_a_repository_that_is_none_becomes_one_for_the_task() {
    let mut bench = Bench::new("");
    let task = |identifier: &str, path: &str| crate::domain::command::Task {
        identifier: identifier.to_owned(),
        text: "Say hello".to_owned(),
        path: path.to_owned(),
        coder_only: false,
        full_pipeline: false,
        model: None,
    };
    let reply = bench.command(Command::Submit { task: task("t1", "/repositories/demo") });
    let known = bench.engine.run(reply.run.unwrap()).unwrap().plan.project.clone();
    let reply = bench.command(Command::Submit { task: task("t2", "/elsewhere") });
    let strange = bench.engine.run(reply.run.unwrap()).unwrap().plan.project.clone();
    assert_eq!((known, strange), (ProjectId::new("demo"), ProjectId::new("/elsewhere")));
    let again = bench.command(Command::Submit { task: task("t2", "/elsewhere") });
    assert_eq!((again.message.as_str(), again.run), ("was submitted before", reply.run));
}
