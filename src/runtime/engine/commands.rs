//! What people may ask for.

use std::time::Duration;

use crate::domain::bounds;
use crate::domain::command::Command;
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::{Approval, ItemStatus};
use crate::domain::run::{Outcome, Reception};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::pipeline::input::Input;

use super::{Engine, Reply};

/// Most notes in one run's prompts.
const MOST_NOTES: usize = 50;

impl Engine {
    /// Carries out a command.
    pub(super) fn command(&mut self, command: Command, actor: &str, now: Timestamp) -> Reply {
        match command {
            Command::Approve { target } => {
                self.on_item(&target, |engine, id| engine.approve(id, actor, now))
            }
            Command::Reject { target } => {
                self.on_item(&target, |engine, id| engine.refuse(id, actor, now))
            }
            Command::Cancel { target } => {
                self.on_item(&target, |engine, id| engine.cancel(id, actor, now))
            }
            Command::Retry { target, note } => {
                self.on_item(&target, |engine, id| engine.retry(id, actor, &note, now))
            }
            Command::Steer { target, text } | Command::FollowUp { target, text } => {
                self.on_item(&target, |engine, id| engine.follow_up(id, actor, text, now))
            }
            Command::Pause => {
                self.record_ops(Event::Paused { by: actor.to_owned() }, now);
                accepted("paused: no new runs are started; runs under way go on", None, None)
            }
            Command::Resume => {
                self.record_ops(Event::Resumed { by: actor.to_owned() }, now);
                self.plan(now);
                accepted("resumed", None, None)
            }
            Command::AgentOk { agent } => self.agent_ok(&agent, actor, now),
            Command::Turbo { hours } => self.turbo(hours, actor, now),
            Command::SetProvider { provider } => self.set_provider(provider, actor, now),
            Command::Heartbeat => {
                let open = self.intake_open;
                self.intake_open = true;
                self.plan(now);
                self.intake_open = open;
                accepted("planned", None, None)
            }
            Command::Lane { order } => self.lane_order(&order, actor, now),
            Command::AcknowledgeClose { target, reason } => self
                .on_item(&target, |engine, id| engine.acknowledge_close(id, &reason, actor, now)),
            Command::Stop { override_reason } => {
                self.stop_daemon(override_reason.as_deref(), actor, now)
            }
            Command::StopAcknowledge { reason } => self.acknowledge_stop(&reason, actor, now),
            Command::Submit { task } => self.submit(task, actor, now),
        }
    }

    fn turbo(&mut self, hours: u32, actor: &str, now: Timestamp) -> Reply {
        let until = (hours > 0).then(|| now.after(Duration::from_secs(u64::from(hours) * 3600)));
        self.record_ops(Event::TurboSet { by: actor.to_owned(), until }, now);
        self.plan(now);
        match until {
            Some(until) => accepted(&format!("turbo until {until}"), None, None),
            None => accepted("turbo is off", None, None),
        }
    }

    fn approve(&mut self, id: &ItemId, actor: &str, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return unknown(id.as_str()) };
        match &record.approval {
            Approval::Given { by, .. } => {
                return accepted(&format!("was approved by {by} before"), Some(id.clone()), None);
            }
            Approval::NotRequested
            | Approval::Requested { .. }
            | Approval::Refused { .. }
            | Approval::Expired { .. } => {}
        }
        if record.status != ItemStatus::Pending {
            let status = record.status.word();
            return refused(&format!(
                "{} is {status}: there is nothing to approve",
                id.identifier()
            ));
        }
        if let Some(reason) = self.no_room_for(record, now) {
            return refused(&reason);
        }
        self.record_item(id, Event::ApprovalGiven { by: actor.to_owned() }, now);
        self.update_tracker(id, None, format!("approved by {actor}"), now);
        self.create_next(id, now);
        self.plan(now);
        accepted("approved", Some(id.clone()), self.run_of(id))
    }

    fn refuse(&mut self, id: &ItemId, actor: &str, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return unknown(id.as_str()) };
        if record.status != ItemStatus::Pending {
            let status = record.status.word();
            return refused(&format!(
                "{} is {status}: there is nothing to reject",
                id.identifier()
            ));
        }
        self.record_item(id, Event::ApprovalRefused { by: actor.to_owned() }, now);
        self.update_tracker(id, None, format!("rejected by {actor}"), now);
        self.plan(now);
        accepted("rejected; `retry` asks again", Some(id.clone()), None)
    }

    fn cancel(&mut self, id: &ItemId, actor: &str, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return unknown(id.as_str()) };
        if record.status.is_settled() {
            let status = record.status.word();
            return refused(&format!("{} is {status} already", id.identifier()));
        }
        if let Some(run) = record.run {
            let input = Input::Cancel { by: actor.to_owned() };
            let _ignored = self.handle_run(run, None, false, input, now);
            return accepted("cancelled: its agent is being stopped", Some(id.clone()), Some(run));
        }
        let outcome = Outcome::Cancelled { by: actor.to_owned() };
        let evidence = format!("cancelled by {actor}");
        self.record_item(
            id,
            Event::ItemResolved {
                run: None,
                outcome,
                evidence: evidence.clone(),
                in_review: false,
            },
            now,
        );
        self.free_lane_of(id, actor, now);
        self.update_tracker(id, Some(ItemState::Cancelled), evidence, now);
        self.plan(now);
        accepted("cancelled", Some(id.clone()), None)
    }

    fn retry(&mut self, id: &ItemId, actor: &str, note: &str, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return unknown(id.as_str()) };
        if note.len() > bounds::NOTE_BYTES {
            return refused("the note is longer than 8 KiB; refer to a file in the repository");
        }
        match record.status {
            ItemStatus::InFlight => {
                return refused(&format!("{} is being worked on", id.identifier()));
            }
            ItemStatus::Done if record.in_review && record.offered.is_some() => {
                self.record_item(id, Event::ItemReopened { by: actor.to_owned() }, now);
            }
            ItemStatus::Done => {
                return refused(&format!(
                    "{} is done; reopen it in its tracker if it should be done again",
                    id.identifier()
                ));
            }
            ItemStatus::Failed | ItemStatus::Cancelled => {
                self.record_item(id, Event::ItemReopened { by: actor.to_owned() }, now);
            }
            ItemStatus::Pending | ItemStatus::WaitingHuman => {}
        }
        let answered = Event::ItemHumanAnswered { by: actor.to_owned(), answer: note.to_owned() };
        self.record_item(id, answered, now);
        self.create_next(id, now);
        let divided = self.items.get(id).is_some_and(|record| record.epic.is_some());
        let state = if divided { ItemState::InProgress } else { ItemState::Todo };
        // Whoever asks for it may know better than the provider's last word.
        self.closed_windows.clear();
        self.update_tracker(id, Some(state), format!("retry asked for by {actor}"), now);
        self.plan(now);
        accepted("back to work", Some(id.clone()), self.run_of(id))
    }

    /// Keeps what a person said for the next turn's prompt.
    fn follow_up(&mut self, id: &ItemId, actor: &str, text: String, now: Timestamp) -> Reply {
        let Some(record) = self.items.get(id) else { return unknown(id.as_str()) };
        let Some((run, state)) = record.run.and_then(|run| Some((run, self.runs.get(&run)?)))
        else {
            let (name, status) = (id.identifier(), record.status.word());
            return refused(&format!("not delivered: {name} is {status}, nobody works on it"));
        };
        if text.len() > bounds::NOTE_BYTES {
            return refused(
                "not delivered: it is longer than 8 KiB; refer to a file in the repository",
            );
        }
        if state.plan.notes.len() >= MOST_NOTES {
            return refused(&format!("not delivered: a run takes {MOST_NOTES} notes at most"));
        }
        let turn = state.next_turn();
        let (by, reception) = (actor.to_owned(), Reception::NextTurn);
        let input = Input::Instructed { by, text, reception };
        let _ignored = self.handle_run(run, None, false, input, now);
        accepted(&format!("queued for turn {turn}"), Some(id.clone()), Some(run))
    }

    /// The turn under way of what people call `target`: its run, and its number.
    #[must_use]
    pub fn turn_of(&self, target: &str) -> Option<(ItemId, RunId, u32)> {
        let Found::One(id) = self.find(target) else { return None };
        let run = self.run_of(&id)?;
        let turn = self.runs.get(&run)?.turn_in_flight()?.turn;
        Some((id, run, turn))
    }

    /// Lets `act` happen to the item that people call `target`.
    pub(super) fn on_item(
        &mut self,
        target: &str,
        act: impl FnOnce(&mut Self, &ItemId) -> Reply,
    ) -> Reply {
        match self.find(target) {
            Found::One(id) => act(self, &id),
            Found::None => unknown(target),
            Found::Many(ids) => ambiguous(target, &ids),
        }
    }

    /// Finds the item that people call `target`: its id, its identifier (in any case), or a run (id or short id).
    pub(super) fn find(&self, target: &str) -> Found {
        let wanted = target.trim();
        if let Some(id) = self.items.keys().find(|id| id.as_str() == wanted) {
            return Found::One(id.clone());
        }
        let by_run = self.items.values().filter(|record| {
            [record.run, record.last_run]
                .into_iter()
                .flatten()
                .any(|run| run.to_string() == wanted || run.short() == wanted)
        });
        let by_name = self
            .items
            .values()
            .filter(|record| record.item.id.identifier().eq_ignore_ascii_case(wanted));
        let mut found: Vec<ItemId> =
            by_run.chain(by_name).map(|record| record.item.id.clone()).collect();
        found.sort();
        found.dedup();
        match found.len() {
            0 => Found::None,
            1 => Found::One(found.remove(0)),
            _ => Found::Many(found),
        }
    }

    /// The run that has the item.
    pub(super) fn run_of(&self, id: &ItemId) -> Option<RunId> {
        self.items.get(id).and_then(|record| record.run)
    }
}

/// What a name that people typed stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing known.
    None,
    /// One item.
    One(ItemId),
    /// Several items of the same name.
    Many(Vec<ItemId>),
}

pub(super) fn accepted(message: &str, item: Option<ItemId>, run: Option<RunId>) -> Reply {
    Reply { accepted: true, message: message.to_owned(), item, run }
}

pub(super) fn refused(message: &str) -> Reply {
    Reply { accepted: false, message: message.to_owned(), item: None, run: None }
}

pub(super) fn ambiguous(target: &str, ids: &[ItemId]) -> Reply {
    let names: Vec<&str> = ids.iter().map(ItemId::as_str).collect();
    refused(&format!("`{target}` could be {}", names.join(" or ")))
}

pub(super) fn unknown(target: &str) -> Reply {
    refused(&format!("no item or run is called `{target}`; `enact-factory status` lists them"))
}
