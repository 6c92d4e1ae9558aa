//! What is known of a task: the folds of its events, as they come in.

use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::ids::ItemId;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::pipeline::state::RunState;
use crate::surfaces::control::wire::EventView;

/// The item and its latest run.
#[derive(Debug, Clone)]
pub(in super::super) struct Fold {
    /// The item's id.
    pub(in super::super) item: ItemId,
    /// The item, from its first event on.
    pub(in super::super) record: Option<ItemRecord>,
    /// Its latest run.
    pub(in super::super) run: Option<RunState>,
    /// Global number of the last event seen.
    pub(super) cursor: u64,
}

impl Fold {
    pub(super) fn new(item: ItemId, cursor: u64) -> Self {
        Self { item, record: None, run: None, cursor }
    }

    /// Takes one event into account.
    pub(super) fn take(&mut self, view: &EventView, event: &Event) {
        self.cursor = view.gseq;
        if view.stream == self.item.stream().0 {
            match &mut self.record {
                Some(record) => record.evolve(event, view.at),
                None => self.record = ItemRecord::first(event, view.at),
            }
        } else if let Some(run) = RunState::first(event, view.at) {
            self.run = Some(run);
        } else if let Some(run) = &mut self.run
            && run.id.stream().0 == view.stream
        {
            run.evolve(event, view.at);
        }
    }

    /// Whether nothing more happens to the item by itself.
    pub(in super::super) fn is_over(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(|it| it.status.is_settled() || it.status == ItemStatus::WaitingHuman)
    }

    /// What the run's agent said when its provider did not let it in, if the run waits for that.
    pub(super) fn not_let_in(&self) -> Option<&str> {
        let waiting = self.run.as_ref()?.waiting.as_ref()?;
        let refused = waiting.failure.class == FailureClass::Authentication;
        refused.then_some(waiting.failure.message.as_str())
    }

    /// Whether the run's worktree was dealt with, or there is none.
    pub(super) fn is_tidy(&self) -> bool {
        self.run.as_ref().is_none_or(|run| run.outcome.is_some() && run.cleaned.is_some())
    }
}
