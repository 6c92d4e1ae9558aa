//! Starting the effects that are due, and noticing those that ended without a word.

use std::sync::Arc;

use crate::domain::effect::Effect;
use crate::domain::failure::Failure;
use crate::domain::ids::EffectKey;
use crate::store::error::StoreError;

use super::super::effects::{self, Desk, Done, Job};
use super::super::engine::Wanted;
use super::super::tasks::Ended;
use super::Dispatcher;
use super::deciding::Decided;
use super::timers::OBSERVING;
use super::watching::WATCHING;

impl Dispatcher {
    pub(super) async fn start_effects(&mut self) -> Result<(), StoreError> {
        let held = self.engine.hold_unaffordable(self.ports.clock.now());
        let mut decided = Decided::default();
        let _no_command = decided.add(held);
        self.commit(decided).await?;
        for Wanted { key, effect } in self.engine.start_due(self.ports.clock.now()) {
            let token = match effect.run() {
                Some(run) => {
                    self.stop_runs.entry(run).or_insert_with(|| self.stop_all.child_token()).clone()
                }
                None => self.stop_all.child_token(),
            };
            // Cleaning up comes after the run's tasks were stopped; it must not be stopped with them.
            let cancel = match effect {
                Effect::CleanUp { .. } | Effect::Release { .. } => self.stop_all.child_token(),
                Effect::Claim { .. }
                | Effect::PrepareWorkspace { .. }
                | Effect::RunTurn { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::UpdateTracker { .. }
                | Effect::CreateItem { .. } => token,
            };
            let item = match &effect {
                Effect::UpdateTracker { item, .. } | Effect::CreateItem { parent: item, .. } => {
                    self.engine.item(item).cloned()
                }
                Effect::Claim { .. }
                | Effect::Release { .. }
                | Effect::PrepareWorkspace { .. }
                | Effect::RunTurn { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::CleanUp { .. } => None,
            };
            let job = Job {
                run: effect.run().and_then(|run| self.engine.run(run)).cloned(),
                item,
                key: key.clone(),
                effect,
                cancel,
                leave: self.leave_all.clone(),
                desk: Desk::new(self.desk_sender.clone()),
            };
            self.tasks.spawn(key.as_str(), effects::execute(Arc::clone(&self.ports), job));
        }
        let engine = &self.engine;
        self.stop_runs.retain(|run, _| engine.run(*run).is_some());
        Ok(())
    }

    /// A task that panicked reports nothing by itself: its effect failed on our side.
    pub(super) async fn task_ended(&mut self, ended: Ended) -> Result<(), StoreError> {
        if ended.name == OBSERVING {
            self.observing = false;
            if ended.panicked {
                tracing::error!(
                    "reading the trackers panicked; they are read again at the next poll"
                );
            }
            return Ok(());
        }
        if ended.name == WATCHING {
            self.watching = false;
            if ended.panicked {
                tracing::error!("reading pull requests panicked; they are read again in time");
            }
            return Ok(());
        }
        let key = EffectKey(ended.name);
        if !ended.panicked || !self.engine.is_open(&key) {
            return Ok(());
        }
        tracing::error!(effect = %key, "an effect panicked; it is treated as an infrastructure failure");
        let failure = Failure::infrastructure(format!("internal error while doing {key}"));
        let Some(effect) = self.engine.effect(&key).cloned() else { return Ok(()) };
        let done = match &effect {
            Effect::RunTurn { run, turn } if self.turn_is_in_flight(*run, *turn) => {
                Done::Run(effects::turn_lost(*turn, failure))
            }
            other => effects::failed(other, failure),
        };
        let mut decided = Decided::default();
        self.effect_over(key, effect.run(), done, &mut decided);
        self.commit(decided).await
    }
}
