//! Watches every batch that gets into the log for what may never happen, whatever agents, people and crashes do.
//!
//! It knows nothing of the engine: it judges by the events and the outbox alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, ItemId, RunId, StreamId};
use crate::domain::item_record::ItemStatus;
use crate::domain::run::Outcome;
use crate::pipeline::state::RunState;
use crate::store::batch::{SettleEffect, Settlement};
use crate::store::envelope::Recorded;
use crate::store::rows::OutboxRow;

/// Most broken rules that are kept.
const MOST: usize = 50;

/// What is known so far, and what was seen that may not be.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    items: BTreeMap<StreamId, Item>,
    runs: BTreeMap<RunId, Run>,
    settled: BTreeMap<EffectKey, bool>,
    performed: Vec<EffectKey>,
    violations: Vec<String>,
}

#[derive(Debug)]
struct Item {
    status: ItemStatus,
    run: Option<RunId>,
    fence: u64,
    updates: u32,
}

#[derive(Debug)]
struct Run {
    item: ItemId,
    fence: u64,
    turns: BTreeMap<u32, bool>,
    finished: bool,
    delivered: bool,
}

impl Inspector {
    /// The rules that were broken.
    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The effects that were settled otherwise than by being given up, since the last time this was asked.
    pub(super) fn take_performed(&mut self) -> Vec<EffectKey> {
        std::mem::take(&mut self.performed)
    }

    /// Notes a broken rule.
    pub(super) fn violated(&mut self, what: String) {
        if self.violations.len() < MOST && !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    /// Takes one stored batch into account: its events, its settlements, and what is open after it.
    pub(super) fn batch(
        &mut self,
        events: &[Recorded],
        settled: &[SettleEffect],
        runs: &[RunState],
        effects: &[OutboxRow],
    ) {
        for recorded in events {
            if let Some(event) = recorded.event.known() {
                self.event(&recorded.stream, event);
            }
        }
        for settlement in settled {
            self.settlement(settlement);
        }
        self.open(runs, effects);
    }

    fn settlement(&mut self, settled: &SettleEffect) {
        let key = settled.key.clone();
        let last = match &settled.settlement {
            Settlement::Done | Settlement::Dead { .. } => true,
            Settlement::Retry { .. } | Settlement::Revived { .. } => false,
        };
        let is_revived = matches!(settled.settlement, Settlement::Revived { .. });
        if self.settled.get(&key) == Some(&true) && !is_revived {
            self.violated(format!("{key} was settled twice"));
        }
        if !matches!(settled.settlement, Settlement::Dead { .. }) {
            self.performed.push(key.clone());
        }
        self.settled.insert(key, last);
    }

    /// Every unfinished run has something to do, and no item has two.
    fn open(&mut self, runs: &[RunState], effects: &[OutboxRow]) {
        let mut items = BTreeSet::new();
        for run in runs {
            let open = effects.iter().any(|row| row.effect.run() == Some(run.id));
            if !open {
                let (short, phase) = (run.id.short(), run.phase.word());
                self.violated(format!("run {short} is {phase}, but nothing is asked for"));
            }
            if !items.insert(run.item.clone()) {
                self.violated(format!("{} has two unfinished runs", run.item));
            }
        }
    }

    fn event(&mut self, stream: &StreamId, event: &Event) {
        if stream.as_str().starts_with("work/") {
            self.item_event(stream, event);
        } else if let Some(run) = stream.as_str().strip_prefix("run/")
            && let Ok(run) = run.parse()
        {
            self.run_event(RunId(run), event);
        }
    }

    fn item_event(&mut self, stream: &StreamId, event: &Event) {
        if let Event::ItemCreated { item, .. } = event {
            let status = match item.state.is_terminal() {
                true => ItemStatus::Done,
                false => ItemStatus::Pending,
            };
            let fresh = Item { status, run: None, fence: 0, updates: 0 };
            if self.items.insert(stream.clone(), fresh).is_some() {
                self.violated(format!("{stream} was created twice"));
            }
            return;
        }
        let Some(item) = self.items.get_mut(stream) else {
            return self.violated(format!("{stream} began with something else than its creation"));
        };
        if let Err(what) = item.take(event) {
            self.violated(format!("{stream}: {what}"));
        }
    }

    fn run_event(&mut self, id: RunId, event: &Event) {
        let short = id.short();
        if let Event::RunStarted { item, fence, .. } = event {
            let held = self.items.get(&item.stream());
            if held.and_then(|held| held.run) != Some(id) {
                self.violated(format!("run {short} started on {item} without having claimed it"));
            }
            let run = Run {
                item: item.clone(),
                fence: *fence,
                turns: BTreeMap::new(),
                finished: false,
                delivered: false,
            };
            self.runs.insert(id, run);
            return;
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return self.violated(format!("run {short} did something before it started"));
        };
        let taken = run.take(event);
        if let Event::RunInterrupted { fence, .. } | Event::RunAdopted { fence, .. } = event
            && let Some(item) = self.items.get_mut(&run.item.stream())
        {
            item.fence = item.fence.max(*fence);
        }
        if let Err(what) = taken {
            self.violated(format!("run {short}: {what}"));
        }
    }
}

impl Item {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::ItemClaimed { run, fence, .. } => {
                self.be(&[ItemStatus::Pending], "claimed")?;
                if *fence <= self.fence {
                    return Err(format!("fence {fence} after {}", self.fence));
                }
                (self.status, self.run, self.fence) = (ItemStatus::InFlight, Some(*run), *fence);
            }
            Event::ItemReleased { run, .. } => {
                self.leave(Some(*run), "released")?;
                self.status = ItemStatus::Pending;
            }
            Event::ItemHumanRequested { run, .. } => {
                self.leave(*run, "handed to a person")?;
                self.status = ItemStatus::WaitingHuman;
            }
            Event::ItemResolved { run, outcome, .. } => {
                self.leave(*run, "resolved")?;
                self.status = settled(outcome);
            }
            Event::ItemDecomposed { run, .. } => {
                self.leave(Some(*run), "divided")?;
                self.status = ItemStatus::Pending;
            }
            Event::ItemHumanAnswered { .. } => {
                self.be(&[ItemStatus::Pending, ItemStatus::WaitingHuman], "answered")?;
                self.status = ItemStatus::Pending;
            }
            Event::ItemReopened { .. } => {
                let settled = [ItemStatus::Done, ItemStatus::Failed, ItemStatus::Cancelled];
                self.be(&settled, "reopened")?;
                self.status = ItemStatus::Pending;
            }
            Event::ItemUpdateRequested { number } => {
                if *number != self.updates + 1 {
                    return Err(format!("update {number} after update {}", self.updates));
                }
                self.updates = *number;
            }
            _ => {}
        }
        Ok(())
    }

    fn be(&self, allowed: &[ItemStatus], what: &str) -> Result<(), String> {
        if allowed.contains(&self.status) {
            return Ok(());
        }
        Err(format!("was {what} while {}", self.status.word()))
    }

    fn leave(&mut self, run: Option<RunId>, what: &str) -> Result<(), String> {
        if run != self.run {
            return Err(format!("was {what} by another run than the one that had it"));
        }
        let from = match run {
            Some(_) => [ItemStatus::InFlight].as_slice(),
            None => [ItemStatus::Pending, ItemStatus::WaitingHuman].as_slice(),
        };
        self.be(from, what)?;
        self.run = None;
        Ok(())
    }
}

fn settled(outcome: &Outcome) -> ItemStatus {
    match outcome {
        Outcome::Succeeded => ItemStatus::Done,
        Outcome::Cancelled { .. } | Outcome::Superseded => ItemStatus::Cancelled,
        Outcome::Rejected
        | Outcome::GateNotRun
        | Outcome::AgentFailed
        | Outcome::Stuck { .. }
        | Outcome::TimedOut { .. }
        | Outcome::WaitingQuota { .. }
        | Outcome::WaitingHuman
        | Outcome::Throttled { .. }
        | Outcome::InfraFailed
        | Outcome::DeliveryFailed => ItemStatus::Failed,
    }
}

impl Run {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        if self.finished {
            return self.late(event);
        }
        match event {
            Event::TurnStarted { turn, .. } => {
                if self.turns.values().any(|over| !over) {
                    return Err(format!("turn {turn} began during another"));
                }
                if self.turns.insert(*turn, false).is_some() {
                    return Err(format!("turn {turn} began twice"));
                }
            }
            Event::TurnFinished { turn, .. } | Event::TurnInterrupted { turn, .. } => {
                return self.end_turn(*turn);
            }
            Event::RunInterrupted { fence, .. } | Event::RunAdopted { fence, .. } => {
                if *fence <= self.fence {
                    return Err(format!("fence {fence} after {}", self.fence));
                }
                self.fence = *fence;
            }
            Event::RunDelivered { .. } if self.delivered => {
                return Err("was delivered twice".to_owned());
            }
            Event::RunDelivered { .. } => self.delivered = true,
            Event::RunFinished { outcome, .. } => {
                self.finished = true;
                if (*outcome == Outcome::Succeeded) != self.delivered {
                    return Err(
                        "is a success without a delivery, or the other way round".to_owned()
                    );
                }
            }
            Event::RunStarted { .. } => return Err("started twice".to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// What may still happen to a run that is over.
    fn late(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::LateResult { .. } | Event::RunCleaned { .. } => Ok(()),
            Event::TurnFinished { turn, .. } => self.end_turn(*turn),
            _ => Err("went on after it was finished".to_owned()),
        }
    }

    fn end_turn(&mut self, turn: u32) -> Result<(), String> {
        if self.turns.insert(turn, true) == Some(false) {
            return Ok(());
        }
        Err(format!("turn {turn} ended without being under way"))
    }
}
