//! The guard before the factory closes an item, and what people say when it does not.

use crate::domain::bounds;
use crate::domain::closing::{self, Closing, Deferral};
use crate::domain::event::Event;
use crate::domain::ids::ItemId;
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};

use super::commands::{accepted, refused};
use super::{Engine, Reply};

impl Engine {
    /// Whether the factory may close the item `id` by itself once it is finished.
    ///
    /// # Errors
    /// Why a person has to.
    pub(super) fn may_close(&self, id: &ItemId) -> Result<(), Deferral> {
        let Some(record) = self.items.get(id) else { return Ok(()) };
        if let Closing::Acknowledged { .. } = &record.closing {
            return Ok(());
        }
        let items = self.items.values().map(|record| &record.item);
        let below = closing::below(id, &items);
        closing::can_auto_close(&record.item, &below, |item| self.repository_of(item))
    }

    /// Leaves a finished item in review until a person closes it, as an entry of the ledger. `entry` is for its tracker.
    pub(super) fn defer_close(
        &mut self,
        id: &ItemId,
        deferral: Deferral,
        entry: &str,
        now: Timestamp,
    ) {
        let entry = format!("{entry}; not closed: {deferral}");
        self.record_item(id, Event::CloseDeferred { deferral }, now);
        self.update_tracker(id, Some(ItemState::InReview), entry, now);
        self.plan(now);
    }

    /// A person says that an item which the guard held back is finished as a whole.
    pub(super) fn acknowledge_close(
        &mut self,
        id: &ItemId,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Reply {
        let Some(record) = self.items.get(id) else { return super::commands::unknown(id.as_str()) };
        if reason.trim().is_empty() {
            return refused("say why the whole is finished: --reason \"<text>\"");
        }
        let is_closed = match &record.closing {
            Closing::Deferred { .. } => false,
            Closing::Unproven { .. } => true,
            Closing::Acknowledged { by, .. } => {
                return accepted(
                    &format!("was acknowledged by {by} before"),
                    Some(id.clone()),
                    None,
                );
            }
            Closing::Free => {
                let name = id.identifier();
                return refused(&format!(
                    "{name} has no deferred close: there is nothing to acknowledge"
                ));
            }
        };
        let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
        let entry = format!("close acknowledged by {actor}: {reason}");
        self.record_item(id, Event::CloseAcknowledged { by: actor.to_owned(), reason }, now);
        if is_closed {
            self.update_tracker(id, None, entry, now);
            return accepted("acknowledged", Some(id.clone()), None);
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
        accepted("acknowledged and closed", Some(id.clone()), None)
    }

    /// People have closed the item in its tracker: where the guard would have held it back, somebody has to say why.
    pub(super) fn note_closure(&mut self, id: &ItemId, now: Timestamp) {
        let is_done = self.items.get(id).is_some_and(|it| it.item.state == ItemState::Done);
        if let (true, Err(deferral)) = (is_done, self.may_close(id)) {
            tracing::warn!(item.id = %id, "closure-evidence-missing: it was closed in its tracker without acknowledgment, {deferral}");
            self.record_item(id, Event::ClosureUnproven { deferral }, now);
        }
    }

    /// The repository an item belongs to, by today's rules.
    fn repository_of(&self, item: &WorkItem) -> Option<String> {
        let configured = self.policy.project_of(item.project.as_ref());
        let ad_hoc = || item.project.as_ref().map(|project| project.as_str().to_owned());
        configured.map(|project| project.repository.clone()).or_else(ad_hoc)
    }
}
