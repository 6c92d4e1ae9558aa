//! The stop policy: what is left open when a lane or the daemon is to stop, and what becomes of that.

use crate::domain::bounds;
use crate::domain::event::Event;
use crate::domain::ids::ItemId;
use crate::domain::lane_session::LanePhase;
use crate::domain::stop_policy::{self, Gate, Ruling, StopScope, StopVerdict, Unmet};
use crate::domain::time::Timestamp;

use super::commands::{accepted, refused};
use super::{Engine, Reply};

/// At whose wish a daemon stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Somebody's, by a command that the stop policy has judged.
    Asked,
    /// Somebody's who starts the next one.
    HandedOver,
    /// That of whoever runs it.
    Signalled,
    /// Nobody's: the one task is over that it was started for.
    Finished,
}

impl Engine {
    /// Stops the lane of an item, unless something is open and nobody overrides that.
    pub(super) fn stop_lane(
        &mut self,
        id: &ItemId,
        override_reason: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Reply {
        let Some(session) = self.lane_of(id) else {
            return accepted("no lane is linked to it", Some(id.clone()), None);
        };
        let lane = session.lane.word();
        if session.phase == LanePhase::Stopped {
            return accepted(&format!("{lane} is stopped already"), Some(id.clone()), None);
        }
        let unmet = self.unmet_of(id);
        let scope = StopScope::Lane { item: id.clone() };
        if let Err(refusal) = self.judge(scope, unmet, override_reason, actor, now) {
            return refusal;
        }
        let note = override_reason.unwrap_or_default().to_owned();
        let (phase, by) = (LanePhase::Stopped, actor.to_owned());
        let entry = format!("lane {lane} stopped by {actor}");
        self.record_item(id, Event::LaneMoved { phase, by, note }, now);
        self.update_tracker(id, None, entry, now);
        let name = id.identifier();
        let said = format!(
            "{lane} is stopped and still linked; `enact-factory lane start {lane} {name}` goes on with it"
        );
        accepted(&said, Some(id.clone()), None)
    }

    /// Whether the daemon may stop because somebody asks for it.
    pub(super) fn stop_daemon(
        &mut self,
        override_reason: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Reply {
        match self.judge(StopScope::Daemon {}, self.unmet(), override_reason, actor, now) {
            Ok(()) => accepted("the daemon stops in order", None, None),
            Err(refusal) => refusal,
        }
    }

    /// Somebody has seen the verdicts.
    pub(super) fn acknowledge_stop(&mut self, reason: &str, actor: &str, now: Timestamp) -> Reply {
        let seen = self.ops.verdicts.open.len();
        let unproven = self.unmet().iter().any(|it| it.gate == Gate::ClosureEvidenceMissing);
        if seen == 0 && !unproven {
            return accepted("there is no verdict to acknowledge", None, None);
        }
        let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
        self.record_ops(Event::StopAcknowledged { by: actor.to_owned(), reason }, now);
        let verdicts = if seen == 1 { "verdict" } else { "verdicts" };
        accepted(&format!("{seen} {verdicts} acknowledged"), None, None)
    }

    /// The daemon goes. What is open is put on record for whoever starts the next one, unless somebody was told already,
    /// or another daemon takes its place at once.
    pub(super) fn stopping(&mut self, departure: Departure, now: Timestamp) {
        let unmet = match departure {
            Departure::Signalled => self.unmet(),
            Departure::Asked | Departure::HandedOver | Departure::Finished => Vec::new(),
        };
        if !unmet.is_empty() {
            let by = format!("system:{}", self.identity.instance);
            let verdict = StopVerdict::new(StopScope::Daemon {}, Ruling::Signalled {}, &by, unmet);
            tracing::warn!("{verdict}");
            self.record_ops(Event::StopJudged { verdict }, now);
        }
        self.record_ops(Event::DaemonStopped { instance: self.identity.instance.clone() }, now);
    }

    /// Puts a verdict on record where something is open.
    ///
    /// # Errors
    /// The answer when nothing may be stopped.
    fn judge(
        &mut self,
        scope: StopScope,
        unmet: Vec<Unmet>,
        override_reason: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), Reply> {
        if unmet.is_empty() {
            return Ok(());
        }
        let ruling = match override_reason {
            Some(reason) if reason.trim().is_empty() => {
                return Err(refused("say why it may stop all the same: --reason \"<text>\""));
            }
            Some(reason) => {
                let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
                Ruling::Overridden { reason }
            }
            None => Ruling::Denied {},
        };
        let denied = ruling == Ruling::Denied {};
        let verdict = StopVerdict::new(scope, ruling, actor, unmet);
        let mut said = format!("the stop policy says no: {}", verdict.gates());
        for unmet in &verdict.unmet {
            said = format!("{said}\n  {} ← {}", unmet, unmet.remedy());
        }
        tracing::warn!("{verdict}");
        self.record_ops(Event::StopJudged { verdict }, now);
        if denied { Err(refused(&said)) } else { Ok(()) }
    }

    /// Everything that is open, by item.
    pub(super) fn unmet(&self) -> Vec<Unmet> {
        let silenced = self.ops.verdicts.acknowledged;
        self.items
            .keys()
            .flat_map(|id| self.unmet_of(id))
            .filter(|it| !silenced || it.gate != Gate::ClosureEvidenceMissing)
            .collect()
    }

    /// What is open at one item.
    pub(super) fn unmet_of(&self, id: &ItemId) -> Vec<Unmet> {
        let record = self.items.get(id).filter(|record| record.present);
        record
            .map_or_else(Vec::new, |record| stop_policy::unmet(record, self.outbox.update_open(id)))
    }
}
