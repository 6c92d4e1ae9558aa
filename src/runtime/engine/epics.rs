//! Items that are divided: whether they are, having their parts created one after the other, and completing them.

use std::time::Duration;

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::infrastructure_backoff;
use crate::domain::ids::{EffectKey, ItemId, RunId};
use crate::domain::item_record::{HumanReason, ItemRecord, ItemStatus};
use crate::domain::run::{Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::domain::verdict::StageResult;
use crate::domain::work_item::{ItemState, Trust, WorkItem};
use crate::domain::{agent::Stage, bounds};
use crate::planner::division::{self, Division};
use crate::store::batch::Settlement;

use super::{Engine, TrackerFailure};

/// Who takes a question back that the parts have answered.
const OURSELVES: &str = "system:dispatcher";

impl Engine {
    /// What is to become of an item that may start: it runs whole, is divided, or waits.
    pub(super) fn division(&self, record: &ItemRecord, now: Timestamp) -> Division {
        let today = division::parts_of_today(&self.items, now).saturating_add(self.parts_planned());
        division::decide(record, &self.items, &self.policy.division, today, now)
    }

    /// What people are told of an item's size, where items are divided at all.
    pub(super) fn size_of(&self, record: &ItemRecord, now: Timestamp) -> Option<String> {
        if !self.policy.division.enabled || !is_open(record) || record.epic.is_some() {
            return None;
        }
        Some(self.division(record, now).to_string())
    }

    /// Parts that planners under way may come to.
    pub(super) fn parts_planned(&self) -> u32 {
        let planning = self.runs.values().filter(|state| {
            let early = matches!(state.phase, Phase::Preparing | Phase::Planning);
            state.outcome.is_none() && early && state.plan.stages.optional.planner.is_some()
        });
        let most = planning.filter_map(|state| state.plan.division.as_ref());
        most.map(|plan| plan.most_parts).fold(0, u32::saturating_add)
    }

    /// A planner was asked and did not divide: that holds for this text.
    pub(super) fn note_kept_whole(&mut self, run: RunId, event: &Event, now: Timestamp) {
        let Event::StageFinished { stage: Stage::Planner, result, .. } = event else { return };
        let reason = match result {
            StageResult::Done { report } if report.summary.is_empty() => {
                "the planner says that it is one piece".to_owned()
            }
            StageResult::Done { report } => {
                format!("the planner says that it is one piece: {}", report.summary)
            }
            StageResult::Skipped { reason } => reason.clone(),
        };
        let reason = bounds::first_chars(&reason, bounds::DETAIL_CHARS);
        if let Some(item) = self.runs.get(&run).map(|state| state.item.clone()) {
            self.record_item(&item, Event::ItemKeptWhole { run, reason }, now);
        }
    }

    /// The item has just been divided: its parts are wanted, or people are asked whether they are.
    pub(super) fn divided(&mut self, item: &ItemId, now: Timestamp) {
        let agreed = self.items.get(item).and_then(|record| record.epic.as_ref()?.agreed);
        if agreed.is_some() {
            return self.create_next(item, now);
        }
        let expires = now.after(Duration::from_millis(self.policy.approval.expires_ms));
        self.record_item(item, Event::ApprovalRequested { expires }, now);
        let entry = format!("its parts wait for approval until {expires}");
        self.update_tracker(item, None, entry, now);
    }

    /// Why nobody can agree to the parts of the item today, if so.
    pub(super) fn no_room_for(&self, record: &ItemRecord, now: Timestamp) -> Option<String> {
        let epic = record.epic.as_ref().filter(|epic| epic.agreed.is_none())?;
        let limit = self.policy.division.daily_limit;
        let today = division::parts_of_today(&self.items, now).saturating_add(self.parts_planned());
        (today.saturating_add(epic.total()) > limit).then(|| {
            format!(
                "{today} of {limit} parts of today are taken, and it has {}: approve it tomorrow, or raise autonomous.decomposition.daily_limit",
                epic.total()
            )
        })
    }

    /// Goes on with the parts of a divided item, where nothing is under way: somebody has put right what stopped it.
    pub(super) fn create_next(&mut self, item: &ItemId, now: Timestamp) {
        let Some(record) = self.items.get(item).filter(|record| is_open(record)) else { return };
        let Some(epic) = &record.epic else { return };
        let Some(number) = epic.next() else { return };
        if self.outbox.creates_for(item) {
            return;
        }
        let (parent, run, after) = (item.clone(), epic.run, record.updates);
        self.request(Effect::CreateItem { parent, run, number, after }, now);
    }

    /// A part was created, or could not be.
    pub(super) fn part_created(
        &mut self,
        key: &EffectKey,
        result: Result<WorkItem, TrackerFailure>,
        now: Timestamp,
    ) {
        let Some(Effect::CreateItem { parent, number, .. }) = self.outbox.effect(key).cloned()
        else {
            return;
        };
        match result {
            Ok(part) => {
                self.settle(key, Settlement::Done);
                let created = Event::PartCreated { number, item: part.id.clone() };
                self.record_item(&parent, created, now);
                self.written.insert(part.id.clone(), now);
                let state = part.state;
                self.observe_item(part, None, Some(state), now);
                self.create_next(&parent, now);
                self.tell_of_parts(&parent, now);
            }
            Err(failure) if failure.again => {
                let failures = self.outbox.failures(key).saturating_add(1);
                let pause = infrastructure_backoff(failures).max(failure.wait.unwrap_or_default());
                let not_before = now.after(pause);
                self.settle(key, Settlement::Retry { not_before, error: failure.message });
            }
            Err(failure) => {
                self.settle(key, Settlement::Dead { error: failure.message.clone() });
                self.ask_about_part(&parent, number, &failure.message, now);
            }
        }
    }

    /// Tells the item's tracker of its parts, once all are there.
    fn tell_of_parts(&mut self, parent: &ItemId, now: Timestamp) {
        let Some(epic) = self.items.get(parent).and_then(|record| record.epic.as_ref()) else {
            return;
        };
        if epic.next().is_some() {
            return;
        }
        let names: Vec<&str> = epic.created.values().map(|part| part.item.identifier()).collect();
        let entry = format!("divided into {} items: {}", names.len(), names.join(", "));
        self.update_tracker(parent, Some(ItemState::InProgress), entry, now);
    }

    fn ask_about_part(&mut self, parent: &ItemId, number: u32, message: &str, now: Timestamp) {
        let Some(record) = self.items.get(parent).filter(|record| is_open(record)) else { return };
        if record.status != ItemStatus::Pending {
            return;
        }
        let total = record.epic.as_ref().map_or(0, crate::domain::epic::Epic::total);
        let question = bounds::first_chars(
            &format!("part {number} of {total} could not be created: {message}"),
            bounds::DETAIL_CHARS,
        );
        let reason = HumanReason::InfraPermanent;
        let entry = format!("waits for a person ({}): {question}", reason.word());
        let (run, outcome, findings) = (None, None, Vec::new());
        let event = Event::ItemHumanRequested { run, outcome, reason, question, findings };
        self.record_item(parent, event, now);
        self.update_tracker(parent, Some(ItemState::Blocked), entry, now);
    }

    /// All parts of the item are done: so is it, unless a person has to say so.
    pub(super) fn complete_epic(&mut self, item: &ItemId, parts: u32, now: Timestamp) {
        let evidence = format!("all {parts} parts are done");
        if let Err(deferral) = self.may_close(item) {
            let entry = format!("{evidence}; not closed: {deferral}");
            self.record_item(item, Event::CloseDeferred { deferral }, now);
            return self.update_tracker(item, Some(ItemState::InReview), entry, now);
        }
        let (run, outcome, in_review) = (None, Outcome::Succeeded, false);
        let event = Event::ItemResolved { run, outcome, evidence: evidence.clone(), in_review };
        self.record_item(item, event, now);
        self.update_tracker(item, Some(ItemState::Done), evidence, now);
    }

    /// What people were asked about the item's parts is answered by the parts.
    pub(super) fn resume_epic(&mut self, item: &ItemId, now: Timestamp) {
        let (by, answer) = (OURSELVES.to_owned(), String::new());
        self.record_item(item, Event::ItemHumanAnswered { by, answer }, now);
        let entry = "its parts go on".to_owned();
        self.update_tracker(item, Some(ItemState::InProgress), entry, now);
    }

    /// The item as it counts here: a part is no more trusted than the item it comes from, whoever wrote it into the tracker.
    pub(super) fn trusted_like_parent(&self, mut item: WorkItem) -> WorkItem {
        let parent = item.parent.as_ref().and_then(|parent| self.items.get(parent));
        let is_part = parent.and_then(|parent| parent.epic.as_ref()).is_some_and(|epic| {
            epic.next().is_some() || epic.created.values().any(|part| part.item == item.id)
        });
        if is_part && parent.is_some_and(|parent| parent.item.trust == Trust::Untrusted) {
            item.trust = Trust::Untrusted;
        }
        item
    }
}

/// Whether parts of the item are still wanted.
fn is_open(record: &ItemRecord) -> bool {
    record.present && !record.status.is_settled()
}
