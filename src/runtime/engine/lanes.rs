//! Operator lanes: proposed when the tracker names one, linked, moved, reviewed and let go by whoever drives them.

use crate::domain::bounds;
use crate::domain::command::LaneOrder;
use crate::domain::event::Event;
use crate::domain::ids::ItemId;
use crate::domain::item_record::{HumanReason, ItemRecord, ItemStatus};
use crate::domain::lane_session::{LanePhase, LaneSession};
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane};

use super::commands::{Found, accepted, refused};
use super::{Engine, Reply};

/// Characters of a reviewer's name that are kept.
const LONGEST_NAME: usize = 128;

/// What somebody says of the work of a lane.
struct Review<'a> {
    approved: bool,
    by: &'a str,
    reason: &'a str,
}

impl Engine {
    /// Carries out what somebody asks of an operator lane.
    pub(super) fn lane_order(&mut self, order: &LaneOrder, actor: &str, now: Timestamp) -> Reply {
        match order {
            LaneOrder::Start { lane, target } => {
                self.on_item(target, |engine, id| engine.start_lane(*lane, id, actor, now))
            }
            LaneOrder::Unlink { target } => self.unlink_lane(target, actor, now),
            LaneOrder::Advance { target, phase, evidence } => self.on_item(target, |engine, id| {
                engine.advance_lane(id, *phase, evidence, actor, now)
            }),
            LaneOrder::Review { target, approved, by, reason } => {
                let by = by.as_deref().map(|by| bounds::first_chars(by, LONGEST_NAME));
                let by = by.as_deref().unwrap_or(actor);
                let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
                let review = Review { approved: *approved, by, reason: &reason };
                self.on_item(target, |engine, id| engine.review_lane(id, &review, now))
            }
            LaneOrder::Stop { target, override_reason } => self.on_item(target, |engine, id| {
                engine.stop_lane(id, override_reason.as_deref(), actor, now)
            }),
        }
    }

    /// Puts the operator lane that the tracker names for an item on record, once, until somebody starts it.
    pub(super) fn propose_lane(&mut self, id: &ItemId, now: Timestamp) {
        let Some(record) = self.items.get(id) else { return };
        let lane = record.item.lane;
        let is_free = record.session.as_ref().is_none_or(|session| !session.is_linked());
        let is_open = record.present && !record.status.is_settled();
        if lane.is_operated() && is_free && is_open && record.proposal.is_none() {
            let name = id.identifier();
            tracing::info!(item.id = %id, "`enact-factory lane start {} {name}` starts the lane that its tracker names",
                lane.word());
            self.record_item(id, Event::LaneProposed { lane }, now);
        }
    }

    fn start_lane(&mut self, lane: Lane, id: &ItemId, actor: &str, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return super::commands::unknown(id.as_str()) };
        let name = id.identifier();
        if let Some(session) = record.session.as_ref().filter(|session| session.is_linked()) {
            if session.lane == lane && session.phase != LanePhase::Stopped {
                let (phase, since, by) = (session.phase.word(), session.since, &session.by);
                let said =
                    format!("{} is linked already, by {by} since {since}: {phase}", lane.word());
                return accepted(&said, Some(id.clone()), None);
            }
            if session.lane != lane {
                return refused(&already_linked(session.lane, name));
            }
        }
        if let Some(reason) = cannot_start(lane, record) {
            return refused(&reason);
        }
        if let Some(other) = self.linked_to(lane).filter(|other| *other != id) {
            return refused(&already_linked(lane, other.identifier()));
        }
        if record.status == ItemStatus::WaitingHuman {
            let (by, answer) = (actor.to_owned(), String::new());
            self.record_item(id, Event::ItemHumanAnswered { by, answer }, now);
        }
        self.record_item(id, Event::LaneStarted { lane, by: actor.to_owned() }, now);
        let entry = format!("lane {} started by {actor}", lane.word());
        self.update_tracker(id, Some(ItemState::InProgress), entry, now);
        self.plan(now);
        accepted(&format!("{} is linked to it", lane.word()), Some(id.clone()), None)
    }

    /// Takes the link away: of a lane by its word, or of whatever lane an item has.
    fn unlink_lane(&mut self, target: &str, actor: &str, now: Timestamp) -> Reply {
        let found = match Lane::parse(target).filter(|lane| lane.is_operated()) {
            Some(lane) => match self.linked_to(lane) {
                Some(id) => id.clone(),
                None => return accepted(&format!("{} is not linked", lane.word()), None, None),
            },
            None => match self.find(target) {
                Found::One(id) => id,
                Found::None => return super::commands::unknown(target),
                Found::Many(ids) => return super::commands::ambiguous(target, &ids),
            },
        };
        let Some(session) = self.lane_of(&found) else {
            return accepted("no lane is linked to it", Some(found), None);
        };
        if session.approved_by.is_some() {
            return refused(&waits_for_close(found.identifier()));
        }
        if matches!(session.phase, LanePhase::Verifying | LanePhase::Review) {
            let (name, phase) = (found.identifier(), session.phase.word());
            return refused(&format!(
                "{name} is in {phase}: `enact-factory lane review {name} approve|reject` ends that, or \
                 `enact-factory lane stop {name} --force --reason \"<text>\"`"
            ));
        }
        let lane = session.lane;
        self.record_item(&found, Event::LaneUnlinked { lane, by: actor.to_owned() }, now);
        let entry = format!("lane {} unlinked by {actor}", lane.word());
        self.update_tracker(&found, None, entry, now);
        self.propose_lane(&found, now);
        self.plan(now);
        accepted(&format!("{} is free again", lane.word()), Some(found), None)
    }

    fn advance_lane(
        &mut self,
        id: &ItemId,
        phase: LanePhase,
        evidence: &str,
        actor: &str,
        now: Timestamp,
    ) -> Reply {
        let Some(session) = self.lane_of(id) else { return not_linked(id) };
        let (name, at) = (id.identifier(), session.phase);
        if at == phase {
            return accepted(&format!("is in {} already", phase.word()), Some(id.clone()), None);
        }
        let state = match (at, phase) {
            (LanePhase::Running, LanePhase::Verifying) if evidence.trim().is_empty() => {
                return refused("say what proves it: --evidence \"<text>\"");
            }
            (LanePhase::Running, LanePhase::Verifying) => None,
            (LanePhase::Verifying, LanePhase::Review) => Some(ItemState::InReview),
            _ => {
                let (at, phase) = (at.word(), phase.word());
                return refused(&format!(
                    "{name} is {at}, and from there no way leads to {phase}; the way is running, verifying, review"
                ));
            }
        };
        let note = bounds::first_chars(evidence, bounds::DETAIL_CHARS);
        let said = match phase {
            LanePhase::Verifying => format!("the work is made: {note}"),
            _ => format!("handed to review by {actor}"),
        };
        self.record_item(id, Event::LaneMoved { phase, by: actor.to_owned(), note }, now);
        self.update_tracker(id, state, format!("lane {}: {said}", phase.word()), now);
        accepted(&format!("is in {} now", phase.word()), Some(id.clone()), None)
    }

    fn review_lane(&mut self, id: &ItemId, review: &Review<'_>, now: Timestamp) -> Reply {
        let Some(session) = self.lane_of(id) else { return not_linked(id) };
        if !matches!(session.phase, LanePhase::Verifying | LanePhase::Review) {
            let (name, phase) = (id.identifier(), session.phase.word());
            return refused(&format!(
                "{name} is {phase}: there is nothing to review before `enact-factory lane advance {name} verifying`"
            ));
        }
        if session.approved_by.is_some() {
            return refused(&waits_for_close(id.identifier()));
        }
        if review.approved {
            self.approve_lane(id, review, now)
        } else {
            self.send_back(id, review, now)
        }
    }

    fn approve_lane(&mut self, id: &ItemId, review: &Review<'_>, now: Timestamp) -> Reply {
        let guard = self.may_close(id);
        let phase = if guard.is_ok() { LanePhase::Completed } else { LanePhase::Review };
        let (by, reason) = (review.by.to_owned(), review.reason.to_owned());
        let mut entry = format!("lane: approved by {by}");
        if !reason.is_empty() {
            entry = format!("{entry}: {reason}");
        }
        let reviewed = Event::LaneReviewed { by, approved: true, reason, phase };
        self.record_item(id, reviewed, now);
        if let Err(deferral) = guard {
            let said = format!("approved, and not closed: {deferral}");
            self.defer_close(id, deferral, &entry, now);
            return accepted(&said, Some(id.clone()), None);
        }
        let resolved = Event::ItemResolved {
            run: None,
            outcome: Outcome::Succeeded,
            evidence: entry.clone(),
            in_review: false,
        };
        self.record_item(id, resolved, now);
        self.update_tracker(id, Some(ItemState::Done), entry, now);
        self.plan(now);
        accepted("approved and completed", Some(id.clone()), None)
    }

    fn send_back(&mut self, id: &ItemId, review: &Review<'_>, now: Timestamp) -> Reply {
        if review.reason.trim().is_empty() {
            return refused("say what is wrong: --reason \"<text>\"");
        }
        let (by, phase) = (review.by.to_owned(), LanePhase::Running);
        let entry = format!("lane: rejected by {by}: {}", review.reason);
        let reason = review.reason.to_owned();
        self.record_item(id, Event::LaneReviewed { by, approved: false, reason, phase }, now);
        self.update_tracker(id, Some(ItemState::InProgress), entry, now);
        accepted("rejected; the lane is running again", Some(id.clone()), None)
    }

    /// The item is finished, given up or gone: its lane is free.
    pub(super) fn free_lane_of(&mut self, id: &ItemId, by: &str, now: Timestamp) {
        if let Some(lane) = self.lane_of(id).map(|session| session.lane) {
            let by = by.to_owned();
            self.record_item(id, Event::LaneUnlinked { lane, by }, now);
        }
    }

    /// The lane that is linked to an item.
    pub(super) fn lane_of(&self, id: &ItemId) -> Option<&LaneSession> {
        self.items.get(id)?.session.as_ref().filter(|session| session.is_linked())
    }

    /// The item that a lane is linked to.
    fn linked_to(&self, lane: Lane) -> Option<&ItemId> {
        let has = |record: &&ItemRecord| {
            record.session.as_ref().is_some_and(|it| it.lane == lane && it.is_linked())
        };
        self.items.values().find(has).map(|record| &record.item.id)
    }
}

fn cannot_start(lane: Lane, record: &ItemRecord) -> Option<String> {
    let item = &record.item;
    let (name, word) = (item.id.identifier(), lane.word());
    if !lane.is_operated() {
        return Some(format!(
            "{word} is not started by hand: set the lane of {name} to {word} in its tracker"
        ));
    }
    if record.closing_is_deferred() {
        return Some(waits_for_close(name));
    }
    match record.status {
        ItemStatus::InFlight => {
            let hint = format!("`enact-factory cancel {name}` ends it");
            Some(format!("a run of the daemon's own pipeline works on {name}; {hint}"))
        }
        ItemStatus::Done | ItemStatus::Failed | ItemStatus::Cancelled => {
            let status = record.status.word();
            Some(format!("{name} is {status}; `enact-factory retry` or its tracker opens it again"))
        }
        ItemStatus::Pending | ItemStatus::WaitingHuman if !record.present => {
            Some(format!("{name} is gone from its tracker"))
        }
        ItemStatus::Pending | ItemStatus::WaitingHuman => {
            let other = item.lane.is_operated() && item.lane != lane;
            other.then(|| {
                let named = item.lane.word();
                format!("the tracker of {name} says {named}: start that, or set its lane to {word}")
            })
        }
    }
}

fn waits_for_close(name: &str) -> String {
    format!(
        "{name} is approved and waits for `enact-factory acknowledge-close {name} --reason \"<text>\"`"
    )
}

fn already_linked(lane: Lane, name: &str) -> String {
    let word = lane.word();
    format!("{word} already linked to \"{name}\": `enact-factory lane unlink {word}` first")
}

fn not_linked(id: &ItemId) -> Reply {
    let name = id.identifier();
    refused(&format!(
        "no lane is linked to {name}: `enact-factory lane start <lane> {name}` links one"
    ))
}

impl ItemRecord {
    /// Whether it is finished and waits for a person to close it.
    fn closing_is_deferred(&self) -> bool {
        self.human.as_ref().is_some_and(|request| request.reason == HumanReason::CloseDeferred)
    }
}
